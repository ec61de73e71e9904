from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmpy.core.container import Container, Exit
from swarmpy.core.step import (
    AwaitExit,
    Nothing,
    Prepare,
    Remove,
    Report,
    Seen,
    Start,
    Step,
    Stop,
    Wait,
    retry_delay_s,
)
from swarmpy.core.task_life import may_become
from swarmpy.core.task_step import next_step
from swarmpy.pb.objects_pb2 import Task, TaskStatus
from swarmpy.pb.specs_pb2 import ContainerSpec, TaskSpec
from swarmpy.pb.types_pb2 import (
    TASK_STATE_ACCEPTED,
    TASK_STATE_ASSIGNED,
    TASK_STATE_COMPLETE,
    TASK_STATE_FAILED,
    TASK_STATE_ORPHANED,
    TASK_STATE_PREPARING,
    TASK_STATE_READY,
    TASK_STATE_REJECTED,
    TASK_STATE_REMOVE,
    TASK_STATE_RUNNING,
    TASK_STATE_SHUTDOWN,
    TASK_STATE_STARTING,
    PortBinding,
    PortConfig,
    TaskState,
)

NOW = 1_000_000
PORTS = (PortBinding(target=80, host_port=32768),)

MADE = Container("t1", "c1", running=False)
UP = Container("t1", "c1", running=True)
CHECKED = Container("t1", "c1", running=True, healthy=False)
HEALTHY = Container("t1", "c1", running=True, healthy=True)
SICK = Container("t1", "c1", running=True, healthy=False, unhealthy=True)
DONE = Container("t1", "c1", running=False, exit=Exit(0))
BROKEN = Container("t1", "c1", running=False, exit=Exit(3))
HOGGED = Container("t1", "c1", running=False, exit=Exit(137, oom_killed=True))
SICK_AND_GONE = Container("t1", "c1", running=False, exit=Exit(0), healthy=False, unhealthy=True)


def task(desired: TaskState.ValueType = TASK_STATE_RUNNING, **fields: Any) -> Task:
    spec = TaskSpec(containers=[ContainerSpec(name="main", stop_grace_s=4.0)])
    return Task(id="t1", spec=spec, desired_state=desired, **fields)


def step(
    state: TaskState.ValueType,
    container: Container | None = None,
    wanted: Task | None = None,
    **seen: Any,
) -> Step:
    status = TaskStatus(state=state)
    return next_step(wanted or task(), Seen(status=status, container=container, **seen), NOW)


def reported(found: Step) -> TaskState.ValueType:
    assert isinstance(found, Report)
    return found.status.state


REPORTS: dict[str, tuple[TaskState.ValueType, Container | None, Task, TaskState.ValueType]] = {
    "an assigned task is written down first": (
        TASK_STATE_ASSIGNED, None, task(), TASK_STATE_ACCEPTED),
    "even when it is to stop already": (
        TASK_STATE_ASSIGNED, None, task(TASK_STATE_SHUTDOWN), TASK_STATE_ACCEPTED),
    "an accepted one begins to be prepared": (
        TASK_STATE_ACCEPTED, None, task(), TASK_STATE_PREPARING),
    "a container that was made is ready": (TASK_STATE_PREPARING, MADE, task(), TASK_STATE_READY),
    "one that runs without a health check is running": (
        TASK_STATE_READY, UP, task(), TASK_STATE_RUNNING),
    "one with a health check is starting first": (
        TASK_STATE_READY, CHECKED, task(), TASK_STATE_STARTING),
    "and running once it is healthy": (TASK_STATE_STARTING, HEALTHY, task(), TASK_STATE_RUNNING),
    "a container found running continues": (TASK_STATE_ACCEPTED, UP, task(), TASK_STATE_RUNNING),
    "one that ended with code 0 is complete": (
        TASK_STATE_RUNNING, DONE, task(), TASK_STATE_COMPLETE),
    "one that ended otherwise has failed": (TASK_STATE_RUNNING, BROKEN, task(), TASK_STATE_FAILED),
    "one found ended is reported as well": (
        TASK_STATE_READY, BROKEN, task(), TASK_STATE_FAILED),
    "one out of memory has failed": (TASK_STATE_RUNNING, HOGGED, task(), TASK_STATE_FAILED),
    "one that was sick has failed, whatever its code": (
        TASK_STATE_RUNNING, SICK_AND_GONE, task(), TASK_STATE_FAILED),
    "a container that is gone has failed": (TASK_STATE_RUNNING, None, task(), TASK_STATE_FAILED),
    "one that was never started although it was has failed": (
        TASK_STATE_RUNNING, MADE, task(), TASK_STATE_FAILED),
    "a stopped one is shut down": (
        TASK_STATE_RUNNING, BROKEN, task(TASK_STATE_SHUTDOWN), TASK_STATE_SHUTDOWN),
    "one that never started needs no stopping": (
        TASK_STATE_READY, MADE, task(TASK_STATE_SHUTDOWN), TASK_STATE_SHUTDOWN),
    "nor one without a container": (
        TASK_STATE_PREPARING, None, task(TASK_STATE_REMOVE), TASK_STATE_SHUTDOWN),
}  # fmt: skip


@pytest.mark.parametrize(
    ("state", "container", "wanted", "expected"), REPORTS.values(), ids=REPORTS.keys()
)
def test_what_is_reported(
    state: TaskState.ValueType,
    container: Container | None,
    wanted: Task,
    expected: TaskState.ValueType,
) -> None:
    assert reported(step(state, container, wanted)) == expected


STEPS: dict[str, tuple[TaskState.ValueType, Container | None, Task, Step]] = {
    "a container is made": (TASK_STATE_PREPARING, None, task(), Prepare()),
    "and made again when it went before it was started": (
        TASK_STATE_READY, None, task(), Prepare()),
    "a ready one is started": (TASK_STATE_READY, MADE, task(), Start()),
    "not before it is wanted running": (
        TASK_STATE_READY, MADE, task(TASK_STATE_READY), Nothing()),
    "not before its time": (
        TASK_STATE_READY, MADE, task(start_after_ms=NOW + 500), Wait(NOW + 500)),
    "but then": (TASK_STATE_READY, MADE, task(start_after_ms=NOW), Start()),
    "a running one is left alone": (TASK_STATE_RUNNING, UP, task(), AwaitExit()),
    "one that waits for its health as well": (TASK_STATE_STARTING, CHECKED, task(), AwaitExit()),
    "one that is sick for a moment stays running": (
        TASK_STATE_RUNNING, CHECKED, task(), AwaitExit()),
    "one that is sick for good is stopped": (
        TASK_STATE_RUNNING, SICK, task(), Stop(4.0, "health check failed")),
    "a job that is to be complete runs on": (
        TASK_STATE_RUNNING, UP, task(TASK_STATE_COMPLETE), AwaitExit()),
    "one without ports is stopped at once": (
        TASK_STATE_RUNNING, UP, task(TASK_STATE_SHUTDOWN), Stop(4.0)),
    "one with ports leaves the routes first": (
        TASK_STATE_RUNNING, UP, task(TASK_STATE_SHUTDOWN, ports=[PortConfig(target=80)]),
        Wait(NOW + 1000)),
    "as long as it was told": (
        TASK_STATE_RUNNING, UP,
        task(TASK_STATE_SHUTDOWN, ports=[PortConfig(target=80)], drain_s=2.5), Wait(NOW + 2500)),
    "one that was in no route does not": (
        TASK_STATE_STARTING, CHECKED, task(TASK_STATE_SHUTDOWN, ports=[PortConfig(target=80)]),
        Stop(4.0)),
    "an ended one keeps its container": (
        TASK_STATE_SHUTDOWN, DONE, task(TASK_STATE_SHUTDOWN), Nothing()),
    "until it is to be removed": (TASK_STATE_SHUTDOWN, DONE, task(TASK_STATE_REMOVE), Remove()),
    "then nothing is left": (TASK_STATE_SHUTDOWN, None, task(TASK_STATE_REMOVE), Nothing()),
    "one that was given up and still runs is stopped": (
        TASK_STATE_ORPHANED, UP, task(TASK_STATE_SHUTDOWN), Stop(4.0)),
}  # fmt: skip


@pytest.mark.parametrize(
    ("state", "container", "wanted", "expected"), STEPS.values(), ids=STEPS.keys()
)
def test_what_is_done(
    state: TaskState.ValueType, container: Container | None, wanted: Task, expected: Step
) -> None:
    assert step(state, container, wanted) == expected


def test_a_task_drains_once_however_often_it_is_looked_at() -> None:
    stopping = task(TASK_STATE_SHUTDOWN, ports=[PortConfig(target=80)])
    assert step(TASK_STATE_RUNNING, UP, stopping, stop_since_ms=NOW - 999) == Wait(NOW + 1)
    assert step(TASK_STATE_RUNNING, UP, stopping, stop_since_ms=NOW - 1000) == Stop(4.0)


def test_a_task_that_is_refused_is_rejected_before_its_start_and_failed_after() -> None:
    before = step(TASK_STATE_PREPARING, None, refused="no such image")
    assert isinstance(before, Report)
    assert (before.status.state, before.status.error) == (TASK_STATE_REJECTED, "no such image")
    assert reported(step(TASK_STATE_STARTING, MADE, refused="no")) == TASK_STATE_FAILED


def test_an_engine_that_failed_is_left_alone_for_a_while() -> None:
    assert step(TASK_STATE_PREPARING, None, retry_at_ms=NOW + 5) == Wait(NOW + 5)
    assert step(TASK_STATE_PREPARING, None, retry_at_ms=NOW) == Prepare()


def test_what_is_out_of_reach_is_not_gone() -> None:
    found = step(TASK_STATE_RUNNING, None, out_of_reach=True, retry_at_ms=NOW + 5)
    assert found == Wait(NOW + 5)


def test_a_task_waits_for_what_it_refers_to() -> None:
    assert step(TASK_STATE_PREPARING, None, needs_met=False) == Nothing()


def test_a_running_task_tells_its_ports_and_when_it_began_to_run() -> None:
    found = step(TASK_STATE_READY, Container("t1", "c1", running=True, ports=PORTS))
    assert isinstance(found, Report)
    assert tuple(found.status.ports) == PORTS
    assert found.status.started_at_ms == found.status.since_ms == NOW
    assert found.status.container_id == "c1"


def test_ports_that_changed_are_told_without_a_new_state() -> None:
    moved = Container("t1", "c1", running=True, ports=PORTS)
    status = TaskStatus(state=TASK_STATE_RUNNING, since_ms=5, started_at_ms=5)
    found = next_step(task(), Seen(status=status, container=moved), NOW)
    assert isinstance(found, Report)
    assert (found.status.since_ms, tuple(found.status.ports)) == (5, PORTS)


def test_an_end_keeps_when_it_ran_and_says_how_it_ended() -> None:
    status = TaskStatus(state=TASK_STATE_RUNNING, started_at_ms=7)
    found = next_step(task(), Seen(status=status, container=BROKEN), NOW)
    assert isinstance(found, Report)
    assert found.status.started_at_ms == 7
    assert (found.status.exited, found.status.exit_code) == (True, 3)
    assert found.status.error == "it ended with exit code 3"


def test_retries_grow_further_apart_up_to_a_limit() -> None:
    delays = [retry_delay_s(failures) for failures in range(1, 40)]
    assert delays == sorted(delays)
    assert (delays[0], delays[-1]) == (0.5, 30.0)


# --- any interleaving

EVENTS = st.sampled_from(["step", "step", "exit 0", "exit 1", "sick", "well", "lose"])
DESIRES = st.sampled_from(
    [TASK_STATE_READY, TASK_STATE_RUNNING, TASK_STATE_COMPLETE, TASK_STATE_SHUTDOWN]
)
LIVES = st.lists(st.tuples(EVENTS, DESIRES), max_size=30)


class Engine:
    """One container, moved by steps and by what happens to it."""

    def __init__(self) -> None:
        self.container: Container | None = None

    def do(self, found: Step) -> None:
        if isinstance(found, Prepare):
            self.container = MADE
        elif isinstance(found, Start):
            self.container = CHECKED
        elif isinstance(found, Stop) and self.container is not None:
            self.container = BROKEN
        elif isinstance(found, Remove):
            self.container = None

    def suffer(self, event: str) -> None:
        if self.container is None or not self.container.running:
            return
        ends = {"exit 0": DONE, "exit 1": BROKEN, "sick": SICK, "well": HEALTHY, "lose": None}
        self.container = ends.get(event, self.container)


def advance(engine: Engine, wanted: Task, status: TaskStatus, now_ms: int) -> TaskStatus:
    seen = Seen(status=status, container=engine.container, stop_since_ms=0)
    found = next_step(wanted, seen, now_ms)
    engine.do(found)
    if not isinstance(found, Report):
        return status
    assert may_become(status.state, found.status.state)
    return found.status


@given(LIVES)
def test_no_life_goes_back_and_all_end_stopped_and_removed(
    life: list[tuple[str, TaskState.ValueType]],
) -> None:
    engine, status = Engine(), TaskStatus(state=TASK_STATE_ASSIGNED)
    wanted = task(TASK_STATE_READY, ports=[PortConfig(target=80)])
    for event, desired in life:
        wanted.desired_state = max(wanted.desired_state, desired)
        engine.suffer(event)
        status = advance(engine, wanted, status, NOW)
    wanted.desired_state = TASK_STATE_REMOVE
    for _ in range(10):
        status = advance(engine, wanted, status, NOW + 1000)
    assert status.state > TASK_STATE_RUNNING
    assert engine.container is None
