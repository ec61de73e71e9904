"""Moves a service's slots to what it asks for now, a few at a time, and back if that fails."""
