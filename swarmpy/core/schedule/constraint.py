"""Placement constraints: what a service asks of a node, as people write it.

    node.labels.disk == ssd        node.role != manager        engine.labels.gpu==a100

Keys are exact; values are compared without regard to case. A label that a node does not
have is equal to nothing, so `!=` accepts that node. All constraints must hold.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from swarmpy.errors import InvalidInput
from swarmpy.pb.objects_pb2 import Node
from swarmpy.pb.types_pb2 import NODE_ROLE_MANAGER

ROLES = ("manager", "worker")

_FIELDS: Mapping[str, Callable[[Node], str]] = {
    "node.id": lambda node: node.id,
    "node.hostname": lambda node: node.description.hostname,
    "node.role": lambda node: ROLES[0] if node.role == NODE_ROLE_MANAGER else ROLES[1],
    "node.platform.os": lambda node: node.description.platform.os,
    "node.platform.arch": lambda node: node.description.platform.architecture,
}
_LABELS: Mapping[str, Callable[[Node], Mapping[str, str]]] = {
    "node.labels.": lambda node: node.spec.labels,
    "engine.labels.": lambda node: node.description.engine_labels,
}
_FORM = re.compile(r"\s*([^\s=!]+)\s*(==|!=)\s*([^\s=!](?:.*\S)?)\s*")
KEYS = (*_FIELDS, *(f"{prefix}NAME" for prefix in _LABELS))
"""What a constraint may begin with, for people."""


@dataclass(frozen=True, slots=True)
class Constraint:
    """One condition on a node."""

    key: str
    equal: bool
    """True for `==`, False for `!=`."""
    value: str

    def holds(self, node: Node) -> bool:
        return (value_of(self.key, node).casefold() == self.value.casefold()) is self.equal

    def __str__(self) -> str:
        return f"{self.key}{'==' if self.equal else '!='}{self.value}"


@lru_cache(maxsize=4096)
def parse(expression: str) -> Constraint:
    """Return the constraint that `expression` writes down.

    Raises:
        InvalidInput: it is not one; the message says what was expected.
    """
    written = _FORM.fullmatch(expression)
    if written is None:
        raise InvalidInput(
            f"constraint {expression!r} cannot be read, expected KEY==VALUE or KEY!=VALUE",
            remedy="write it like node.labels.disk==ssd",
        )
    key, operator, value = written.groups()
    return _checked(expression, Constraint(key, operator == "==", value))


def matches(expressions: Sequence[str], node: Node) -> bool:
    """Say whether `node` meets every constraint. Raises InvalidInput as `parse` does."""
    return all(parse(expression).holds(node) for expression in expressions)


def value_of(key: str, node: Node) -> str:
    """Return what a node has under a known key; "" for a label it does not have."""
    if key in _FIELDS:
        return _FIELDS[key](node)
    prefix, name = _label(key)
    return _LABELS[prefix](node).get(name, "")


def is_label(key: str) -> bool:
    """Say whether `key` names a label of a node or of its engine."""
    return all(_label(key))


def _label(key: str) -> tuple[str, str]:
    """Return ("node.labels.", NAME), or ("", "") when the key names no label."""
    for prefix in _LABELS:
        if key.startswith(prefix):
            return prefix, key.removeprefix(prefix)
    return "", ""


def _checked(expression: str, constraint: Constraint) -> Constraint:
    if constraint.key not in _FIELDS and not is_label(constraint.key):
        raise InvalidInput(
            f"constraint {expression!r} asks for {constraint.key!r}, expected one of "
            + ", ".join(KEYS),
            remedy="label nodes with `swarmpy node update --label NAME=VALUE NODE`",
        )
    if constraint.key == "node.role" and constraint.value.casefold() not in ROLES:
        raise InvalidInput(
            f"constraint {expression!r} can never hold, expected the role " + " or ".join(ROLES),
            remedy="write node.role==manager or node.role==worker",
        )
    return constraint
