"""Finds out whether a Docker Engine answers, quickly and without keeping a connection."""

from __future__ import annotations

import docker
from docker.errors import DockerException

from swarmpy.errors import EngineUnavailable

ANSWER_TIMEOUT_S = 5


def engine_version(docker_host: str | None) -> str:
    """Return what answers, such as "docker 20.10.24".

    `docker_host` is a URL as in DOCKER_HOST; None asks the environment, then the usual socket.

    Raises:
        EngineUnavailable: saying why, and what to do.
    """
    try:
        if docker_host is None:
            client = docker.from_env(timeout=ANSWER_TIMEOUT_S)
        else:
            client = docker.DockerClient(base_url=docker_host, timeout=ANSWER_TIMEOUT_S)
        try:
            return f"docker {client.version()['Version']}"
        finally:
            client.close()
    except DockerException as error:
        raise EngineUnavailable(
            f"no Docker Engine answers at {docker_host or 'the usual socket'}: {error}",
            remedy="start it (systemctl start docker), or choose --runtime process",
        ) from error


def docker_answers(docker_host: str | None = None) -> bool:
    """Tell whether an engine answers."""
    try:
        engine_version(docker_host)
    except EngineUnavailable:
        return False
    return True
