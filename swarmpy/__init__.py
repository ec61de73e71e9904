"""SwarmPy runs containers on many hosts as if they were one."""

__version__ = "0.1.0"
