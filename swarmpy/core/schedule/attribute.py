"""What can be asked about a node: its own attributes, and the labels it and its engine have."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from swarmpy.pb.objects_pb2 import Node
from swarmpy.pb.types_pb2 import NODE_ROLE_MANAGER

ROLES = ("manager", "worker")
HOSTNAME = "node.hostname"
ADDRESS = "node.ip"

_FIELDS: Mapping[str, Callable[[Node], str]] = {
    "node.id": lambda node: node.id,
    HOSTNAME: lambda node: node.description.hostname,
    "node.role": lambda node: ROLES[0] if node.role == NODE_ROLE_MANAGER else ROLES[1],
    ADDRESS: lambda node: node.status.address,
    "node.platform.os": lambda node: node.description.platform.os,
    "node.platform.arch": lambda node: node.description.platform.architecture,
}
NODE_LABEL = "node.labels."
_LABELS: Mapping[str, Callable[[Node], Mapping[str, str]]] = {
    NODE_LABEL: lambda node: node.spec.labels,
    "engine.labels.": lambda node: node.description.engine_labels,
}
KEYS = (*_FIELDS, *(f"{prefix}NAME" for prefix in _LABELS))
"""Every key there is, for people."""


def is_key(key: str) -> bool:
    """Say whether nodes can be asked for `key`."""
    return key in _FIELDS or all(_label(key))


def find_value(key: str, node: Node) -> str | None:
    """Return what a node has under a known key; None for what it does not have.

    A label may be there and empty; an attribute that is empty is not known.
    """
    if key in _FIELDS:
        return _FIELDS[key](node) or None
    prefix, name = _label(key)
    return _LABELS[prefix](node).get(name)


def value_of(key: str, node: Node) -> str:
    """Return what a node has under a known key; "" for what it does not have."""
    return find_value(key, node) or ""


def _label(key: str) -> tuple[str, str]:
    """Return ("node.labels.", NAME), or ("", "") when the key names no label."""
    for prefix in _LABELS:
        if key.startswith(prefix):
            return prefix, key.removeprefix(prefix)
    return "", ""
