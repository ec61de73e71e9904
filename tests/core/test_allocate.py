from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmpy.core.actions import (
    Action,
    AllocatePorts,
    AllocateSubnet,
    AllocateTask,
    SetPendingReason,
    Tell,
)
from swarmpy.core.allocate.allocate import Holdings, allocate
from swarmpy.pb.objects_pb2 import Network, Service, Task
from swarmpy.pb.types_pb2 import (
    TASK_STATE_FAILED,
    TASK_STATE_NEW,
    TASK_STATE_RUNNING,
    TASK_STATE_SHUTDOWN,
    TaskState,
)
from tests.core.placement_rows import mesh, network, service, task


def new(task_id: str, *networks: str, state: TaskState.ValueType = TASK_STATE_NEW) -> Task:
    row = task(task_id, state=state)
    for name in networks:
        row.spec.networks.add(network=name, aliases=["web"])
    return row


def holding(row: Task, network_id: str, address: str) -> Task:
    row.addresses.add(network_id=network_id, address=address)
    return row


def allocated(
    tasks: Sequence[Task], networks: Sequence[Network] = (), services: Sequence[Service] = ()
) -> list[Action]:
    return list(
        allocate(
            Holdings(
                services={row.id: row for row in services},
                networks={row.id: row for row in networks},
                tasks=tasks,
                waiting=[row for row in tasks if row.status.state == TASK_STATE_NEW],
                holding=lambda network_id: [
                    row
                    for row in tasks
                    if any(one.network_id == network_id for one in row.addresses)
                ],
            )
        )
    )


def test_a_service_its_network_and_its_tasks_are_allocated_at_once() -> None:
    actions = allocated(
        [new("t", "back", "id-front")],
        [network("back"), network("front")],
        [service("web", mesh(80))],
    )
    ports, back, front, of_task = actions
    assert isinstance(ports, AllocatePorts)
    assert isinstance(back, AllocateSubnet)
    assert isinstance(front, AllocateSubnet)
    assert isinstance(of_task, AllocateTask)
    assert [(a.network_id, a.address, list(a.aliases)) for a in of_task.addresses] == [
        ("id-back", "10.128.0.1/24", ["web"]),
        ("id-front", "10.128.1.1/24", ["web"]),
    ]


def test_a_task_without_networks_needs_nothing() -> None:
    assert allocated([new("t")]) == [AllocateTask("t", ())]
    assert allocated([new("t", "h")], [network("h", driver="host")]) == [AllocateTask("t", ())]


@pytest.mark.parametrize(
    "row",
    [
        new("t", state=TASK_STATE_RUNNING),
        task("t", state=TASK_STATE_NEW, desired=TASK_STATE_SHUTDOWN),
    ],
    ids=["allocated", "not-wanted"],
)
def test_other_tasks_are_left_alone(row: Task) -> None:
    assert allocated([row]) == []


def test_a_missing_network_is_a_reason_to_wait() -> None:
    assert allocated([new("t", "back")]) == [SetPendingReason("t", "there is no network 'back'")]


def test_a_network_without_a_subnet_is_a_reason_and_an_event() -> None:
    networks = [network("a", subnet="10.5.0.0/24"), network("back", asks="10.5.0.0/16")]
    tell, reason = allocated([new("t", "back")], networks)
    assert isinstance(tell, Tell)
    assert isinstance(reason, SetPendingReason)
    assert reason.reason == tell.event.message
    assert "overlaps" in reason.reason


def test_a_full_network_is_a_reason_and_one_event() -> None:
    net = network("back", subnet="10.5.0.0/26")
    holders = [
        holding(new(f"h{i}", state=TASK_STATE_RUNNING), net.id, f"10.5.0.{i}/26")
        for i in range(1, 31)
    ]
    actions = allocated([*holders, new("t1", "back"), new("t2", "back"), new("t3", "back")], [net])
    first, tell, second, third = actions
    assert isinstance(first, AllocateTask)
    assert first.addresses[0].address == "10.5.0.31/26"
    why = "network back has no free address: all 31 that tasks can have in 10.5.0.0/26 are taken"
    assert [second, third] == [SetPendingReason("t2", why), SetPendingReason("t3", why)]
    assert isinstance(tell, Tell)
    assert (tell.event.reason, tell.event.object_name) == ("NoAddress", "back")


def test_a_task_that_cannot_have_all_its_addresses_takes_none() -> None:
    full, free = network("full", subnet="10.5.0.0/26"), network("free", subnet="10.6.0.0/26")
    holders = [
        holding(new(f"h{i}", state=TASK_STATE_RUNNING), full.id, f"10.5.0.{i}/26")
        for i in range(1, 32)
    ]
    rows = [*holders, new("t1", "free", "full"), new("t2", "free")]
    last = allocated(rows, [full, free])[-1]
    assert isinstance(last, AllocateTask)
    assert len(last.addresses) == 1


def test_addresses_are_free_again_when_their_task_has_ended() -> None:
    net = network("back", subnet="10.5.0.0/26")
    ended = [
        holding(new(f"h{i}", state=TASK_STATE_FAILED), net.id, f"10.5.0.{i}/26")
        for i in range(1, 32)
    ]
    [action] = allocated([*ended, new("t", "back")], [net])
    assert isinstance(action, AllocateTask)


def test_the_subnet_of_a_removed_network_is_not_given_while_tasks_live_in_it() -> None:
    living = holding(new("old", state=TASK_STATE_RUNNING), "gone", "10.128.0.7/24")
    [action] = allocated([living], [network("back")])
    assert action == AllocateSubnet("id-back", "10.128.1.0/24")


def test_a_refused_port_is_told() -> None:
    services = [service("db", mesh(80), holds=[mesh(80)]), service("web", mesh(80))]
    _, tell = allocated([], services=services)
    assert isinstance(tell, Tell)
    assert tell.event.message == "port 80/tcp is published by service db"


@given(st.lists(st.lists(st.sampled_from(["a", "b"]), max_size=2, unique=True), max_size=40))
def test_no_address_is_ever_given_twice(asks: list[list[str]]) -> None:
    networks = [network("a", subnet="10.5.0.0/26"), network("b", subnet="10.6.0.0/26")]
    tasks = [new(f"t{i}", *names) for i, names in enumerate(asks)]
    actions = allocated(tasks, networks)
    addresses = [
        held.address for a in actions if isinstance(a, AllocateTask) for held in a.addresses
    ]
    assert len(addresses) == len(set(addresses))
    told = {a.task_id for a in actions if isinstance(a, AllocateTask | SetPendingReason)}
    assert told == {row.id for row in tasks}
