"""The composition root: one node, from settings to running parts."""
