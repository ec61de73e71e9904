from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmpy.core.schedule.attribute import is_key
from swarmpy.core.schedule.constraint import matches, parse
from swarmpy.errors import InvalidInput
from swarmpy.pb.types_pb2 import NODE_ROLE_MANAGER
from tests.core.placement_rows import node

THE_NODE = node(
    "n1",
    labels={"disk": "SSD", "zone": "north 1", "cores": "8", "empty": "", "long": "a" * 129},
    role=NODE_ROLE_MANAGER,
)
THE_NODE.status.address = "10.1.2.3"
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
        ("node.labels.disk in (hdd, ssd)", True),
        ("node.labels.disk  in(hdd,nvme)", False),
        ("node.labels.zone in (north 1)", True),
        ("node.labels.disk not in (hdd, nvme)", True),
        ("node.labels.disk not in (ssd)", False),
        ("node.labels.missing not in (ssd)", True),
        ("node.role in (manager, worker)", True),
        ("node.labels.disk exists", True),
        ("node.labels.empty exists", True),
        ("node.labels.missing exists", False),
        ("node.labels.missing not exists", True),
        ("node.labels.disk not exists", False),
        ("node.labels.cores > 7.5", True),
        ("node.labels.cores > 8", False),
        ("node.labels.cores < 16", True),
        ("node.labels.cores<-1", False),
        ("node.labels.disk > 1", False),
        ("node.labels.missing < 1", False),
        ("node.hostname =~ host-n[0-9]+", True),
        ("node.hostname =~ host", False),
        ("node.hostname =~ (HOST|db)-.*", True),
        ("node.labels.missing =~ .*", False),
        ("node.labels.long =~ a+", False),
        ("node.ip == 10.1.2.3", True),
        ("node.ip == 10.1.0.0/16", True),
        ("node.ip != 10.1.0.0/16", False),
        ("node.ip in (fd00::/8, 10.9.0.0/16)", False),
        ("node.ip =~ 10[.].*", True),
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
        ("", "at character 1, where it has the end, expected KEY==VALUE"),
        ("node.id", "at character 8, where it has the end, expected ==, !=, in (...)"),
        ("node.id=n1", "at character 8, where it has '=n1', expected =="),
        ("node.id==", "at character 8, where it has '==', expected =="),
        ("==n1", "at character 1, where it has '==n1', expected KEY==VALUE"),
        ("node.id===n1", "at character 8"),
        ("node.id ! = n1", "at character 9"),
        ("node.id in n1", "at character 9, where it has 'in n1'"),
        ("node.id in (a, b", "at character 17, where it has the end, expected a ')'"),
        ("node.id in (a,, b)", "at character 15, where it has ', b)', expected values between"),
        ("node.id in ()", "at character 13"),
        ("node.id exists really", "at character 9"),
        ("node.labels.x >= 3", "at character 15"),
        ("node.labels.x > many", "at character 17, where it has 'many', expected a number after >"),
        ("node.labels.x > 1e3", "expected a number after >"),
        ("node.ip == 10.1", "at character 12, where it has '10.1', expected addresses or subnets"),
        ("node.labels.x =~ (a+)+", "can be read in too many ways"),
        ("node.role in (boss)", "expected the role manager or worker"),
        ("node.role exists", "expected the role manager or worker"),
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
    operator=st.sampled_from(["==", "!=", ">", "<"]),
    value=st.from_regex(r"[a-z0-9]([ =!a-z0-9]{0,10}[a-z0-9])?", fullmatch=True),
)
def test_a_constraint_reads_back_as_it_was_written(key: str, operator: str, value: str) -> None:
    value = str(len(value)) if operator in "<>" else value
    written = f"{key}{operator}{value}"
    assert is_key(key)
    assert str(parse(written)) == written
    assert parse(f" {key} {operator} {value} ") == parse(written)


@given(value=st.from_regex(r"[a-z0-9]{1,5}", fullmatch=True), has=st.from_regex(r"[a-z0-9]{0,5}"))
def test_not_equal_is_the_opposite_of_equal(value: str, has: str) -> None:
    on = node("n", labels={"k": has} if has else {})
    assert matches([f"node.labels.k=={value}"], on) != matches([f"node.labels.k!={value}"], on)
    assert matches([f"node.labels.k in ({value})"], on) == matches([f"node.labels.k=={value}"], on)
    assert matches([f"node.labels.k in (x, {value})"], on) != matches(
        [f"node.labels.k not in (x, {value})"], on
    )
    assert matches(["node.labels.k exists"], on) != matches(["node.labels.k not exists"], on)


@given(text=st.text(alphabet="node.idlabs =!<>~(),ntexi[]|*+?\\", max_size=30))
def test_whatever_people_write_is_read_or_refused(text: str) -> None:
    written = f"node.labels.x{text}"
    try:
        constraint = parse(written)
    except InvalidInput:
        with pytest.raises(InvalidInput, match=", expected "):
            parse(written)
    else:
        assert parse(str(constraint)) == constraint
