"""Compose files: https://github.com/compose-spec/compose-spec. One section of the file a module."""
