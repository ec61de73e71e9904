import asyncio
import random
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarmpy.ids import IdSource
from swarmpy.pb.objects_pb2 import Event
from swarmpy.store.apply import EVENTS_KEPT
from swarmpy.store.store import Store
from swarmpy.store.tables import SCHEMAS
from swarmpy.testing.builders import task
from tests.store.lone_consensus import LoneConsensus, StoppedClock

WRITES = st.lists(
    st.tuples(
        st.sampled_from(["put", "delete"]),
        st.sampled_from(["t1", "t2", "t3", "t4"]),
        st.sampled_from(["", "n1", "n2"]),
    ),
    max_size=30,
)


def joined(store: Store) -> bytes:
    return b"".join(store.as_bytes())


def restored(snapshot: Iterable[bytes]) -> Store:
    store = Store(StoppedClock(), IdSource(random.Random(0)), guarded=True)
    store.restore(snapshot)
    return store


async def write(store: Store, kind: str, task_id: str, node_id: str) -> None:
    async with store.update() as tx:
        there = task_id in store.view.tasks
        if kind == "delete" and there:
            tx.tasks.delete(task_id)
        elif kind == "put" and there:
            with tx.tasks.edit(task_id) as row:
                row.node_id = node_id
                row.slot += 1
        elif kind == "put":
            tx.tasks.create(task(task_id, on=node_id))


@settings(deadline=None)
@given(WRITES, WRITES)
def test_who_restored_and_who_applied_stay_byte_equal_and_read_alike(
    before: list[tuple[str, str, str]], after: list[tuple[str, str, str]]
) -> None:
    async def main() -> None:
        consensus = LoneConsensus()
        store = consensus.new_store()
        for step in before:
            await write(store, *step)
        late = restored(store.as_bytes())
        assert joined(late) == joined(store)
        consensus.stores.append(late)
        for step in after:
            await write(store, *step)
        assert joined(late) == joined(store)
        for node_id in ("", "n1", "n2"):
            assert late.view.tasks.by("node_id", node_id) == store.view.tasks.by("node_id", node_id)

    asyncio.run(main())


@settings(deadline=None, max_examples=30)
@given(WRITES, WRITES, st.integers(1, 3))
def test_a_snapshot_is_of_the_moment_it_was_taken_whatever_is_written_while_it_is_read(
    before: list[tuple[str, str, str]], after: list[tuple[str, str, str]], piece_rows: int
) -> None:
    async def main() -> None:
        store = LoneConsensus().new_store()
        for step in before:
            await write(store, *step)
        as_it_was = joined(store)
        pieces = iter(store.as_bytes())
        read = next(pieces)
        for step in after:
            await write(store, *step)
            read += next(pieces, b"")
        assert read + b"".join(pieces) == as_it_was

    with pytest.MonkeyPatch.context() as small:
        small.setattr("swarmpy.store.snapshot.PIECE_ROWS", piece_rows)
        asyncio.run(main())


def test_every_table_is_in_a_snapshot() -> None:
    store = Store(StoppedClock(), IdSource(random.Random(0)))
    for schema in SCHEMAS:
        store.view.table(schema.name).put("x1", schema.row(id="x1", version=1))
    late = restored(store.as_bytes())
    for schema in SCHEMAS:
        assert [row.id for row in late.view.table(schema.name)] == ["x1"]


async def test_a_restored_store_remembers_what_was_applied() -> None:
    consensus = LoneConsensus()
    store = consensus.new_store()
    await write(store, "put", "t1", "")
    first = consensus.entries[0]
    await write(store, "delete", "t1", "")
    late = restored(store.as_bytes())
    late.apply(3, first)
    assert late.view.tasks.find("t1") is None


async def test_a_restore_forgets_what_was_there_and_wakes_every_watcher() -> None:
    store = LoneConsensus().new_store()
    other = LoneConsensus().new_store()
    await write(store, "put", "old", "")
    await write(other, "put", "new", "")
    with store.watching(["nodes"]) as watch:
        watch.take()
        store.restore(other.as_bytes())
        assert [commit.resync for commit in watch.take()] == [True]
    assert [row.id for row in store.view.tasks] == ["new"]


async def test_the_ring_of_events_forgets_the_oldest() -> None:
    store = LoneConsensus().new_store(guarded=False)
    for start in range(0, EVENTS_KEPT + 200, 200):
        async with store.update() as tx:
            for number in range(start, start + 200):
                tx.events.create(Event(id=f"e{number}", object_id="s1"))
    ids = [event.id for event in store.view.events]
    assert ids == [f"e{number}" for number in range(200, EVENTS_KEPT + 200)]
    assert len(store.view.events.by("object_id", "s1")) == EVENTS_KEPT


async def test_the_guard_notices_who_wrote_to_a_row_they_only_read() -> None:
    store = LoneConsensus().new_store()
    await write(store, "put", "t1", "")
    store.view.tasks.get("t1").slot = 99
    with pytest.raises(AssertionError, match="somebody wrote to tasks/t1"):
        await write(store, "put", "t2", "")


async def test_the_guard_follows_restores_and_removals() -> None:
    store = LoneConsensus().new_store()
    await write(store, "put", "t1", "")
    store.restore(store.as_bytes())
    await write(store, "put", "t1", "n1")
    await write(store, "delete", "t1", "")
    await write(store, "put", "t2", "")
    store.view.tasks.get("t2").slot = 99
    with pytest.raises(AssertionError, match="tasks/t2"):
        await write(store, "put", "t3", "")
