"""Tests here use the same engine and runtimes as the conformance suites."""

from tests.conformance.conftest import docker_host, docker_runtime, node_id

__all__ = ["docker_host", "docker_runtime", "node_id"]
