"""The cluster's state: read it, change it, watch it. The only door.

view = store.view                      a consistent picture until the next `await`
async with store.update() as tx: ...   all of it is agreed on by the managers, or none
async for commit in store.watch(): ... wakes after every commit
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager

from swarmpy.errors import Conflict
from swarmpy.ids import IdSource
from swarmpy.pb.transaction_pb2 import RowVersion, StoreSnapshot, Transaction
from swarmpy.seams import Clock, Propose
from swarmpy.store.apply import perform, stale_row
from swarmpy.store.editor import Editor
from swarmpy.store.guard import WriteGuard
from swarmpy.store.snapshot import snapshot_of
from swarmpy.store.tables import SCHEMAS, row_of
from swarmpy.store.view import View
from swarmpy.store.watch import LIMIT, Commit, Watch

TRANSACTIONS_REMEMBERED = 4096
"""Ids of applied transactions, so that one proposed twice is applied once."""


class Store:
    """Replicated tables. `apply`, `snapshot` and `restore` are for consensus alone."""

    def __init__(self, clock: Clock, ids: IdSource, *, guarded: bool = False) -> None:
        self.view = View()
        self.index = 0
        self._clock = clock
        self._ids = ids
        self._propose: Propose | None = None
        self._watches: dict[Watch, None] = {}
        self._recent: OrderedDict[str, None] = OrderedDict()
        self._dropped: dict[str, RowVersion] = {}
        self._waiting: set[str] = set()
        self._guard = WriteGuard(self.view) if guarded else None
        self.observers: list[Callable[[Commit], None]] = []
        """Called in `apply`, after each commit. For invariants in tests."""

    def connect(self, propose: Propose) -> None:
        """Say how transactions reach the log."""
        self._propose = propose

    # --- writing

    @asynccontextmanager
    async def update(self) -> AsyncIterator[Editor]:
        """Collect changes, then commit them as one transaction; nothing when there are none.

        Decide inside the block without awaiting: what is decided on is what is written on.

        Raises:
            Conflict: a row changed meanwhile; look again and decide again.
            Unavailable: NotLeader, or OutcomeUnknown (look again as well).
        """
        editor = Editor(self.view)
        yield editor
        await self._commit(editor.transaction(self._ids.new_id(), int(self._clock.now() * 1000)))

    async def _commit(self, transaction: Transaction) -> None:
        if not transaction.changes:
            return
        assert self._propose is not None, "store.connect() comes first"
        self._waiting.add(transaction.id)
        try:
            await self._propose(transaction.SerializeToString(deterministic=True))
            stale = self._dropped.pop(transaction.id, None)
        finally:
            self._waiting.discard(transaction.id)
            self._dropped.pop(transaction.id, None)
        if stale is not None:
            raise Conflict(
                f"{stale.table}/{stale.id} changed while this was being decided",
                remedy="look again and repeat the command",
                fields={"table": stale.table, "id": stale.id},
            )

    # --- watching

    @contextmanager
    def watching(self, tables: Iterable[str] = (), limit: int = LIMIT) -> Iterator[Watch]:
        """Give a watch on these tables (none: all) for the length of a block."""
        watch = Watch(tables, self.index, limit)
        self._watches[watch] = None
        try:
            yield watch
        finally:
            del self._watches[watch]

    async def watch(self, tables: Iterable[str] = ()) -> AsyncGenerator[Commit, None]:
        """Yield a resync at once, then every commit that touches these tables (none: all)."""
        with self.watching(tables) as watch:
            async for commit in watch:
                yield commit

    async def until(self, condition: Callable[[View], bool], tables: Iterable[str] = ()) -> None:
        """Return once `condition` holds; it is asked again after each commit."""
        async for _ in self.watch(tables):
            if condition(self.view):
                return

    # --- consensus

    def apply(self, index: int, entry: bytes) -> None:
        """Apply one committed transaction. Deterministic; never raises."""
        if self._guard:
            self._guard.check()
        self.index = index
        transaction = Transaction.FromString(entry)
        if transaction.id in self._recent:
            return
        self._remember(transaction.id)
        stale = stale_row(self.view, transaction)
        if stale is not None:
            if transaction.id in self._waiting:
                self._dropped[transaction.id] = stale
            return
        self._announce(Commit(index, perform(self.view, index, transaction)))

    async def snapshot(self) -> Iterator[bytes]:
        return self.as_bytes()

    def as_bytes(self) -> Iterator[bytes]:
        """Return the whole state as it is now, in pieces; equal states give equal bytes."""
        return snapshot_of(self.view, self.index, self._recent)

    def restore(self, pieces: Iterable[bytes]) -> None:
        """Become what a snapshot says; watchers are told to look again."""
        parsed = StoreSnapshot.FromString(b"".join(pieces))
        for schema in SCHEMAS:
            table = self.view.table(schema.name)
            for row in list(table):
                table.drop(row.id)
        for change in parsed.rows:
            put = row_of(change)
            assert put is not None
            schema, stored = put
            self.view.table(schema.name).put(stored.id, stored)
        self.index = parsed.index
        self._recent = OrderedDict.fromkeys(parsed.recent_transaction_ids)
        if self._guard:
            self._guard.remember_all()
        self._announce(Commit(self.index, resync=True))

    def _remember(self, transaction_id: str) -> None:
        self._recent[transaction_id] = None
        if len(self._recent) > TRANSACTIONS_REMEMBERED:
            self._recent.popitem(last=False)

    def _announce(self, commit: Commit) -> None:
        if self._guard:
            for change in commit.changes:
                if change.new is None:
                    self._guard.forget(change.table, change.id)
                else:
                    self._guard.remember(change.table, change.new)
        for watch in self._watches:
            watch.push(commit)
        for observer in self.observers:
            observer(commit)
