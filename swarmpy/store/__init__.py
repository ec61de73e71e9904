"""What is true: the cluster's state, replicated, and the only place where parts meet."""
