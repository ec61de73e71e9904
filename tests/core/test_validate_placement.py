"""What a service says about its nodes is refused where it cannot be meant, with the field."""

from __future__ import annotations

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
    Toleration,
)
from tests.core.placement_rows import service_spec


def tolerating(**fields: object) -> Placement:
    return Placement(tolerations=[Toleration(**fields)])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "placement",
    [
        Placement(strategy=PLACEMENT_STRATEGY_BINPACK),
        Placement(preferences=[NodePreference(constraint="node.labels.x exists", weight=100)]),
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
