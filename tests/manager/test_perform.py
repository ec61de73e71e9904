"""Each action writes what it says, into one transaction, and only forward in time."""

from __future__ import annotations

import random

import pytest

from swarmpy.core.actions import (
    Action,
    AdoptTask,
    AllocatePorts,
    AllocateSubnet,
    AllocateTask,
    AssignTask,
    CreateTask,
    DeleteRow,
    DeleteTask,
    EndTask,
    SetDesiredState,
    SetPendingReason,
    SetRollout,
    StartAt,
    Tell,
)
from swarmpy.errors import NotFound
from swarmpy.ids import IdSource
from swarmpy.manager.perform import perform
from swarmpy.pb.objects_pb2 import (
    ROLLOUT_STATE_ROLLING_BACK,
    Event,
    Network,
    NetworkAddress,
    RolloutStatus,
    Task,
)
from swarmpy.pb.types_pb2 import (
    TASK_STATE_ASSIGNED,
    TASK_STATE_NEW,
    TASK_STATE_ORPHANED,
    TASK_STATE_PENDING,
    TASK_STATE_RUNNING,
    TASK_STATE_SHUTDOWN,
    PortConfig,
)
from swarmpy.store.apply import stale_row
from swarmpy.store.editor import Editor
from swarmpy.store.store import Store
from swarmpy.testing.builders import service, service_spec, task, task_spec
from tests.manager.hand_clock import HandClock

NOW_MS = 5000


class World:
    """One service, one task, one network."""

    def __init__(self) -> None:
        self.ids = IdSource(random.Random(3))
        self.store = Store(HandClock(), self.ids, guarded=True)
        self._index = 0
        tx = Editor(self.store.view)
        tx.services.create(service("s1"))
        tx.tasks.create(task("t1"))
        tx.networks.create(Network(id="w1"))
        self.commit(tx)

    def commit(self, tx: Editor) -> None:
        self._index += 1
        self.store.apply(self._index, tx.transaction(self.ids.new_id(), NOW_MS).SerializeToString())

    def do(self, *actions: Action) -> None:
        tx = Editor(self.store.view)
        perform(tx, actions, self.ids, NOW_MS)
        self.commit(tx)

    def task(self, task_id: str = "t1") -> Task:
        return self.store.view.tasks.get(task_id)


def test_a_created_task_gets_an_id_and_the_given_one_stays_as_it_is() -> None:
    world, given = World(), Task(service_id="s1", slot=2)
    world.do(CreateTask(given), CreateTask(given))
    assert not given.id
    assert [row.slot for row in world.store.view.tasks if row.id != "t1"] == [2, 2]


@pytest.mark.parametrize("fate", ["changed", "deleted"])
def test_a_task_is_not_created_when_its_service_changed_meanwhile(fate: str) -> None:
    world = World()
    tx = Editor(world.store.view)
    perform(tx, [CreateTask(Task(service_id="s1"))], world.ids, NOW_MS)
    late = tx.transaction("late", NOW_MS)
    other = Editor(world.store.view)
    if fate == "changed":
        with other.services.edit("s1") as row:
            row.removing = True
    else:
        other.services.delete("s1")
    world.commit(other)
    stale = stale_row(world.store.view, late)
    assert stale is not None
    assert (stale.table, stale.id) == ("services", "s1")


def test_a_task_of_no_service_needs_none() -> None:
    world = World()
    world.do(CreateTask(Task()))
    assert len(world.store.view.tasks) == 2


def test_deleting_removes_the_row() -> None:
    world = World()
    world.do(DeleteTask("t1"), DeleteRow("networks", "w1"))
    assert not len(world.store.view.tasks)
    assert not len(world.store.view.networks)
    with pytest.raises(NotFound):
        world.do(DeleteTask("t1"))


def test_a_task_goes_its_way_through_allocation_and_assignment() -> None:
    world = World()
    world.do(SetPendingReason("t1", "no address yet"))
    assert world.task().pending_reason == "no address yet"
    address = NetworkAddress(network_id="w1", address="10.0.0.2/24")
    world.do(AllocateTask("t1", (address,)))
    assert world.task().status.state == TASK_STATE_PENDING
    assert list(world.task().addresses) == [address]
    assert world.task().pending_reason == ""
    world.do(AssignTask("t1", "n1"))
    assert world.task().status.state == TASK_STATE_ASSIGNED
    assert world.task().status.since_ms == NOW_MS
    assert world.task().node_id == "n1"
    world.do(EndTask("t1", TASK_STATE_ORPHANED, "node n1 was removed"))
    assert world.task().status.state == TASK_STATE_ORPHANED
    assert world.task().status.error == "node n1 was removed"


def test_managers_say_when_a_task_starts_what_it_counts_as_and_when_it_stops() -> None:
    world = World()
    world.do(StartAt("t1", 77), AdoptTask("t1", 9), SetDesiredState("t1", TASK_STATE_SHUTDOWN))
    row = world.task()
    assert (row.start_after_ms, row.spec_version, row.desired_state) == (
        77,
        9,
        TASK_STATE_SHUTDOWN,
    )
    assert row.status.state == TASK_STATE_NEW


BACKWARDS: list[tuple[Action, Action]] = [
    (SetDesiredState("t1", TASK_STATE_SHUTDOWN), SetDesiredState("t1", TASK_STATE_RUNNING)),
    (AssignTask("t1", "n1"), AssignTask("t1", "n2")),
    (AssignTask("t1", "n1"), AllocateTask("t1", ())),
    (EndTask("t1", TASK_STATE_SHUTDOWN, ""), EndTask("t1", TASK_STATE_ORPHANED, "")),
    (AdoptTask("t1", 9), AdoptTask("t1", 8)),
]


@pytest.mark.parametrize(
    ("first", "then"), BACKWARDS, ids=["desired", "node", "observed", "end", "version"]
)
def test_nothing_goes_back_in_time(first: Action, then: Action) -> None:
    world = World()
    world.do(first)
    with pytest.raises(AssertionError):
        world.do(then)


def test_ports_are_filled_in_or_the_reason_why_not() -> None:
    world = World()
    world.do(AllocatePorts("s1", (), "port 80 is taken"))
    row = world.store.view.services.get("s1")
    assert (row.ports_allocated, row.allocation_error) == (False, "port 80 is taken")
    world.do(AllocatePorts("s1", (PortConfig(target=80, published=30000),)))
    row = world.store.view.services.get("s1")
    assert (row.ports_allocated, row.allocation_error) == (True, "")
    assert [port.published for port in row.ports] == [30000]


def test_a_subnet_is_written_to_its_network() -> None:
    world = World()
    world.do(AllocateSubnet("w1", "10.128.0.0/24"))
    assert world.store.view.networks.get("w1").subnet == "10.128.0.0/24"


def test_a_rollout_is_recorded_and_may_put_the_service_back() -> None:
    world = World()
    status = RolloutStatus(state=ROLLOUT_STATE_ROLLING_BACK, spec_version=2)
    old = service_spec("web", replicas=4, task=task_spec("demo:0"))
    world.do(SetRollout("s1", status))
    assert world.store.view.services.get("s1").spec_version == 1
    world.do(SetRollout("s1", status, old))
    row = world.store.view.services.get("s1")
    assert row.spec == old
    assert row.rollout == status
    assert row.spec_version == 2
    assert not row.HasField("previous_spec")
    assert not row.ports_allocated, "the ports of that spec are looked at again"


def test_events_get_ids() -> None:
    world = World()
    world.do(Tell(Event(reason="NodeDown")), Tell(Event(reason="NodeDown")))
    assert len({event.id for event in world.store.view.events}) == 2
