"""A whole swarm in one process, from one seed. Shipped, so that users can test with it."""
