"""The command line: one noun a file; render.py holds all of rich."""
