"""The `swarmpy` program. Start reading at main.py."""
