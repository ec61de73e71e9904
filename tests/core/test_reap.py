"""What is over is forgotten, and nothing else is."""

from __future__ import annotations

import pytest

from swarmpy.core.actions import DeleteRow, DeleteTask, EndTask, SetDesiredState
from swarmpy.core.enforce import ORPHANED_AFTER_MS, orphans
from swarmpy.core.reap import reap
from swarmpy.core.reap_stack import Belonging, reap_stack
from swarmpy.pb.objects_pb2 import Config, Network, Node, Secret, Service, Stack, Task
from swarmpy.pb.specs_pb2 import ConfigSpec, NetworkSpec, SecretSpec
from swarmpy.pb.types_pb2 import (
    NODE_STATE_DOWN,
    TASK_STATE_COMPLETE,
    TASK_STATE_FAILED,
    TASK_STATE_NEW,
    TASK_STATE_ORPHANED,
    TASK_STATE_PENDING,
    TASK_STATE_REMOVE,
    TASK_STATE_RUNNING,
    TASK_STATE_SHUTDOWN,
    TaskState,
)
from swarmpy.testing.builders import node, service, service_spec, task
from tests.core.pick import pick

UP, DOWN = node("up"), node("down", state=NODE_STATE_DOWN)
NODES = {"up": UP, "down": DOWN}

ROWS = [
    # observed, desired, node: forgotten
    (TASK_STATE_RUNNING, TASK_STATE_RUNNING, "up", False),
    (TASK_STATE_RUNNING, TASK_STATE_REMOVE, "up", False),
    (TASK_STATE_SHUTDOWN, TASK_STATE_REMOVE, "up", True),
    (TASK_STATE_RUNNING, TASK_STATE_REMOVE, "down", True),
    (TASK_STATE_RUNNING, TASK_STATE_REMOVE, "gone", True),
    (TASK_STATE_RUNNING, TASK_STATE_SHUTDOWN, "down", False),
    (TASK_STATE_PENDING, TASK_STATE_SHUTDOWN, "", True),
    (TASK_STATE_NEW, TASK_STATE_REMOVE, "", True),
    (TASK_STATE_NEW, TASK_STATE_RUNNING, "", False),
    (TASK_STATE_FAILED, TASK_STATE_RUNNING, "up", False),
    (TASK_STATE_FAILED, TASK_STATE_COMPLETE, "up", False),
    (TASK_STATE_FAILED, TASK_STATE_SHUTDOWN, "up", False),
]


@pytest.mark.parametrize(("observed", "desired", "on", "forgotten"), ROWS)
def test_a_task_is_forgotten_when_nobody_needs_its_row(
    observed: TaskState.ValueType, desired: TaskState.ValueType, on: str, forgotten: bool
) -> None:
    row = task(on=on, state=observed, desired=desired)
    decision = reap("s1", service(), [row], NODES, 0)
    assert decision.actions == ((DeleteTask("t1"),) if forgotten else ())


@pytest.mark.parametrize(
    ("history", "flat", "kept"),
    [(0, True, 5), (2, True, 2), (0, False, 12), (20, False, 20)],
    ids=["default", "the cluster's", "what back-off counts", "more than back-off counts"],
)
def test_each_slot_keeps_its_newest_ended_tasks(history: int, flat: bool, kept: int) -> None:
    rows = [task("now", state=TASK_STATE_RUNNING, on="up")]
    for i in range(30):
        row = task(f"t{i:02}", state=TASK_STATE_FAILED, desired=TASK_STATE_SHUTDOWN, on="up")
        row.created_at_ms = i
        rows.append(row)
    rows[0].created_at_ms = 99
    for row in rows:
        row.spec.restart.delay_s = 300 if flat else 0
    deleted = [a.task_id for a in pick(reap("s1", service(), rows, NODES, history), DeleteTask)]
    assert deleted == [f"t{i:02}" for i in range(30 - kept)]


def test_a_removed_service_goes_with_its_last_task() -> None:
    owner = service()
    owner.removing = True
    leaving = task(on="up", state=TASK_STATE_RUNNING, desired=TASK_STATE_REMOVE)
    assert not reap("s1", owner, [leaving], NODES, 0).actions
    assert reap("s1", owner, [], NODES, 0).actions == (DeleteRow("services", "s1"),)
    assert not reap("s1", service(), [], NODES, 0).actions


def test_tasks_whose_service_is_gone_are_removed() -> None:
    left: list[Task] = [
        task("runs", on="up", state=TASK_STATE_RUNNING),
        task("over", on="up", state=TASK_STATE_FAILED, desired=TASK_STATE_REMOVE),
    ]
    assert reap("s1", None, left, NODES, 0).actions == (
        DeleteTask("over"),
        SetDesiredState("runs", TASK_STATE_REMOVE),
    )


# --- stacks


def shop(*, removing: bool = True) -> Stack:
    return Stack(id="k1", name="shop", removing=removing)


BELONGINGS: dict[str, list[Belonging]] = {
    "networks": [Network(id="w1", spec=NetworkSpec(name="shop_net"), stack_id="k1")],
    "configs": [Config(id="c1", spec=ConfigSpec(name="shop_conf"), stack_id="k1")],
    "secrets": [Secret(id="x1", spec=SecretSpec(name="shop_key"), stack_id="k1")],
}


def of_stack(stack_id: str, **uses: str) -> Service:
    spec = service_spec("web")
    if "network" in uses:
        spec.task.networks.add(network=uses["network"])
    if "config" in uses:
        spec.task.containers[0].configs.add(id=uses["config"], name="any")
    if "secret" in uses:
        spec.task.containers[0].secrets.add(name=uses["secret"])
    row = service("s9", spec)
    row.stack_id = stack_id
    return row


@pytest.mark.parametrize(
    ("services", "deleted"),
    [
        ([], {"w1", "c1", "x1", "k1"}),
        ([of_stack("k1")], set()),
        ([of_stack("k2")], {"w1", "c1", "x1", "k1"}),
        ([of_stack("k2", network="shop_net")], {"c1", "x1"}),
        ([of_stack("k2", network="w1")], {"c1", "x1"}),
        ([of_stack("k2", config="c1")], {"w1", "x1"}),
        ([of_stack("k2", secret="shop_key")], {"w1", "c1"}),
    ],
    ids=["alone", "own service", "stranger", "net by name", "net by id", "config", "secret"],
)
def test_a_removed_stack_goes_when_its_services_have_and_nobody_uses_what_it_has(
    services: list[Service], deleted: set[str]
) -> None:
    decision = reap_stack(shop(), BELONGINGS, services)
    assert {a.row_id for a in pick(decision, DeleteRow)} == deleted


def test_a_stack_that_stays_loses_nothing() -> None:
    assert not reap_stack(shop(removing=False), BELONGINGS, []).actions


# --- agents that cannot tell


@pytest.mark.parametrize(
    ("host", "desired", "ended", "again"),
    [
        (UP, TASK_STATE_SHUTDOWN, False, False),
        (DOWN, TASK_STATE_SHUTDOWN, False, True),
        (None, TASK_STATE_SHUTDOWN, True, False),
        (None, TASK_STATE_RUNNING, False, False),
    ],
    ids=["up", "down", "removed", "removed, but still wanted"],
)
def test_stopped_tasks_are_given_up_when_their_node_is_removed(
    host: Node | None, desired: TaskState.ValueType, ended: bool, again: bool
) -> None:
    row = task(on="n1", state=TASK_STATE_RUNNING, desired=desired)
    decision = orphans("n1", host, [row], 1000)
    assert [a.state for a in pick(decision, EndTask)] == ([TASK_STATE_ORPHANED] if ended else [])
    assert decision.look_again_ms == (ORPHANED_AFTER_MS if again else None)


def test_or_when_it_has_been_down_for_a_day() -> None:
    row = task(on="down", state=TASK_STATE_RUNNING, desired=TASK_STATE_SHUTDOWN)
    decision = orphans("down", DOWN, [row], ORPHANED_AFTER_MS)
    assert pick(decision, EndTask)[0].error == "node down has been down for a day"
