"""A control loop decides on what is, when something changed or its time has come."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import pytest

from swarmpy.core.actions import CreateTask, Decision, SetDesiredState
from swarmpy.errors import Conflict, NotLeader, OutcomeUnknown, SwarmPyError
from swarmpy.ids import IdSource
from swarmpy.manager.loop import ALARMS_KEPT, ControlLoop
from swarmpy.pb.types_pb2 import TASK_STATE_REMOVE
from swarmpy.store.store import Store
from swarmpy.store.view import View
from swarmpy.store.watch import RowChange
from swarmpy.testing.builders import service, task
from tests.manager.hand_clock import HandClock, settle


class Log:
    """Applies what is proposed at once, unless it is told to fail first."""

    def __init__(self, store: Store) -> None:
        self.entries = 0
        self.failures: list[SwarmPyError] = []
        self._store = store
        store.connect(self.propose)

    async def propose(self, entry: bytes) -> int:
        if self.failures:
            raise self.failures.pop(0)
        self.entries += 1
        self._store.apply(self.entries, entry)
        return self.entries


class Recorder(ControlLoop):
    """One key per service; does what the test puts into `decisions`, once."""

    tables = ("services",)

    def __init__(self, store: Store, clock: HandClock) -> None:
        super().__init__(store, clock, IdSource(random.Random(1)))
        self.decisions: dict[str, list[Decision]] = {}
        self.asked: list[tuple[str, int]] = []

    def keys(self, view: View) -> Iterable[str]:
        return [row.id for row in view.services]

    def touched(self, change: RowChange) -> Iterable[str]:
        return [change.id]

    def decide(self, view: View, key: str, now_ms: int) -> Decision:
        self.asked.append((key, now_ms))
        planned = self.decisions.get(key)
        return planned.pop(0) if planned else Decision()


class Bench:
    """A store, a log and a loop that runs."""

    def __init__(self, clock: HandClock | None = None) -> None:
        self.clock = clock or HandClock()
        self.store = Store(self.clock, IdSource(random.Random(2)), guarded=True)
        self.log = Log(self.store)
        self.loop = Recorder(self.store, self.clock)

    async def put(self, *service_ids: str) -> None:
        async with self.store.update() as tx:
            for service_id in service_ids:
                tx.services.create(service(service_id))

    async def touch(self, service_id: str) -> None:
        async with self.store.update() as tx:
            with tx.services.edit(service_id) as row:
                row.job_iteration += 1

    def asked(self) -> list[str]:
        """Return the keys that were decided on since the last call."""
        keys = [key for key, _ in self.loop.asked]
        self.loop.asked.clear()
        return keys

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            running = group.create_task(self.loop.run())
            await settle()
            yield
            running.cancel()


async def test_it_looks_at_everything_first_and_then_at_what_changed() -> None:
    bench = Bench()
    await bench.put("a", "b")
    async with bench.running():
        assert bench.asked() == ["a", "b"]
        await bench.touch("b")
        await settle()
        assert bench.asked() == ["b"]
        await bench.clock.advance(3600)
        assert bench.asked() == [], "without a change or an alarm it sleeps"


async def test_what_is_decided_is_committed_in_one_transaction() -> None:
    bench = Bench()
    await bench.put("a", "b")
    for key in ("a", "b"):
        bench.loop.decisions[key] = [Decision((CreateTask(task("", of=service(key))),))]
    async with bench.running():
        assert {row.service_id for row in bench.store.view.tasks} == {"a", "b"}
        assert bench.log.entries == 2


async def test_a_decision_may_say_when_to_look_again() -> None:
    bench = Bench()
    await bench.put("a")
    bench.loop.decisions["a"] = [Decision(look_again_ms=bench.clock.now_ms + 500)]
    async with bench.running():
        assert bench.asked() == ["a"]
        await bench.clock.advance(0.499)
        assert bench.asked() == []
        await bench.clock.advance(0.001)
        assert bench.asked() == ["a"]
        await bench.clock.advance(10)
        assert bench.asked() == []


async def test_a_commit_wakes_it_while_it_waits_for_an_alarm() -> None:
    bench = Bench()
    await bench.put("a", "b")
    bench.loop.decisions["a"] = [Decision(look_again_ms=bench.clock.now_ms + 500)]
    async with bench.running():
        bench.asked()
        await bench.touch("b")
        await settle()
        assert bench.asked() == ["b"]
        await bench.clock.advance(0.5)
        assert bench.asked() == ["a"]


async def test_only_the_latest_decision_says_when_to_look_again() -> None:
    bench = Bench()
    await bench.put("a")
    now_ms = bench.clock.now_ms
    bench.loop.decisions["a"] = [
        Decision(look_again_ms=now_ms + 500),
        Decision(look_again_ms=now_ms + 900),
        Decision(),
    ]
    async with bench.running():
        await bench.touch("a")
        await bench.clock.advance(0.5)
        assert bench.asked() == ["a", "a"], "the first alarm is void"
        await bench.clock.advance(0.4)
        assert bench.asked() == ["a"]


@pytest.mark.parametrize("now_ms", [1001, 1_754_200_001_002, 1_754_200_001_005])
async def test_an_alarm_comes_at_its_millisecond_whatever_floats_make_of_it(now_ms: int) -> None:
    bench = Bench(HandClock((now_ms - 7) / 1000))
    await bench.put("a")
    bench.loop.decisions["a"] = [Decision(look_again_ms=now_ms)]
    async with bench.running():
        await bench.clock.advance(0.007)
        assert bench.loop.asked[1:] == [("a", now_ms)]


async def test_looking_again_at_once_lets_others_run_in_between() -> None:
    bench = Bench()
    await bench.put("a")
    bench.loop.decisions["a"] = [Decision(look_again_ms=0)] * 10
    async with bench.running():
        assert bench.asked() == ["a"]
        await bench.clock.advance(0.001)
        assert bench.asked() == ["a"]


async def test_void_alarms_do_not_pile_up() -> None:
    bench = Bench()
    await bench.put("a")
    far_ms = bench.clock.now_ms + 10_000_000
    bench.loop.decisions["a"] = [Decision(look_again_ms=far_ms + i) for i in range(ALARMS_KEPT * 2)]
    async with bench.running():
        while bench.loop.decisions["a"]:
            await bench.touch("a")
            await settle(4)
        assert len(bench.loop._alarms) <= ALARMS_KEPT + 2
        bench.asked()
        await bench.clock.advance(20_000)
        assert bench.asked() == ["a"]


@pytest.mark.parametrize("error", [Conflict("changed"), OutcomeUnknown("leader lost")])
async def test_when_a_commit_fails_it_looks_and_decides_again(error: SwarmPyError) -> None:
    bench = Bench()
    await bench.put("a")
    planned = Decision((CreateTask(task("", of=service("a"))),))
    bench.loop.decisions["a"] = [planned, planned]
    bench.log.failures = [error]
    async with bench.running():
        assert bench.asked() == ["a", "a"]
        assert len(bench.store.view.tasks) == 1


async def test_a_manager_that_leads_no_more_ends_the_loop() -> None:
    bench = Bench()
    await bench.put("a")
    bench.loop.decisions["a"] = [Decision((CreateTask(task("", of=service("a"))),))]
    bench.log.failures = [NotLeader.ask("other:1")]
    with pytest.raises(NotLeader):
        await bench.loop.run()


async def test_what_was_decided_on_an_older_row_is_dropped_and_decided_again() -> None:
    bench = Bench()
    await bench.put("a")
    async with bench.store.update() as tx:
        tx.tasks.create(task("t1", of=service("a")))
    stop = Decision((SetDesiredState("t1", TASK_STATE_REMOVE),))
    bench.loop.decisions["a"] = [stop, stop]
    applied = bench.log.propose

    async def slow(entry: bytes) -> int:
        bench.store.connect(applied)
        async with bench.store.update() as tx:
            with tx.tasks.edit("t1") as row:
                row.pending_reason = "somebody else was here"
        return await applied(entry)

    bench.store.connect(slow)
    async with bench.running():
        assert bench.asked() == ["a", "a"]
    row = bench.store.view.tasks.get("t1")
    assert row.desired_state == TASK_STATE_REMOVE
    assert row.pending_reason == "somebody else was here"


async def test_a_bug_in_a_decision_is_not_swallowed() -> None:
    bench = Bench()
    await bench.put("a")

    def broken(view: View, key: str, now_ms: int) -> Decision:
        raise AssertionError("a bug")

    bench.loop.decide = broken  # type: ignore[method-assign]
    with pytest.raises(AssertionError, match="a bug"):
        await bench.loop.run()
