"""A small swarm for tests of decisions: real rows, real actions, obedient agents, no time lost.

Each turn every loop decides once on every key and its actions are written, then agents do
what rows say. When nothing happens any more the clock goes to the next moment that anybody
waits for.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from swarmpy.core.actions import AllocateTask, AssignTask
from swarmpy.core.allocate.homes import Homes
from swarmpy.core.enforce import takes_tasks
from swarmpy.core.task_life import is_ended, is_live, keeps_slot, wants_to_run
from swarmpy.ids import IdSource
from swarmpy.manager.loop import ControlLoop
from swarmpy.manager.loops.orchestration import ORCHESTRATION_LOOPS
from swarmpy.manager.perform import perform
from swarmpy.manager.volume_claims import finder
from swarmpy.pb.objects_pb2 import Cluster, Event, Node, Service, Task
from swarmpy.pb.specs_pb2 import ServiceSpec
from swarmpy.pb.types_pb2 import (
    NODE_STATE_DOWN,
    NODE_STATE_READY,
    TASK_STATE_COMPLETE,
    TASK_STATE_FAILED,
    TASK_STATE_NEW,
    TASK_STATE_PENDING,
    TASK_STATE_READY,
    TASK_STATE_RUNNING,
    TASK_STATE_SHUTDOWN,
    TaskState,
)
from swarmpy.store.editor import Editor
from swarmpy.store.store import Store
from swarmpy.store.view import View
from swarmpy.testing.builders import node, service

STOP_MS = 200
"""How long a task takes to stop."""
TURNS = 2000
"""Without an end after so many turns, decisions fight."""


class ToyClock:
    """Shows what it is set to."""

    def __init__(self) -> None:
        self.now_ms = 1_000_000

    def now(self) -> float:
        return self.now_ms / 1000

    def monotonic(self) -> float:
        return self.now()

    async def sleep(self, seconds: float) -> None:
        raise AssertionError(f"nobody sleeps in a toy world, not even {seconds} s")


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of a task that has started."""

    runs_ms: int
    ends: TaskState.ValueType = TASK_STATE_FAILED


def exits(after_ms: int, code: int = 1) -> Fate:
    return Fate(after_ms, TASK_STATE_FAILED if code else TASK_STATE_COMPLETE)


@dataclass
class ToyWorld:
    """`fates` says, by image, what becomes of tasks; others run for ever."""

    node_count: int = 3
    fates: dict[str, Fate] = field(default_factory=dict)
    never_placed: set[str] = field(default_factory=set)
    """Images that no node takes."""
    loops: tuple[type[ControlLoop], ...] = ORCHESTRATION_LOOPS
    watch: Callable[[ToyWorld], None] = lambda _: None
    """Called after every change, to check what must always hold."""
    clock: ToyClock = field(default_factory=ToyClock)

    def __post_init__(self) -> None:
        self.ids = IdSource(random.Random(7))
        self.store = Store(self.clock, self.ids, guarded=True)
        self._index = 0
        self._loops = [loop(self.store, self.clock, self.ids) for loop in self.loops]
        self._look_again: list[int] = []
        self._stop_since: dict[str, int] = {}
        with self.change() as tx:
            tx.clusters.create(Cluster(id="cluster"))
            for i in range(self.node_count):
                tx.nodes.create(node(f"n{i + 1}"))

    # --- what people and hosts do

    @property
    def view(self) -> View:
        return self.store.view

    @contextmanager
    def change(self) -> Iterator[Editor]:
        tx = Editor(self.view)
        yield tx
        transaction = tx.transaction(self.ids.new_id(), self.clock.now_ms)
        if transaction.changes:
            self.apply(transaction.SerializeToString())

    def apply(self, entry: bytes) -> int:
        """Commit a transaction, as the log would."""
        self._index += 1
        self.store.apply(self._index, entry)
        self.watch(self)
        return self._index

    def deploy(self, spec: ServiceSpec, service_id: str = "s1") -> None:
        """Make a service, or give it a new spec, as the control API does."""
        with self.change() as tx:
            if self.view.services.find(service_id) is None:
                tx.services.create(service(service_id, spec))
                return
            with tx.services.edit(service_id) as row:
                row.previous_spec.CopyFrom(row.spec)
                row.spec_version += row.spec.task != spec.task
                row.spec.CopyFrom(spec)
                del row.ports[:]
                row.ports.extend(spec.endpoint.ports)

    def remove(self, service_id: str = "s1") -> None:
        with self.change() as tx, tx.services.edit(service_id) as row:
            row.removing = True

    @contextmanager
    def node(self, node_id: str) -> Iterator[Node]:
        with self.change() as tx, tx.nodes.edit(node_id) as row:
            yield row

    def crash(self, node_id: str) -> None:
        with self.node(node_id) as row:
            row.status.state = NODE_STATE_DOWN
            row.status.since_ms = self.clock.now_ms

    def revive(self, node_id: str) -> None:
        with self.node(node_id) as row:
            row.status.state = NODE_STATE_READY

    def kill(self, task: Task) -> None:
        self._report(task, TASK_STATE_FAILED)

    # --- what there is

    def service(self, service_id: str = "s1") -> Service:
        return self.view.services.get(service_id)

    def tasks(self, service_id: str = "s1") -> list[Task]:
        """Return all tasks of a service, oldest first."""
        rows = self.view.tasks.by("service_id", service_id)
        return sorted(rows, key=lambda task: (task.created_at_ms, task.start_after_ms))

    def holders(self, service_id: str = "s1") -> list[Task]:
        return [task for task in self.tasks(service_id) if keeps_slot(task)]

    def running(self, service_id: str = "s1") -> list[Task]:
        """Return the tasks that serve: they run on a node that answers and may go on."""
        return [
            task
            for task in self.tasks(service_id)
            if task.status.state == TASK_STATE_RUNNING
            and wants_to_run(task)
            and self._answers(task.node_id)
        ]

    def images(self, service_id: str = "s1") -> list[str]:
        """Return what runs, slot by slot."""
        rows = sorted(self.running(service_id), key=lambda task: (task.slot, task.node_id))
        return [task.spec.containers[0].image for task in rows]

    def told(self) -> list[str]:
        """Return the reasons of all events so far."""
        return [event.reason for event in self.events()]

    def events(self) -> list[Event]:
        return list(self.view.events)

    # --- how time goes by

    def settle(self, for_ms: int = 3_600_000) -> None:
        """Go on until nothing happens any more, or for so long."""
        end_ms = self.clock.now_ms + for_ms
        for _ in range(TURNS):
            self._look_again = []
            if self.decide() | self.work():
                continue
            next_ms = min(self._moments(), default=end_ms)
            if next_ms > end_ms or self.clock.now_ms == end_ms:
                self.clock.now_ms = end_ms
                return
            self.clock.now_ms = next_ms
        raise AssertionError("decisions go on without end")

    def decide(self) -> bool:
        """Let every loop decide once; say whether any had something to do."""
        acted = False
        for loop in self._loops:
            for key in list(loop.keys(self.view)):
                decision = loop.decide(self.view, key, self.clock.now_ms)
                acted |= bool(decision.actions)
                with self.change() as tx:
                    perform(tx, decision.actions, self.ids, self.clock.now_ms)
                if decision.look_again_ms is not None:
                    self._look_again.append(decision.look_again_ms)
        return acted

    def _moments(self) -> Iterator[int]:
        """Yield the future moments that something waits for."""
        now_ms = self.clock.now_ms
        moments = [*self._look_again]
        moments.extend(since_ms + STOP_MS for since_ms in self._stop_since.values())
        for task in self.view.tasks:
            fate = self.fates.get(task.spec.containers[0].image)
            if task.status.state == TASK_STATE_RUNNING and fate:
                moments.append(task.status.started_at_ms + fate.runs_ms)
            if task.status.state == TASK_STATE_READY:
                moments.append(task.start_after_ms)
        return (moment for moment in moments if moment > now_ms)

    def work(self) -> bool:
        """Do one thing for each task: allocate, place, or what its agent would."""
        worked = [self._work_on(task) for task in list(self.view.tasks) if is_live(task)]
        return any(worked)

    def _work_on(self, task: Task) -> bool:
        state = task.status.state
        if state == TASK_STATE_NEW:
            return keeps_slot(task) and self._allocate(task)
        if state == TASK_STATE_PENDING:
            return keeps_slot(task) and self._place(task)
        if not self._answers(task.node_id):
            return False
        if not keeps_slot(task):
            return self._stop(task)
        return self._run(task)

    def _run(self, task: Task) -> bool:
        now_ms = self.clock.now_ms
        if task.status.state < TASK_STATE_READY:
            return self._report(task, TASK_STATE_READY)
        if task.status.state == TASK_STATE_READY:
            return task.start_after_ms <= now_ms and self._report(task, TASK_STATE_RUNNING)
        fate = self.fates.get(task.spec.containers[0].image)
        over = fate is not None and task.status.started_at_ms + fate.runs_ms <= now_ms
        return over and fate is not None and self._report(task, fate.ends)

    def _stop(self, task: Task) -> bool:
        since_ms = self._stop_since.setdefault(task.id, self.clock.now_ms)
        if self.clock.now_ms < since_ms + STOP_MS:
            return False
        del self._stop_since[task.id]
        return self._report(task, TASK_STATE_SHUTDOWN)

    def _place(self, task: Task) -> bool:
        if task.spec.containers[0].image in self.never_placed:
            return False
        taking = [
            row.id
            for row in self.view.nodes
            if takes_tasks(task.spec, row) and task.node_id in {"", row.id}
        ]
        if not taking:
            return False
        node_id = min(taking, key=self._load)
        with self.change() as tx:
            perform(tx, [AssignTask(task.id, node_id)], self.ids, self.clock.now_ms)
        return True

    def _allocate(self, task: Task) -> bool:
        home = Homes(self.view.tasks, finder(self.view)).of(task)
        if home.conflict:
            return False
        with self.change() as tx:
            allocated = AllocateTask(task.id, (), home.node_id, home.bound_by)
            perform(tx, [allocated], self.ids, self.clock.now_ms)
        return True

    def _load(self, node_id: str) -> tuple[int, str]:
        rows = self.view.tasks.by("node_id", node_id)
        return (sum(not is_ended(task) for task in rows), node_id)

    def _report(self, task: Task, state: TaskState.ValueType) -> bool:
        with self.change() as tx, tx.tasks.edit(task.id) as row:
            row.status.state = state
            row.status.since_ms = self.clock.now_ms
            if state == TASK_STATE_RUNNING:
                row.status.started_at_ms = self.clock.now_ms
            if state == TASK_STATE_FAILED:
                row.status.exited = True
                row.status.exit_code = 1
        return True

    def _answers(self, node_id: str) -> bool:
        row = self.view.nodes.find(node_id)
        return row is not None and row.status.state == NODE_STATE_READY
