import asyncio
from contextlib import aclosing

from swarmpy.store.store import Store
from swarmpy.store.view import View
from swarmpy.testing.builders import node, task
from tests.store.lone_consensus import LoneConsensus


def new_store() -> Store:
    return LoneConsensus().new_store()


async def create_task(store: Store, task_id: str) -> None:
    async with store.update() as tx:
        tx.tasks.create(task(task_id))


async def test_the_first_item_is_a_resync_then_every_commit_follows() -> None:
    store = new_store()
    with store.watching() as watch:
        await create_task(store, "t1")
        await create_task(store, "t2")
        commits = watch.take()
    assert [(c.index, c.resync) for c in commits] == [(0, True), (1, False), (2, False)]
    assert [change.id for c in commits for change in c.changes] == ["t1", "t2"]


async def test_a_watch_of_tables_sees_only_their_changes() -> None:
    store = new_store()
    with store.watching(["nodes"]) as watch:
        await create_task(store, "t1")
        async with store.update() as tx:
            tx.tasks.create(task("t2"))
            tx.nodes.create(node("n1"))
        commits = watch.take()
    assert [(c.table, c.id) for commit in commits for c in commit.changes] == [("nodes", "n1")]


async def test_a_change_carries_the_row_before_and_after() -> None:
    store = new_store()
    await create_task(store, "t1")
    with store.watching() as watch:
        async with store.update() as tx:
            with tx.tasks.edit("t1") as row:
                row.slot = 2
        async with store.update() as tx:
            tx.tasks.delete("t1")
        _, edited, removed = watch.take()
    assert (edited.changes[0].old.slot, edited.changes[0].new.slot) == (1, 2)
    assert removed.changes[0].old is edited.changes[0].new
    assert removed.changes[0].new is None


async def test_a_watcher_that_lags_past_its_limit_is_told_to_look_again() -> None:
    store = new_store()
    with store.watching(limit=3) as watch:
        watch.take()
        for number in range(5):
            await create_task(store, f"t{number}")
            assert len(watch._waiting) <= 3
        commits = watch.take()
    assert [(c.index, c.resync) for c in commits] == [(4, True), (5, False)]


async def test_a_watch_that_is_left_costs_nothing_more() -> None:
    store = new_store()
    with store.watching():
        pass
    async with aclosing(store.watch()) as commits:
        await anext(commits)
        assert len(store._watches) == 1
    assert len(store._watches) == 0


async def test_who_waits_is_woken_by_a_commit() -> None:
    store = new_store()

    def two_tasks(view: View) -> bool:
        return len(view.tasks) == 2

    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(store.until(two_tasks, ["tasks"]))
        for number in range(2):
            await asyncio.sleep(0)
            assert not waiting.done()
            await create_task(store, f"t{number}")


async def test_watchers_are_woken_in_the_order_they_came() -> None:
    store = new_store()
    woken: list[int] = []
    with store.watching() as first, store.watching() as second:
        for number, watch in ((1, first), (2, second)):
            push = watch.push
            watch.push = lambda commit, n=number, p=push: (woken.append(n), p(commit))  # type: ignore[method-assign,misc,assignment,func-returns-value]
        await create_task(store, "t1")
    assert woken == [1, 2]
