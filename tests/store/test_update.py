from collections.abc import Awaitable, Callable

import pytest

from swarmpy.errors import Conflict, NotFound
from swarmpy.pb.transaction_pb2 import Transaction
from swarmpy.store.editor import Editor
from swarmpy.store.store import TRANSACTIONS_REMEMBERED, Store
from swarmpy.testing.builders import node, service, task
from tests.store.lone_consensus import LoneConsensus


@pytest.fixture
def consensus() -> LoneConsensus:
    return LoneConsensus()


@pytest.fixture
def store(consensus: LoneConsensus) -> Store:
    return consensus.new_store()


async def create_task(store: Store, task_id: str = "t1", slot: int = 1) -> None:
    async with store.update() as tx:
        tx.tasks.create(task(task_id, slot=slot))


def edit_t1(tx: Editor) -> None:
    with tx.tasks.edit("t1") as row:
        row.slot = 9


def delete_t1(tx: Editor) -> None:
    tx.tasks.delete("t1")


def create_t1(tx: Editor) -> None:
    tx.tasks.create(task("t1", slot=9))


def check_t1(tx: Editor) -> None:
    tx.tasks.check("t1")


async def commit(store: Store, write: Callable[[Editor], None]) -> None:
    async with store.update() as tx:
        write(tx)


async def test_a_commit_fills_in_version_and_times(store: Store) -> None:
    await create_task(store)
    created = store.view.tasks.get("t1")
    assert (created.version, created.created_at_ms, created.updated_at_ms) == (1, 10**6, 10**6)
    await store._clock.sleep(5)
    async with store.update() as tx:
        with tx.tasks.edit("t1") as row:
            row.slot = 2
    edited = store.view.tasks.get("t1")
    assert (edited.version, edited.created_at_ms, edited.updated_at_ms) == (2, 10**6, 1005000)
    assert created.slot == 1, "the row that somebody holds was written to"


async def test_what_an_editor_reads_includes_what_it_wrote(store: Store) -> None:
    await create_task(store)
    async with store.update() as tx:
        with tx.tasks.edit("t1") as row:
            row.slot = 7
        with tx.tasks.edit("t1") as row:
            assert row.slot == 7
        tx.tasks.create(task("t2"))
        assert tx.tasks.find("t2") is not None
        tx.tasks.delete("t1")
        assert tx.tasks.find("t1") is None
        assert store.view.tasks.get("t1").slot == 1


async def test_a_block_that_raises_commits_nothing(store: Store, consensus: LoneConsensus) -> None:
    def write_and_fail(tx: Editor) -> None:
        create_t1(tx)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await commit(store, write_and_fail)
    assert consensus.entries == []


async def test_an_edit_without_a_change_commits_nothing(
    store: Store, consensus: LoneConsensus
) -> None:
    await create_task(store)
    async with store.update() as tx:
        with tx.tasks.edit("t1") as row:
            row.slot = 1
    assert len(consensus.entries) == 1


async def test_what_is_made_and_removed_in_one_transaction_commits_nothing(
    store: Store, consensus: LoneConsensus
) -> None:
    async with store.update() as tx:
        tx.tasks.create(task("t1"))
        tx.tasks.delete("t1")
    assert consensus.entries == []


async def test_a_row_removed_in_a_transaction_cannot_be_edited_in_it(store: Store) -> None:
    await create_task(store)
    async with store.update() as tx:
        tx.tasks.delete("t1")
        with pytest.raises(NotFound), tx.tasks.edit("t1"):
            pass
        with pytest.raises(NotFound):
            tx.tasks.delete("t1")
    assert store.view.tasks.find("t1") is None


@pytest.mark.parametrize("write", [edit_t1, delete_t1])
async def test_what_is_not_there_cannot_be_changed(
    store: Store, write: Callable[[Editor], None]
) -> None:
    with pytest.raises(NotFound, match="no task is named"):
        await commit(store, write)


async def test_a_row_cannot_be_made_twice(store: Store) -> None:
    await create_task(store)
    async with store.update() as tx:
        with pytest.raises(AssertionError, match="t1 exists"):
            tx.tasks.create(task("t1"))


# --- two proposers


async def decide_late(
    store: Store, decide: Callable[[Editor], None], meanwhile: Callable[[], Awaitable[None]]
) -> None:
    """Decide, and let something else be committed before this is."""
    async with store.update() as tx:
        tx.nodes.create(node("n1"))
        decide(tx)
        await meanwhile()


@pytest.mark.parametrize("there", [False, True], ids=["absent", "present"])
@pytest.mark.parametrize("decide", [edit_t1, delete_t1, create_t1, check_t1])
@pytest.mark.parametrize("sooner", [edit_t1, delete_t1, create_t1])
async def test_a_stale_transaction_is_dropped_whole_and_its_proposer_told(
    consensus: LoneConsensus,
    there: bool,
    decide: Callable[[Editor], None],
    sooner: Callable[[Editor], None],
) -> None:
    if any(there == (write is create_t1) and write is not check_t1 for write in (decide, sooner)):
        return
    store, other = consensus.new_store(), consensus.new_store()
    if there:
        await create_task(store)
    with pytest.raises(Conflict, match="tasks/t1 changed while") as conflict:
        await decide_late(store, decide, lambda: commit(other, sooner))
    assert conflict.value.fields == {"table": "tasks", "id": "t1"}
    assert store.view.nodes.find("n1") is None
    assert [*store.as_bytes()] == [*other.as_bytes()]
    assert ("t1" in store.view.tasks) == (sooner is not delete_t1)


async def test_a_conflict_is_told_to_its_proposer_alone(consensus: LoneConsensus) -> None:
    store, other = consensus.new_store(), consensus.new_store()
    await create_task(store)
    with pytest.raises(Conflict):
        await decide_late(store, delete_t1, lambda: commit(other, delete_t1))
    await create_task(other, "t2")
    assert store._dropped == other._dropped == {}
    assert store._waiting == other._waiting == set()


async def test_writes_to_different_rows_do_not_disturb_each_other(
    consensus: LoneConsensus,
) -> None:
    store, other = consensus.new_store(), consensus.new_store()
    async with store.update() as tx:
        tx.tasks.create(task("t1"))
        async with other.update() as sooner:
            sooner.services.create(service("s1"))
    assert store.view.tasks.find("t1")
    assert store.view.services.find("s1")


# --- proposals that arrive twice


async def test_a_transaction_that_is_proposed_twice_applies_once(
    store: Store, consensus: LoneConsensus
) -> None:
    await create_task(store)
    first = consensus.entries[0]
    async with store.update() as tx:
        tx.tasks.delete("t1")
    await consensus.propose(first)
    assert store.view.tasks.find("t1") is None
    assert store.index == 3


async def test_a_dropped_transaction_stays_dropped_when_it_comes_again(
    store: Store, consensus: LoneConsensus
) -> None:
    stale = Transaction(id="retried")
    stale.changes.add().task.CopyFrom(task("t1"))
    stale.checks.add(table="nodes", id="n1", version=3)
    await consensus.propose(stale.SerializeToString())
    async with store.update() as tx:
        tx.nodes.create(node("n1"))
    await consensus.propose(stale.SerializeToString())
    assert store.view.tasks.find("t1") is None


async def test_the_memory_of_transactions_is_bounded(
    store: Store, consensus: LoneConsensus
) -> None:
    for number in range(TRANSACTIONS_REMEMBERED + 10):
        store.apply(number + 1, Transaction(id=str(number)).SerializeToString())
    assert len(store._recent) == TRANSACTIONS_REMEMBERED
