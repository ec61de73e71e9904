"""What must hold in every swarm at every moment, whatever fails.

Checked on every manager after every entry it applies. Nothing is raised here, inside other
people's code: the story is told, and whoever runs the swarm stops it.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping

from swarmpy.core.requests import reservations_of
from swarmpy.core.task_life import has_node, is_ended
from swarmpy.pb.objects_pb2 import Task
from swarmpy.pb.types_pb2 import TaskState
from swarmpy.store.store import Store
from swarmpy.store.view import View
from swarmpy.store.watch import Commit
from swarmpy.testing.one_at_a_time import away_from_volumes, twice_by_name
from swarmpy.testing.story import Story
from swarmpy.testing.ticks import Ticks

RunningOn = Callable[[], Mapping[str, frozenset[str]]]
"""Gives node id -> ids of the tasks whose containers run there now, in truth."""


class Invariants:
    """One judge for a whole swarm."""

    def __init__(self, story: Story, running_on: RunningOn) -> None:
        self._story = story
        self._running_on = running_on
        self._leader_of_term: dict[int, str] = {}
        self._entries: dict[int, str] = {}
        self._states: dict[int, str] = {}
        self._ticks = Ticks()
        self.acknowledged_index = 0

    def led(self, node_id: str, term: int) -> None:
        """Hear that a manager leads."""
        other = self._leader_of_term.setdefault(term, node_id)
        if other != node_id:
            self._story.blame(f"{other} and {node_id} both led in term {term}")

    def acknowledged(self, node_id: str, index: int, entry: bytes) -> None:
        """Hear that a write was acknowledged: it must be there for ever."""
        self.acknowledged_index = max(self.acknowledged_index, index)
        if self._entries.get(index) != _digest(entry):
            self._story.blame(f"{node_id} acknowledged a write that is not entry {index}")

    def watched(self, node_id: str, store: Store) -> WatchedStore:
        """Return `store` as a state machine that is judged at every step."""
        store.observers.append(lambda commit: self._committed(node_id, store.view, commit))
        return WatchedStore(node_id, store, self)

    def applied(self, node_id: str, store: Store, index: int, entry: bytes) -> None:
        """Hear what a manager applied, and what it holds now."""
        digest = _digest(entry)
        if self._entries.setdefault(index, digest) != digest:
            self._story.blame(f"{node_id} applied another entry {index} than others did")
        self.holds(node_id, store, index)

    def holds(self, node_id: str, store: Store, index: int) -> None:
        """Hear that a manager stands at an index."""
        digest = _digest(*store.as_bytes())
        self._story.tell("applied", node=node_id, index=index, state=digest)
        if self._states.setdefault(index, digest) != digest:
            self._story.blame(f"{node_id} holds other bytes at index {index} than others do")

    def _committed(self, node_id: str, view: View, commit: Commit) -> None:
        """Judge what a commit made true. Who is the first at an index judges for all: the others
        will hold the same bytes, and by then containers are further on.
        """
        if commit.index in self._states:
            return
        for change in commit.changes:
            for wrong in self._ticks.twice(change):
                self._story.blame(f"{wrong} (index {commit.index})")
            if change.table == "tasks" and change.old is not None and change.new is not None:
                for wrong in what_went_back(change.old, change.new):
                    self._story.blame(f"task {change.id} {wrong} (index {commit.index})")
        for wrong in overfull(view):
            self._story.blame(f"{wrong} (index {commit.index})")
        for wrong in (*twice_by_name(view, self._running_on()), *away_from_volumes(view)):
            self._story.blame(f"{wrong} (seen by {node_id} at index {commit.index})")
        for wrong in misplaced(view, self._running_on()):
            self._story.blame(f"{wrong} (seen by {node_id} at index {commit.index})")


class WatchedStore:
    """Implements `seams.StateMachine`: a store whose every step is judged."""

    def __init__(self, node_id: str, store: Store, invariants: Invariants) -> None:
        self._node_id = node_id
        self._store = store
        self._invariants = invariants

    def apply(self, index: int, entry: bytes) -> None:
        self._store.apply(index, entry)
        self._invariants.applied(self._node_id, self._store, index, entry)

    async def snapshot(self) -> Iterator[bytes]:
        return self._store.as_bytes()

    def as_bytes(self) -> Iterator[bytes]:
        return self._store.as_bytes()

    def restore(self, pieces: Iterable[bytes]) -> None:
        self._store.restore(pieces)
        self._invariants.holds(self._node_id, self._store, self._store.index)

    def proposing(self, propose: Callable[[bytes], Awaitable[int]]) -> _Propose:
        """Return `propose` with its acknowledgements judged."""

        async def judged(entry: bytes) -> int:
            index = await propose(entry)
            self._invariants.acknowledged(self._node_id, index, entry)
            return index

        return judged


_Propose = Callable[[bytes], Awaitable[int]]


def what_went_back(old: Task, new: Task) -> list[str]:
    """Return what of a task moved in a direction it cannot."""
    wrong = []
    if new.status.state < old.status.state:
        wrong.append(f"was {_name(old.status.state)} and became {_name(new.status.state)}")
    if new.desired_state < old.desired_state:
        wrong.append(f"shall be {_name(new.desired_state)} after {_name(old.desired_state)}")
    if old.node_id and new.node_id != old.node_id:
        wrong.append(f"moved from {old.node_id} to {new.node_id}")
    return wrong


def overfull(view: View) -> list[str]:
    """Return the nodes that more is reserved on than they have."""
    cpus: defaultdict[str, int] = defaultdict(int)
    memory: defaultdict[str, int] = defaultdict(int)
    generic: defaultdict[tuple[str, str], int] = defaultdict(int)
    for task in view.tasks:
        if has_node(task) and not is_ended(task):
            for kind, count in reservations_of(task.spec).generic.items():
                generic[task.node_id, kind] += count
            cpus[task.node_id] += reservations_of(task.spec).nano_cpus
            memory[task.node_id] += reservations_of(task.spec).memory_bytes
    return [
        f"node {node.id} is overfull"
        for node in view.nodes
        if cpus[node.id] > node.description.resources.nano_cpus
        or memory[node.id] > node.description.resources.memory_bytes
        or any(
            count > node.description.resources.generic.get(kind, 0)
            for (node_id, kind), count in generic.items()
            if node_id == node.id
        )
    ]


def misplaced(view: View, running_on: Mapping[str, frozenset[str]]) -> list[str]:
    """Return the tasks that run where they were not assigned."""
    return [
        f"task {task_id} of node {task.node_id or 'nobody'} runs on {node_id}"
        for node_id, task_ids in running_on.items()
        for task_id in sorted(task_ids)
        if (task := view.tasks.find(task_id)) is not None and task.node_id != node_id
    ]


def _name(state: TaskState.ValueType) -> str:
    return TaskState.Name(state).removeprefix("TASK_STATE_")


def _digest(*pieces: bytes) -> str:
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()[:12]
