"""gRPC and the cluster port: who is on the other end, and errors that cross the wire."""
