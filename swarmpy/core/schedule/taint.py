"""Taints keep tasks off a node; tolerations let some come, or stay for a while.

A toleration of a limited time lets tasks stay, counted from when the taint was put on; it
lets none come, since they would have to leave again at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from swarmpy.pb.control_pb2 import UpdateNodeRequest
from swarmpy.pb.objects_pb2 import Node
from swarmpy.pb.specs_pb2 import Placement
from swarmpy.pb.types_pb2 import (
    TAINT_EFFECT_NO_EXECUTE,
    TAINT_EFFECT_NO_SCHEDULE,
    TAINT_EFFECT_PREFER_NO_SCHEDULE,
    TOLERATION_OPERATOR_EXISTS,
    Taint,
    TaintEffect,
)

EFFECTS = {
    "no-schedule": TAINT_EFFECT_NO_SCHEDULE,
    "prefer-no-schedule": TAINT_EFFECT_PREFER_NO_SCHEDULE,
    "no-execute": TAINT_EFFECT_NO_EXECUTE,
}
_NAMES = {effect: name for name, effect in EFFECTS.items()}
_REFUSES = frozenset({TAINT_EFFECT_NO_SCHEDULE, TAINT_EFFECT_NO_EXECUTE})


class Tolerance(NamedTuple):
    """A toleration, to be compared and hashed."""

    key: str
    is_any_value: bool
    value: str
    effect: TaintEffect.ValueType
    stay_s: float | None

    def covers(self, taint: Taint) -> bool:
        """Say whether it is about this taint."""
        return (
            self.effect in {0, taint.effect}
            and (self.key == taint.key or (self.is_any_value and not self.key))
            and (self.is_any_value or self.value == taint.value)
        )


def tolerances(placement: Placement) -> tuple[Tolerance, ...]:
    return tuple(
        Tolerance(
            one.key,
            one.operator == TOLERATION_OPERATOR_EXISTS,
            one.value,
            one.effect,
            one.stay_s if one.HasField("stay_s") else None,
        )
        for one in placement.tolerations
    )


def refusing(tolerated: Iterable[Tolerance], node: Node) -> list[Taint]:
    """Return the taints that keep new tasks off a node."""
    if not node.spec.taints:
        return []
    for_ever = [one for one in tolerated if one.stay_s is None]
    return [
        taint
        for taint in node.spec.taints
        if taint.effect in _REFUSES and not any(one.covers(taint) for one in for_ever)
    ]


def unwelcome(tolerated: Iterable[Tolerance], node: Node) -> int:
    """Return how many of a node's taints say that other nodes are preferred."""
    if not node.spec.taints:
        return 0
    known = list(tolerated)
    return sum(
        taint.effect == TAINT_EFFECT_PREFER_NO_SCHEDULE
        and not any(one.covers(taint) for one in known)
        for taint in node.spec.taints
    )


def leave_at_ms(tolerated: Iterable[Tolerance], node: Node) -> tuple[int, Taint] | None:
    """Return when a task must leave a node, and the taint that makes it; None for never."""
    if not node.spec.taints:
        return None
    known = list(tolerated)
    ends = []
    for taint in node.spec.taints:
        if taint.effect != TAINT_EFFECT_NO_EXECUTE:
            continue
        stays_s = [one.stay_s for one in known if one.covers(taint)]
        if None not in stays_s:
            longest_s = max((stay_s for stay_s in stays_s if stay_s is not None), default=0.0)
            ends.append((taint.since_ms + round(longest_s * 1000), taint))
    return min(ends, key=lambda end: end[0], default=None)


def tainted(taints: Iterable[Taint], request: UpdateNodeRequest, now_ms: int) -> list[Taint]:
    """Return a node's taints after an update. One that was there already keeps its time."""
    found = {
        (taint.key, taint.effect): taint
        for taint in taints
        if taint.key not in request.taints_remove
    }
    for taint in request.taints_add:
        before = found.get((taint.key, taint.effect))
        since_ms = before.since_ms if before and before.value == taint.value else now_ms
        found[taint.key, taint.effect] = Taint(
            key=taint.key, value=taint.value, effect=taint.effect, since_ms=since_ms
        )
    return list(found.values())


def shown(taint: Taint) -> str:
    """Return a taint as people write it: "dedicated=db:no-schedule"."""
    value = f"={taint.value}" if taint.value else ""
    return f"{taint.key}{value}:{_NAMES.get(taint.effect, '?')}"
