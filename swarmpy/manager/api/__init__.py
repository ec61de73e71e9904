"""The control API: one noun a file, each a class whose methods are named as the RPCs."""
