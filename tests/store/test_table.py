from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from swarmpy.errors import Ambiguous, NotFound
from swarmpy.pb.objects_pb2 import Service, Task
from swarmpy.store.table import Table
from swarmpy.store.tables import BY_NAME
from swarmpy.testing.builders import service, service_spec

IDS = st.sampled_from([f"t{n}" for n in range(6)])
OWNERS = st.sampled_from(["", "s1", "s2"])
NODES = st.sampled_from(["", "n1", "n2", "n3"])


class TableMachine(RuleBasedStateMachine):
    """A table against a plain list of its rows in order of creation."""

    def __init__(self) -> None:
        super().__init__()
        self.table = Table[Task](BY_NAME["tasks"])
        self.rows: dict[str, Task] = {}

    @rule(task_id=IDS, owner=OWNERS, node=NODES)
    def put(self, task_id: str, owner: str, node: str) -> None:
        row = Task(id=task_id, service_id=owner, node_id=node)
        self.table.put(task_id, row)
        self.rows[task_id] = row

    @rule(task_id=IDS)
    def drop(self, task_id: str) -> None:
        assert self.table.drop(task_id) is self.rows.pop(task_id, None)

    @invariant()
    def rows_are_in_order_of_creation(self) -> None:
        assert list(self.table) == list(self.rows.values())
        assert len(self.table) == len(self.rows)

    @invariant()
    def each_index_finds_what_a_scan_finds(self) -> None:
        for name, value_of in (("service_id", _owner), ("node_id", _node)):
            for value in ["", "s1", "s2", "n1", "n2", "n3", "nobody"]:
                scan = [row for row in self.rows.values() if value_of(row) == value]
                assert self.table.by(name, value) == scan


def _owner(row: Task) -> str:
    return row.service_id


def _node(row: Task) -> str:
    return row.node_id


TestTable = TableMachine.TestCase
TestTable.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)


@pytest.mark.parametrize("schema", BY_NAME.values(), ids=lambda schema: schema.name)
def test_every_table_finds_no_row_under_a_value_nobody_has(schema: Any) -> None:
    table = Table[Any](schema)
    table.put("x1", schema.row(id="x1"))
    assert all(table.by(index, "nobody") == [] for index in schema.indexes)


def services(**names: str) -> Table[Service]:
    table = Table[Service](BY_NAME["services"])
    for service_id, name in names.items():
        table.put(service_id, service(service_id, service_spec(name)))
    return table


@pytest.mark.parametrize(
    ("reference", "found"),
    [
        pytest.param("abc1", "abc1", id="by-id"),
        pytest.param("web", "abc2", id="by-name"),
        pytest.param("b", "b3", id="by-unique-prefix"),
        pytest.param("abc", "d4", id="a-name-before-a-prefix"),
        pytest.param("b3", "b3", id="an-id-before-a-name"),
    ],
)
def test_a_reference_means_an_id_then_a_name_then_a_prefix(reference: str, found: str) -> None:
    table = services(abc1="db", abc2="web", b3="cache", d4="abc", e5="b3")
    assert table.resolve(reference).id == found


@pytest.mark.parametrize("reference", ["", "nothing", "eb"])
def test_a_reference_that_nothing_fits_is_not_found(reference: str) -> None:
    with pytest.raises(NotFound, match="no service is named"):
        services(abc1="web").resolve(reference)


def test_a_prefix_of_several_ids_is_ambiguous_and_names_them() -> None:
    with pytest.raises(Ambiguous, match="beginning of 2 service ids") as raised:
        services(abc1="a", abc2="b").resolve("abc")
    assert "abc1, abc2" in raised.value.remedy
