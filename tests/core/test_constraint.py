from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmpy.core.schedule.constraint import is_label, matches, parse
from swarmpy.errors import InvalidInput
from swarmpy.pb.types_pb2 import NODE_ROLE_MANAGER
from tests.core.placement_rows import node

THE_NODE = node("n1", labels={"disk": "SSD", "zone": "north 1"}, role=NODE_ROLE_MANAGER)
THE_NODE.description.engine_labels["gpu"] = "a100"


@pytest.mark.parametrize(
    ("expression", "holds"),
    [
        ("node.id==n1", True),
        ("node.id!=n1", False),
        ("node.hostname == HOST-N1", True),
        ("node.role==manager", True),
        ("node.role==Worker", False),
        ("node.role!=worker", True),
        ("node.platform.os==linux", True),
        ("node.platform.arch!=arm64", True),
        ("node.labels.disk==ssd", True),
        ("node.labels.zone==North 1", True),
        ("node.labels.disk!=ssd", False),
        ("node.labels.missing==x", False),
        ("node.labels.missing!=x", True),
        ("engine.labels.gpu==A100", True),
        ("  node.labels.disk  !=  hdd  ", True),
        ("node.labels.disk==a=b", False),
    ],
)
def test_a_constraint_is_held_against_what_the_node_is(expression: str, holds: bool) -> None:
    assert matches([expression], THE_NODE) is holds


def test_all_constraints_must_hold() -> None:
    assert matches([], THE_NODE)
    assert matches(["node.id==n1", "node.labels.disk==ssd"], THE_NODE)
    assert not matches(["node.id==n1", "node.labels.disk==hdd"], THE_NODE)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("", "expected KEY==VALUE"),
        ("node.id", "expected KEY==VALUE"),
        ("node.id=n1", "expected KEY==VALUE"),
        ("node.id==", "expected KEY==VALUE"),
        ("==n1", "expected KEY==VALUE"),
        ("node.id===n1", "expected KEY==VALUE"),
        ("node.id ! = n1", "expected KEY==VALUE"),
        ("node.name==n1", "expected one of node.id"),
        ("node.labels.==x", "expected one of node.id"),
        ("Node.ID==n1", "expected one of node.id"),
        ("node.role==boss", "expected the role manager or worker"),
    ],
)
def test_what_is_not_a_constraint_is_refused_with_what_was_expected(
    expression: str, expected: str
) -> None:
    with pytest.raises(InvalidInput, match="expected") as refused:
        parse(expression)
    assert expected in refused.value.message
    assert refused.value.remedy


@given(
    key=st.from_regex(r"(node|engine)\.labels\.[a-z][a-z0-9.-]{0,10}", fullmatch=True),
    operator=st.sampled_from(["==", "!="]),
    value=st.from_regex(r"[a-z0-9]([ =!a-z0-9]{0,10}[a-z0-9])?", fullmatch=True),
)
def test_a_constraint_reads_back_as_it_was_written(key: str, operator: str, value: str) -> None:
    written = f"{key}{operator}{value}"
    assert is_label(key)
    assert str(parse(written)) == written
    assert parse(f" {key} {operator} {value} ") == parse(written)


@given(value=st.from_regex(r"[a-z0-9]{1,5}", fullmatch=True), has=st.from_regex(r"[a-z0-9]{0,5}"))
def test_not_equal_is_the_opposite_of_equal(value: str, has: str) -> None:
    on = node("n", labels={"k": has} if has else {})
    assert matches([f"node.labels.k=={value}"], on) != matches([f"node.labels.k!={value}"], on)
