"""What a service says about its nodes is refused where it cannot be meant, with the field."""

from __future__ import annotations

from typing import Any

import pytest

from swarmpy.core.validate import validate_service
from swarmpy.errors import InvalidInput
from swarmpy.pb.specs_pb2 import Placement
from swarmpy.pb.types_pb2 import (
    PLACEMENT_STRATEGY_BINPACK,
    TAINT_EFFECT_NO_EXECUTE,
    TAINT_EFFECT_NO_SCHEDULE,
    TOLERATION_OPERATOR_EXISTS,
    NodePreference,
    TaskAffinity,
    Toleration,
    TopologySpread,
)
from tests.core.placement_rows import service_spec

ZONES = TopologySpread(max_skew=1, topology_key="node.labels.zone")


def near(service: str = "", **fields: Any) -> TaskAffinity:
    return TaskAffinity(service=service, **{"topology_key": "node.hostname", **fields})


def tolerating(**fields: object) -> Placement:
    return Placement(tolerations=[Toleration(**fields)])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "placement",
    [
        Placement(strategy=PLACEMENT_STRATEGY_BINPACK),
        Placement(preferences=[NodePreference(constraint="node.labels.x exists", weight=100)]),
        Placement(affinity=[near("db", weight=100)], anti_affinity=[near("db")]),
        Placement(anti_affinity=[near(labels={"tier": "batch"}, topology_key="node.labels.zone")]),
        Placement(topology_spread=[ZONES, TopologySpread(max_skew=2, topology_key="node.id")]),
        tolerating(key="gpu", value="a100"),
        tolerating(key="gpu"),
        tolerating(operator=TOLERATION_OPERATOR_EXISTS),
        tolerating(key="example.com/x", effect=TAINT_EFFECT_NO_EXECUTE, stay_s=60),
    ],
)
def test_what_can_be_done_is_valid(placement: Placement) -> None:
    spec = service_spec()
    spec.task.placement.CopyFrom(placement)
    validate_service(spec)


@pytest.mark.parametrize(
    ("placement", "fault"),
    [
        (Placement(strategy=9), "strategy: is 9, expected spread or binpack"),  # type: ignore[arg-type]
        (
            Placement(preferences=[NodePreference(constraint="ssd", weight=1)]),
            "preferences[0].constraint: constraint 'ssd' asks for 'ssd'",
        ),
        (
            Placement(preferences=[NodePreference(constraint="node.id==a")]),
            "preferences[0].weight: is 0, expected 1 to 100",
        ),
        (Placement(affinity=[near("")]), "affinity[0]: has neither a service nor labels"),
        (
            Placement(anti_affinity=[near("db", labels={"a": "b"})]),
            "anti_affinity[0]: has both a service and labels, expected one of them",
        ),
        (
            Placement(affinity=[near("db", topology_key="zone")]),
            "affinity[0].topology_key: is 'zone', expected one of node.id",
        ),
        (Placement(affinity=[near("db", weight=101)]), "affinity[0].weight: is 101"),
        (
            Placement(affinity=[near("db")], anti_affinity=[near("x"), near("db")]),
            "anti_affinity[1]: is required, and the affinity to the same is, too",
        ),
        (
            Placement(topology_spread=[TopologySpread(topology_key="node.labels.zone")]),
            "topology_spread[0].max_skew: is 0, expected 1 to 1000",
        ),
        (
            Placement(topology_spread=[TopologySpread(max_skew=1)]),
            "topology_spread[0].topology_key: is '', expected one of",
        ),
        (Placement(topology_spread=[ZONES, ZONES]), "topology_spread: 'node.labels.zone' is there"),
        (
            tolerating(operator=TOLERATION_OPERATOR_EXISTS, value="x"),
            "tolerations[0].value: is 'x', expected none with exists",
        ),
        (tolerating(), "tolerations[0].key: is empty, expected a taint's key"),
        (tolerating(key="a b"), "tolerations[0].key: is 'a b'"),
        (tolerating(key="a", effect=9), "tolerations[0].effect: is 9"),
        (tolerating(key="a", operator=9), "tolerations[0].operator: is 9"),
        (
            tolerating(key="a", effect=TAINT_EFFECT_NO_SCHEDULE, stay_s=1),
            "tolerations[0].stay_s: is given, expected the effect no-execute",
        ),
        (tolerating(key="a", stay_s=-1), "tolerations[0].stay_s: is -1 s"),
    ],
)
def test_a_fault_names_its_field_and_what_was_expected(placement: Placement, fault: str) -> None:
    spec = service_spec()
    spec.task.placement.CopyFrom(placement)
    with pytest.raises(InvalidInput) as refused:
        validate_service(spec)
    assert f"task.placement.{fault}" in refused.value.message


def test_a_service_that_runs_on_every_node_cannot_be_balanced() -> None:
    spec = service_spec()
    getattr(spec, "global").SetInParent()
    spec.task.placement.topology_spread.append(ZONES)
    with pytest.raises(InvalidInput, match="topology_spread: is given, and the service runs on"):
        validate_service(spec)
