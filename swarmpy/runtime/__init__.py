"""Containers: the Docker Engine, or plain processes where there is none."""
