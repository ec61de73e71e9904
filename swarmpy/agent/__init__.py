"""Who runs: the part on every node that makes its tasks real."""
