"""Tasks are made from their service, or from the task whose place they take."""

from __future__ import annotations

from typing import TypeAlias

import pytest

from swarmpy.core.new_task import is_current, may_make_tasks, new_task, successor
from swarmpy.core.slots import held_slots, slots_of
from swarmpy.pb.specs_pb2 import EndpointSpec
from swarmpy.pb.types_pb2 import (
    PUBLISH_MODE_HOST,
    PUBLISH_MODE_MESH,
    TASK_STATE_PENDING,
    TASK_STATE_RUNNING,
    TASK_STATE_SHUTDOWN,
    PortConfig,
    PublishMode,
)
from swarmpy.testing.builders import service, service_spec, task, task_spec

PORT = PortConfig(target=80, published=8080)
Ports: TypeAlias = list[tuple[int, int, PublishMode.ValueType]]


def test_a_new_task_is_all_that_its_service_asks_for() -> None:
    owner = service(spec=service_spec("web", ports=[PORT]), spec_version=7)
    owner.job_iteration = 3
    made = new_task(owner, slot=2, start_after_ms=500)
    assert not made.id
    assert made.spec == owner.spec.task
    assert (made.service_id, made.service_name, made.slot) == ("s1", "web", 2)
    assert (made.spec_version, made.job_iteration) == (7, 3)
    assert list(made.ports) == [PORT]
    assert made.start_after_ms == 500
    assert (made.status.state, made.desired_state) == (TASK_STATE_PENDING, TASK_STATE_RUNNING)
    assert is_current(owner, made)


@pytest.mark.parametrize(
    ("endpoint", "drain_s"),
    [
        (EndpointSpec(), 0),
        (EndpointSpec(ports=[PORT]), 1),
        (EndpointSpec(ports=[PORT], drain_s=4), 4),
        (EndpointSpec(drain_s=4), 4),
    ],
    ids=["no routes", "default", "asked", "asked without routes"],
)
def test_a_task_drains_only_when_a_route_leads_to_it(
    endpoint: EndpointSpec, drain_s: float
) -> None:
    spec = service_spec()
    spec.endpoint.CopyFrom(endpoint)
    assert new_task(service(spec=spec), slot=1).drain_s == drain_s


def test_a_task_fills_a_slot_or_a_node_and_never_both() -> None:
    with pytest.raises(AssertionError):
        new_task(service())
    with pytest.raises(AssertionError):
        new_task(service(), slot=1, node_id="n1")


def test_a_successor_does_the_same_in_the_same_slot_on_any_node() -> None:
    old = task(of=service(spec_version=4), slot=3, on="n1", state=TASK_STATE_RUNNING)
    old.stop_first = True
    following = successor(old, start_after_ms=900)
    assert (following.slot, following.node_id, following.spec_version) == (3, "", 4)
    assert following.spec == old.spec
    assert following.start_after_ms == 900
    assert not following.stop_first
    assert following.status.state == TASK_STATE_PENDING


def test_a_successor_on_a_global_slot_stays_on_its_node() -> None:
    assert successor(task(slot=0, on="n1")).node_id == "n1"


@pytest.mark.parametrize(
    ("task_ports", "service_ports", "current"),
    [
        ([(80, 8080, PUBLISH_MODE_MESH)], [(80, 9090, PUBLISH_MODE_MESH)], True),
        ([(80, 8080, PUBLISH_MODE_MESH)], [(81, 8080, PUBLISH_MODE_MESH)], False),
        ([(80, 8080, PUBLISH_MODE_HOST)], [(80, 9090, PUBLISH_MODE_HOST)], False),
    ],
    ids=["other mesh port", "other target", "other host port"],
)
def test_ports_that_a_container_is_bound_to_make_it_outdated(
    task_ports: Ports, service_ports: Ports, current: bool
) -> None:
    def ports(rows: Ports) -> list[PortConfig]:
        return [PortConfig(target=t, published=p, mode=m) for t, p, m in rows]

    made = new_task(service(spec=service_spec(ports=ports(task_ports))), slot=1)
    assert is_current(service(spec=service_spec(ports=ports(service_ports))), made) is current


def test_what_counts_is_what_a_task_runs_not_when_it_was_made() -> None:
    old = task(of=service(spec_version=1))
    assert is_current(service(spec_version=3), old)
    assert not is_current(
        service(spec=service_spec(task=task_spec("other:1")), spec_version=3), old
    )


def test_no_task_is_made_before_its_ports_are_known_or_after_the_end() -> None:
    owner = service(spec=service_spec(ports=[PortConfig(target=80)]))
    assert not may_make_tasks(owner), "nobody has chosen a port yet"
    owner.ports[0].published = 30000
    assert may_make_tasks(owner)
    owner.removing = True
    assert not may_make_tasks(owner)


def test_slots_are_numbers_or_nodes_and_hold_what_keeps_them() -> None:
    rows = [
        task("t1", slot=2, on="n1", desired=TASK_STATE_SHUTDOWN),
        task("t2", slot=2, on="n2"),
        task("t3", slot=1, desired=TASK_STATE_SHUTDOWN),
        task("t4", slot=0, on="n1"),
    ]
    slots = slots_of(rows)
    assert [slot.key for slot in slots] == [(0, "n1"), (1, ""), (2, "")]
    assert [task.id for task in slots[2].holders] == ["t2"]
    assert set(held_slots(rows)) == {(0, "n1"), (2, "")}
