"""Reads what people write: YAML with positions, all faults at once."""
