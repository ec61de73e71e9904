"""Placement constraints: what a service asks of a node, as people write it.

    node.labels.disk == ssd             node.role != manager        node.ip == 10.1.0.0/16
    node.labels.zone in (north, south)  engine.labels.gpu not in (k80, m60)
    node.labels.gpu exists              node.labels.legacy not exists
    node.labels.cores > 8               node.hostname =~ db-[0-9]+

Keys are exact; values are compared without regard to case. A label that a node does not
have is equal to nothing, so `!=` and `not in` accept that node; it is no number and matches
no pattern. A pattern describes the whole value. All constraints must hold.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from swarmpy.core.schedule import pattern
from swarmpy.core.schedule.attribute import ADDRESS, KEYS, ROLES, find_value, is_key
from swarmpy.errors import InvalidInput
from swarmpy.pb.objects_pb2 import Node

_KEY = re.compile(r"\s*([^\s=!<>~(),]+)\s*")
_OPERATORS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("==", re.compile(r"==\s*(?=[^\s=!~])")),
    ("!=", re.compile(r"!=\s*(?=[^\s=!~])")),
    ("=~", re.compile(r"=~\s*(?=\S)")),
    (">", re.compile(r">\s*(?=[^\s=])")),
    ("<", re.compile(r"<\s*(?=[^\s=])")),
    ("not in", re.compile(r"(?<=\s)not\s+in\s*(?=\()")),
    ("in", re.compile(r"(?<=\s)in\s*(?=\()")),
    ("not exists", re.compile(r"(?<=\s)not\s+exists\s*$")),
    ("exists", re.compile(r"(?<=\s)exists\s*$")),
)
OPERATORS = "==, !=, in (...), not in (...), exists, not exists, >, < or =~"
"""For people."""
NEGATED = frozenset({"!=", "not in", "not exists"})
"""These hold for a node that has nothing under the key."""


@dataclass(frozen=True, slots=True)
class Constraint:
    """One condition on a node."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def holds(self, node: Node) -> bool:
        has = find_value(self.key, node)
        if has is None or self.operator.endswith("exists"):
            return (self.operator in NEGATED) is (has is None)
        match self.operator:
            case "=~":
                return pattern.matches(self.values[0], has)
            case ">" | "<":
                return self._is_beyond(has)
            case _:
                return self._is_one(has) is (self.operator not in NEGATED)

    def __str__(self) -> str:
        if not self.values:
            return f"{self.key} {self.operator}"
        if self.operator in {"in", "not in"}:
            return f"{self.key} {self.operator} ({', '.join(self.values)})"
        return f"{self.key}{self.operator}{self.values[0]}"

    def _is_beyond(self, has: str) -> bool:
        number, bound = _number(has), float(self.values[0])
        if number is None:
            return False
        return number > bound if self.operator == ">" else number < bound

    def _is_one(self, has: str) -> bool:
        if self.key == ADDRESS:
            return any(_is_within(has, value) for value in self.values)
        folded = has.casefold()
        return any(folded == value.casefold() for value in self.values)


@lru_cache(maxsize=4096)
def parse(expression: str) -> Constraint:
    """Return the constraint that `expression` writes down.

    Raises:
        InvalidInput: it is not one; the message says where, and what was expected.
    """
    key = _KEY.match(expression)
    if key is None:
        at = len(expression) - len(expression.lstrip())
        raise _unread(expression, at, f"KEY==VALUE with a key of {', '.join(KEYS)}")
    if not is_key(key[1]):
        raise InvalidInput(
            f"constraint {expression!r} asks for {key[1]!r}, expected one of {', '.join(KEYS)}",
            remedy="label nodes with `swarmpy node update --label NAME=VALUE NODE`",
        )
    for operator, form in _OPERATORS:
        found = form.match(expression, key.end())
        if found is not None:
            values = _values(expression, operator, found.end())
            constraint = Constraint(key[1], operator, values)
            _check(expression, constraint, found.end())
            return constraint
    raise _unread(expression, key.end(), f"{OPERATORS}, with a value")


def matches(expressions: Sequence[str], node: Node) -> bool:
    """Say whether `node` meets every constraint. Raises InvalidInput as `parse` does."""
    return all(parse(expression).holds(node) for expression in expressions)


def _values(expression: str, operator: str, start: int) -> tuple[str, ...]:
    rest = expression[start:].rstrip()
    if operator in {"exists", "not exists"}:
        return ()
    if operator not in {"in", "not in"}:
        return (rest,)
    if not rest.endswith(")"):
        raise _unread(expression, start + len(rest), "a ')' after the last value")
    values = []
    at = start + 1
    for item in rest[1:-1].split(","):
        if not item.strip() or set("()") & set(item):
            raise _unread(expression, at, "values between commas, like (a, b)")
        values.append(item.strip())
        at += len(item) + 1
    return tuple(values)


def _check(expression: str, constraint: Constraint, at: int) -> None:
    """Refuse values that the key or the operator can do nothing with. `at`: where they begin."""
    operator, values = constraint.operator, constraint.values
    if operator in {"<", ">"} and _number(values[0]) is None:
        raise _unread(expression, at, f"a number after {operator}")
    if operator == "=~":
        _check_pattern(expression, values[0], at)
    elif constraint.key == "node.role":
        if operator not in {"==", "!=", "in", "not in"} or any(
            value.casefold() not in ROLES for value in values
        ):
            raise InvalidInput(
                f"constraint {expression!r} can never hold, expected the role manager or worker",
                remedy="write node.role==manager or node.role==worker",
            )
    elif constraint.key == ADDRESS and operator in {"==", "!=", "in", "not in"}:
        for value in values:
            if _network(value) is None:
                expected = "addresses or subnets, like 10.1.0.7 or 10.1.0.0/16"
                raise _unread(expression, expression.index(value, at), expected)


def _check_pattern(expression: str, text: str, at: int) -> None:
    try:
        pattern.compiled(text)
    except InvalidInput as wrong:
        raise InvalidInput(
            f"constraint {expression!r} cannot be used: {wrong.message} "
            f"(it begins at character {at + 1}), expected a simple pattern",
            remedy=wrong.remedy,
        ) from None


def _unread(expression: str, at: int, expected: str) -> InvalidInput:
    found = repr(expression[at : at + 12]) if at < len(expression) else "the end"
    return InvalidInput(
        f"constraint {expression!r} cannot be read at character {at + 1}, where it has {found}, "
        f"expected {expected}",
        remedy="write it like node.labels.disk==ssd or node.labels.zone in (north, south)",
    )


def _number(text: str) -> float | None:
    return float(text) if re.fullmatch(r"[+-]?\d{1,18}(\.\d{1,18})?", text) else None


@lru_cache(maxsize=4096)
def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _is_within(address: str, subnet: str) -> bool:
    inner, outer = _network(address), _network(subnet)
    if inner is None or outer is None or inner.version != outer.version:
        return False
    return inner.network_address in outer
