"""Gossip alone, in virtual time, from one seed: a thousand nodes on one core."""
