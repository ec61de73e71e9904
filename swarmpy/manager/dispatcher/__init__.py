"""One stream per agent: assignments go down, statuses and heartbeats come up."""
