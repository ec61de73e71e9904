"""What people can see of a running node: logs and metrics."""
