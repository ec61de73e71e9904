"""Gossip's own process: sockets, keys, and the daemon's end of it."""
