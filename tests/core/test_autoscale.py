"""A service has as many replicas as its use asks for, and changes them reluctantly."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmpy.core.actions import SetReplicas
from swarmpy.core.autoscale import Use, Wish, decide, is_autoscaled, window_ms, wish
from swarmpy.pb.objects_pb2 import Service, Task
from swarmpy.pb.types_pb2 import TASK_STATE_RUNNING, TASK_STATE_STARTING, AutoscaleConfig
from swarmpy.testing.builders import service, service_spec, task, task_spec

CORE = 1_000_000_000
NOW_MS = 1_000_000
MINUTE_MS = 60_000


def web(replicas: int, **config: float) -> Service:
    """Return a service whose tasks reserve a core and 100 bytes, 2 to 20 of them."""
    spec = service_spec("web", replicas=replicas, task=task_spec(cpus=1.0, memory_bytes=100))
    bounds = {"min_replicas": 2, "max_replicas": 20, **config}
    spec.autoscale.CopyFrom(AutoscaleConfig(**bounds))  # type: ignore[arg-type]
    return service("s1", spec)


def running(of: Service, number: int, *, starting: int = 0) -> list[Task]:
    states = [TASK_STATE_RUNNING] * number + [TASK_STATE_STARTING] * starting
    return [
        task(f"t{i}", of=of, slot=i + 1, state=state, desired=TASK_STATE_RUNNING)
        for i, state in enumerate(states)
    ]


def using(tasks: Sequence[Task], cores: float, memory_bytes: int = 0) -> dict[str, Use]:
    return {one.id: Use(cores * CORE, memory_bytes) for one in tasks}


@pytest.mark.parametrize(
    ("replicas", "cores", "wished"),
    [
        (4, 0.5, 4),
        (4, 1.0, 8),
        (4, 0.7, 6),
        (4, 0.54, 4),
        (4, 0.46, 4),
        (4, 0.25, 2),
        (4, 0.0, 0),
        (3, 0.6, 4),
    ],
    ids=["aim", "double", "more", "little more", "little less", "half", "idle", "rounded up"],
)
def test_the_wish_follows_average_use(replicas: int, cores: float, wished: int) -> None:
    row = web(replicas, cpu_ratio=0.5)
    tasks = running(row, replicas)
    assert wish(row, tasks, using(tasks, cores), NOW_MS).replicas == wished


def test_of_two_aims_the_higher_wish_counts() -> None:
    row = web(4, cpu_ratio=0.5, memory_ratio=0.5)
    tasks = running(row, 4)
    newest = wish(row, tasks, using(tasks, 0.25, memory_bytes=100), NOW_MS)
    assert newest.replicas == 8
    assert newest.why == "its tasks use 100% of their memory, the aim is 50%"


@pytest.mark.parametrize(("cores", "wished"), [(1.0, 4), (2.0, 8), (0.1, 3), (0.0, 2)], ids=str)
def test_tasks_of_unknown_use_make_no_wish_bolder(cores: float, wished: int) -> None:
    row = web(4, cpu_ratio=0.5)
    tasks = running(row, 2, starting=2)
    assert wish(row, tasks, using(tasks[:2], cores), NOW_MS).replicas == wished


def test_when_nothing_is_known_nothing_is_wished_for() -> None:
    row = web(4, cpu_ratio=0.5)
    assert wish(row, running(row, 4), {}, NOW_MS) == Wish(NOW_MS, 4)


def size(row: Service, *wishes: tuple[int, int]) -> int | None:
    """Return the size that is decided on after wishes, given as (seconds ago, replicas)."""
    every = [Wish(NOW_MS - ago_s * 1000, replicas) for ago_s, replicas in wishes]
    for action in decide(row, every, NOW_MS).actions:
        if isinstance(action, SetReplicas):
            return action.replicas
    return None


@pytest.mark.parametrize(
    ("config", "wishes", "decided"),
    [
        ({}, [(0, 8)], 8),
        ({}, [(0, 4)], None),
        ({}, [(15, 4), (0, 2)], None),
        ({}, [(301, 4), (299, 3), (0, 2)], 3),
        ({"scale_down_window_s": 0}, [(15, 4), (0, 2)], 2),
        ({"scale_up_window_s": 60}, [(50, 4), (0, 9)], None),
        ({"scale_up_window_s": 60}, [(61, 4), (50, 6), (0, 9)], 6),
        ({}, [(0, 100)], 8),
        ({"max_replicas": 6}, [(0, 8)], 6),
        ({"min_replicas": 3, "scale_down_window_s": 0}, [(0, 1)], 3),
        ({"min_replicas": 6}, [], 6),
    ],
    ids=[
        "up at once", "as it is", "a short calm", "a long calm", "no window down", "a short peak",
        "a long peak", "doubled at most", "max", "min", "bounds alone",
    ],
)  # fmt: skip
def test_a_size_changes_within_windows_pace_and_bounds(
    config: dict[str, float], wishes: list[tuple[int, int]], decided: int | None
) -> None:
    assert size(web(4, cpu_ratio=0.5, **config), *wishes) == decided


def test_few_replicas_may_become_four_more_at_once() -> None:
    assert size(web(2, cpu_ratio=0.5), (0, 100)) == 6


@given(
    present=st.integers(0, 50),
    wishes=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 200)), max_size=9),
)
def test_a_decided_size_is_within_bounds_and_is_decided_once(
    present: int, wishes: list[tuple[int, int]]
) -> None:
    row = web(present, cpu_ratio=0.5)
    decided = size(row, *sorted(wishes, reverse=True))
    if decided is None:
        assert 2 <= present <= 20
        return
    assert 2 <= decided <= 20
    assert decided != present


def test_what_is_no_replicated_service_is_not_scaled() -> None:
    row = web(3, cpu_ratio=0.5)
    assert is_autoscaled(row)
    row.removing = True
    assert not is_autoscaled(row)
    assert not is_autoscaled(service("s2", service_spec("plain")))


def test_wishes_are_remembered_for_the_longer_window() -> None:
    assert window_ms(AutoscaleConfig()) == 5 * MINUTE_MS
    assert window_ms(AutoscaleConfig(scale_up_window_s=600)) == 10 * MINUTE_MS
