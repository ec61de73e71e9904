"""Every decision, as a pure function: (what is, what is wanted, now) -> actions."""
