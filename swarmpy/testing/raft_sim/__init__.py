"""Raft alone under everything that can happen to it, thousands of seeds at a time."""
