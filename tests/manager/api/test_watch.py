"""A watch begins with everything there is, and begins anew for who does not keep up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from swarmpy.errors import InvalidInput, NotFound
from swarmpy.manager.api.watch import COMMITS_WAITING, Watch
from swarmpy.manager.seat import Seat
from swarmpy.pb.control_pb2 import WatchBatch, WatchRequest
from swarmpy.pb.objects_pb2 import Event, Stack
from swarmpy.pb.types_pb2 import TASK_STATE_RUNNING
from swarmpy.testing import builders
from tests.manager.one_manager import leading_seat, put
from tests.manager.stopped_clock import settle

WEB = builders.service("s1", builders.service_spec("web"))
OTHER = builders.service("s2", builders.service_spec("other"))


class Watching:
    def __init__(self, seat: Seat, request: WatchRequest) -> None:
        self.batches: list[WatchBatch] = []
        self.may_read = asyncio.Event()
        self.may_read.set()
        self.task = asyncio.create_task(Watch(seat).watch(request, self._hear))

    async def _hear(self, batch: WatchBatch) -> None:
        await self.may_read.wait()
        self.batches.append(batch)

    def rows(self, number: int) -> set[str]:
        """Name the rows of one batch: "task t1"; a removed one "-tasks t1"."""
        names = set()
        for change in self.batches[number].changes:
            kind = str(change.WhichOneof("row"))
            row = getattr(change, kind)
            names.add(f"-{row.table} {row.id}" if kind == "removed" else f"{kind} {row.id}")
        return names


@pytest.fixture
async def seat() -> Seat:
    seat = await leading_seat()
    await put(
        seat.store,
        stacks=[Stack(id="k1", name="shop")],
        services=[WEB, OTHER],
        tasks=[builders.task("t1", of=WEB), builders.task("t2", of=OTHER)],
    )
    return seat


async def watch(seat: Seat, **request: object) -> AsyncIterator[Watching]:
    watching = Watching(seat, WatchRequest(**request))  # type: ignore[arg-type]
    await settle()
    try:
        yield watching
    finally:
        watching.task.cancel()
        await asyncio.wait([watching.task])


async def test_the_first_batch_is_everything_and_later_ones_are_changes(seat: Seat) -> None:
    async for watching in watch(seat, tables=["services", "tasks"]):
        assert watching.batches[0].resync
        assert watching.rows(0) == {"service s1", "service s2", "task t1", "task t2"}
        await put(seat.store, tasks=[builders.task("t3", of=WEB)], nodes=[builders.node("w1")])
        async with seat.store.update() as tx:
            tx.tasks.delete("t2")
        await settle()
        assert [watching.rows(number) for number in (1, 2)] == [{"task t3"}, {"-tasks t2"}]
        assert not watching.batches[1].resync
        assert watching.batches[1].index < watching.batches[2].index == seat.store.index


async def test_a_watch_of_a_service_sees_it_its_tasks_and_their_events(seat: Seat) -> None:
    async for watching in watch(seat, service="web"):
        assert watching.rows(0) == {"service s1", "task t1"}
        await put(
            seat.store,
            tasks=[builders.task("t3", of=WEB), builders.task("t4", of=OTHER)],
            events=[Event(id="e1", object_id="t1"), Event(id="e2", object_id="t2")],
        )
        await settle()
        assert watching.rows(1) == {"task t3", "event e1"}


async def test_a_watch_of_a_stack_sees_services_that_come_later(seat: Seat) -> None:
    async for watching in watch(seat, stack="shop"):
        assert watching.rows(0) == {"stack k1"}
        new = builders.service("s3", builders.service_spec("shop_web"))
        new.stack_id = "k1"
        await put(seat.store, services=[new], tasks=[builders.task("t9", of=new)])
        await settle()
        assert watching.rows(1) == {"service s3", "task t9"}
        async with seat.store.update() as tx:
            tx.services.delete("s3")
        async with seat.store.update() as tx:
            tx.tasks.delete("t9")
        await settle()
        assert watching.rows(2) == {"-services s3"}
        assert watching.rows(3) == {"-tasks t9"}, "also when it goes after its service"


async def test_a_client_that_does_not_keep_up_is_sent_everything_again(seat: Seat) -> None:
    async for watching in watch(seat, tables=["tasks"]):
        watching.may_read.clear()
        for number in range(COMMITS_WAITING + 10):
            async with seat.store.update() as tx:
                with tx.tasks.edit("t1") as task:
                    task.pending_reason = str(number)
        await put(seat.store, tasks=[builders.task("t3", of=WEB, state=TASK_STATE_RUNNING)])
        watching.may_read.set()
        await settle(COMMITS_WAITING)
        assert len(watching.batches) < 30
        resyncs = [n for n, batch in enumerate(watching.batches) if batch.resync]
        assert len(resyncs) == 2
        names = set().union(*(watching.rows(n) for n in range(resyncs[1], len(watching.batches))))
        assert names == {"task t1", "task t2", "task t3"}


@pytest.mark.parametrize("table", ["clusters", "join_tokens", "nonsense"])
async def test_what_holds_keys_cannot_be_watched(seat: Seat, table: str) -> None:
    with pytest.raises(InvalidInput, match=table):
        await Watch(seat).watch(WatchRequest(tables=[table]), _never)


async def test_a_watch_of_nothing_says_so(seat: Seat) -> None:
    with pytest.raises(NotFound):
        await Watch(seat).watch(WatchRequest(service="missing"), _never)


async def _never(_message: object) -> None:
    raise AssertionError("nothing should be sent")
