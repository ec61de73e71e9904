"""Reads the names of images: which registry they are at, and which digest they mean.

Source: https://pkg.go.dev/github.com/distribution/reference
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from swarmpy.core.pod import all_containers
from swarmpy.pb.specs_pb2 import TaskSpec

DOCKER_HUB = "docker.io"
_HUB_NAMES = frozenset({"index.docker.io", "registry-1.docker.io", DOCKER_HUB})


def registry_of(image: str) -> str:
    """Return the host, or host:port, of the registry that an image is at."""
    first, slash, _ = image.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return registry_name(first)
    return DOCKER_HUB


def registry_name(typed: str) -> str:
    """Return a registry as images name it: without a scheme and a path."""
    host = typed.strip().removeprefix("https://").removeprefix("http://").partition("/")[0].lower()
    return DOCKER_HUB if host in _HUB_NAMES else host


def repository_of(image: str) -> str:
    """Return an image's name without its tag and its digest."""
    name = image.partition("@")[0]
    path, colon, tag = name.rpartition(":")
    return path if colon and "/" not in tag else name


def pinned(image: str, digests: Mapping[str, str]) -> str:
    """Return the image to run for `image`, of which `digests` may know what it means."""
    digest = digests.get(image, "")
    return f"{repository_of(image)}@{digest}" if digest and "@" not in image else image


def images_of(task: TaskSpec) -> Iterator[str]:
    """Yield the images of a task's containers."""
    for container in all_containers(task):
        yield container.image
