"""Certificates, tokens and TLS."""
