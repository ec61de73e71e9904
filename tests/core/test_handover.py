"""A task made to wait starts once those before it in its slot have ended."""

from __future__ import annotations

import pytest

from swarmpy.core.actions import StartAt
from swarmpy.core.handover import limit_ms, starts
from swarmpy.pb.objects_pb2 import Task
from swarmpy.pb.types_pb2 import (
    NODE_STATE_DOWN,
    TASK_STATE_READY,
    TASK_STATE_RUNNING,
    TASK_STATE_SHUTDOWN,
    TASK_STATE_STARTING,
    TaskState,
)
from swarmpy.testing.builders import node, task

NOW_MS = 50_000
NODES = {"up": node("up"), "down": node("down", state=NODE_STATE_DOWN)}


def pair(
    old_state: TaskState.ValueType,
    old_on: str,
    *,
    waits: bool = True,
    until_ms: int = NOW_MS + 1,
    new_state: TaskState.ValueType = TASK_STATE_READY,
) -> list[Task]:
    old = task("old", on=old_on, state=old_state, desired=TASK_STATE_SHUTDOWN)
    new = task("new", on="up", state=new_state)
    new.created_at_ms, new.start_after_ms, new.stop_first = 1, until_ms, waits
    return [new, old]


@pytest.mark.parametrize(
    ("rows", "started"),
    [
        (pair(TASK_STATE_RUNNING, "up"), False),
        (pair(TASK_STATE_SHUTDOWN, "up"), True),
        (pair(TASK_STATE_RUNNING, "down"), True),
        (pair(TASK_STATE_RUNNING, "gone"), True),
        (pair(TASK_STATE_SHUTDOWN, "up", waits=False), False),
        (pair(TASK_STATE_SHUTDOWN, "up", until_ms=NOW_MS), False),
        (pair(TASK_STATE_SHUTDOWN, "up", new_state=TASK_STATE_STARTING), False),
        (pair(TASK_STATE_SHUTDOWN, "up")[:1], True),
    ],
    ids=[
        "old one runs",
        "old one ended",
        "old one is on a node that is down",
        "old one is on a node that is gone",
        "a restart delay is no handover",
        "the limit has passed already",
        "it starts already",
        "old one is forgotten",
    ],
)
def test_the_new_task_starts_when_the_old_one_will_not_run_any_more(
    rows: list[Task], started: bool
) -> None:
    assert list(starts(rows, NODES, NOW_MS)) == ([(StartAt("new", NOW_MS),)] if started else [])


def test_the_wait_is_limited_by_how_long_the_old_task_may_take_to_stop() -> None:
    slow, plain = task("slow"), task("plain")
    slow.spec.containers[0].stop_grace_s = 100
    slow.drain_s = 5
    assert limit_ms([plain], NOW_MS) == NOW_MS + 70_000
    assert limit_ms([plain, slow], NOW_MS) == NOW_MS + 165_000
