"""Checks what a spec says about the nodes that its tasks may run on, and what keeps them off."""

from __future__ import annotations

import re

from swarmpy.core.schedule.attribute import KEYS, is_key
from swarmpy.core.schedule.constraint import parse
from swarmpy.core.validate_faults import Faults
from swarmpy.pb.specs_pb2 import Placement
from swarmpy.pb.types_pb2 import (
    TAINT_EFFECT_NO_EXECUTE,
    TAINT_EFFECT_UNSPECIFIED,
    TOLERATION_OPERATOR_EXISTS,
    PlacementStrategy,
    Taint,
    TaintEffect,
    TaskAffinity,
    Toleration,
    TolerationOperator,
)

WEIGHT_MAX = 100
SKEW_MAX = 1000
TAINT_WORD = re.compile(r"[a-zA-Z0-9]([a-zA-Z0-9_./-]{0,251}[a-zA-Z0-9])?")
_WORD = "letters and digits, and '_', '.', '/' or '-' between them"
_EFFECTS = "no-schedule, prefer-no-schedule or no-execute"


def check_placement(placement: Placement, faults: Faults) -> None:
    """Note what is wrong with a placement."""
    for i, expression in enumerate(placement.constraints):
        _check_constraint(f"constraints[{i}]", expression, faults)
    for i, key in enumerate(placement.spread):
        if not is_key(key):
            faults.add(
                f"spread[{i}]",
                f"is {key!r}",
                f"one of {', '.join(KEYS)}",
                "name the label whose values tasks shall be spread over",
            )
    for i, platform in enumerate(placement.platforms):
        if not platform.os and not platform.architecture:
            faults.add(f"platforms[{i}]", "is empty", "an os or an architecture", "remove it")
    check_strategy(placement.strategy, faults)
    _check_neighbours(placement, faults)
    for i, preference in enumerate(placement.preferences):
        under = faults.under(f"preferences[{i}]")
        _check_constraint("constraint", preference.constraint, under)
        under.check_number("weight", preference.weight, 1, WEIGHT_MAX)
    for i, toleration in enumerate(placement.tolerations):
        _check_toleration(toleration, faults.under(f"tolerations[{i}]"))


def check_strategy(strategy: PlacementStrategy.ValueType, faults: Faults) -> None:
    """Note a strategy that does not exist."""
    if strategy not in PlacementStrategy.values():
        faults.add("strategy", f"is {strategy}", "spread or binpack", "correct it")


def check_taint(taint: Taint, faults: Faults) -> None:
    """Note what is wrong with a taint that a node shall get."""
    if not TAINT_WORD.fullmatch(taint.key):
        faults.add("key", f"is {taint.key!r}", _WORD, "choose another key")
    if taint.value and not TAINT_WORD.fullmatch(taint.value):
        faults.add("value", f"is {taint.value!r}", f"nothing, or {_WORD}", "choose another value")
    if taint.effect == TAINT_EFFECT_UNSPECIFIED or taint.effect not in TaintEffect.values():
        faults.add("effect", f"is {taint.effect}", _EFFECTS, "choose one")


def _check_neighbours(placement: Placement, faults: Faults) -> None:
    for field, terms in (
        ("affinity", placement.affinity),
        ("anti_affinity", placement.anti_affinity),
    ):
        for i, term in enumerate(terms):
            _check_affinity(term, faults.under(f"{field}[{i}]"))
    _check_contradiction(placement, faults)
    for i, rule in enumerate(placement.topology_spread):
        _check_key(rule.topology_key, faults.under(f"topology_spread[{i}]"))
        faults.check_number(f"topology_spread[{i}].max_skew", rule.max_skew, 1, SKEW_MAX)
    keys = (rule.topology_key for rule in placement.topology_spread)
    faults.check_unique("topology_spread", keys)


def _check_affinity(term: TaskAffinity, faults: Faults) -> None:
    if bool(term.service) == bool(term.labels):
        there = "both a service and labels" if term.service else "neither a service nor labels"
        faults.add("", f"has {there}", "one of them", "say whose tasks it is about")
    _check_key(term.topology_key, faults)
    faults.check_number("weight", term.weight, 0, WEIGHT_MAX)


def _check_key(key: str, faults: Faults) -> None:
    if not is_key(key):
        faults.add(
            "topology_key",
            f"is {key!r}",
            f"one of {', '.join(KEYS)}",
            "name what nodes have in common that are near to each other",
        )


def _check_contradiction(placement: Placement, faults: Faults) -> None:
    required = [term for term in placement.affinity if not term.weight]
    for i, term in enumerate(placement.anti_affinity):
        if not term.weight and term in required:
            faults.add(
                f"anti_affinity[{i}]",
                "is required, and the affinity to the same is, too",
                "one of them",
                "remove one, or give it a weight",
            )


def _check_constraint(path: str, expression: str, faults: Faults) -> None:
    faults.check_read(path, lambda: parse(expression))


def _check_toleration(toleration: Toleration, faults: Faults) -> None:
    if toleration.effect not in TaintEffect.values():
        faults.add("effect", f"is {toleration.effect}", f"none, {_EFFECTS}", "correct it")
    if toleration.operator not in TolerationOperator.values():
        faults.add("operator", f"is {toleration.operator}", "equal or exists", "correct it")
    elif toleration.operator == TOLERATION_OPERATOR_EXISTS:
        if toleration.value:
            faults.add("value", f"is {toleration.value!r}", "none with exists", "remove it")
    elif not toleration.key:
        faults.add("key", "is empty", "a taint's key", "write it, or use exists for any")
    if toleration.key and not TAINT_WORD.fullmatch(toleration.key):
        faults.add("key", f"is {toleration.key!r}", _WORD, "correct it")
    if toleration.HasField("stay_s"):
        faults.check_duration("stay_s", toleration.stay_s)
        if toleration.effect not in {TAINT_EFFECT_UNSPECIFIED, TAINT_EFFECT_NO_EXECUTE}:
            faults.add("stay_s", "is given", "the effect no-execute", "remove it")
