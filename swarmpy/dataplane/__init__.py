"""Service traffic: a port on every node, spread over a service's healthy tasks."""
