"""A control loop whose keys are services: it is woken by them, their tasks and their nodes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from typing import ClassVar

from swarmpy.core.actions import IN_ORDER, Decision
from swarmpy.core.dependencies import is_news, unmet
from swarmpy.core.enforce import must_leave
from swarmpy.core.mode import mode_of
from swarmpy.core.node_life import is_drained
from swarmpy.core.task_change import ends, is_placed, serves_otherwise, slot_is_otherwise
from swarmpy.core.task_life import keeps_slot
from swarmpy.ids import IdSource
from swarmpy.manager.loop import ControlLoop
from swarmpy.pb.objects_pb2 import Node, Service, Task
from swarmpy.seams import Clock
from swarmpy.store.store import Store
from swarmpy.store.view import View
from swarmpy.store.watch import RowChange


class ServiceLoop(ControlLoop):
    """Decides for one service at a time, of the modes it names."""

    tables: ClassVar[tuple[str, ...]] = ("services", "tasks", "nodes")
    modes: ClassVar[frozenset[str]]

    @abstractmethod
    def decide_for(self, view: View, service: Service, now_ms: int) -> Decision:
        """Return what is missing for a service of one of the modes. Pure."""

    def keys(self, view: View) -> Iterable[str]:
        return [service.id for service in view.services if mode_of(service) in self.modes]

    def touched(self, change: RowChange) -> Iterable[str]:
        match change.table:
            case "services":
                yield change.id
            case "tasks":
                if self.concerned(change.old, change.new):
                    yield (change.new or change.old).service_id
            case "nodes":
                for task in self.store.view.tasks.by("node_id", change.id):
                    yield task.service_id
            case _:
                raise AssertionError(change.table)

    @abstractmethod
    def concerned(self, old: Task | None, new: Task | None) -> bool:
        """Say whether a change of a task could make the loop decide otherwise."""

    def decide(self, view: View, key: str, now_ms: int) -> Decision:
        service = view.services.find(key)
        if service is None or mode_of(service) not in self.modes:
            return IN_ORDER
        return self.decide_for(view, service, now_ms)


class StartingLoop(ServiceLoop):
    """Makes a service's first tasks, so it looks again when what the service waits for is up."""

    def touched(self, change: RowChange) -> Iterable[str]:
        yield from super().touched(change)
        if change.table == "services":
            yield from self._waiting_for((change.new or change.old).spec.name)
        elif change.table == "tasks" and is_news(change.old, change.new):
            yield from self._waiting_for(change.new.service_name)

    def may_start(self, view: View, service: Service, tasks: list[Task]) -> bool:
        """Say whether the service has begun already, or all that it depends on is up."""

        def find(name: str) -> Service | None:
            return next(iter(view.services.by("name", name)), None)

        return bool(tasks) or not unmet(service, find, lambda other: tasks_of(view, other))

    def _waiting_for(self, name: str) -> Iterable[str]:
        return [service.id for service in self.store.view.services.by("depends_on", name)]


class FillingLoop(StartingLoop):
    """Keeps slots filled: it is concerned by slots that are taken and given up, and by tasks
    that must, or had better, leave their node.

    That waits for the disruption budget of their service, so meanwhile it is concerned by
    whatever runs and whatever does no more; and so it is where tasks come and go in order.
    """

    def __init__(self, store: Store, clock: Clock, ids: IdSource) -> None:
        super().__init__(store, clock, ids)
        self._drained: set[str] = set()
        self._evicted: set[str] = set()
        """Tasks that were asked to leave, and have not."""

    def keys(self, view: View) -> Iterable[str]:
        self._drained = {node.id for node in view.nodes if is_drained(node)}
        self._evicted = {task.id for task in view.tasks if _is_evicted(task)}
        return super().keys(view)

    def touched(self, change: RowChange) -> Iterable[str]:
        if change.table == "nodes":
            self._drained.discard(change.id)
            if change.new is not None and is_drained(change.new):
                self._drained.add(change.id)
        return super().touched(change)

    def concerned(self, old: Task | None, new: Task | None) -> bool:
        if new is not None and _is_evicted(new):
            self._evicted.add(new.id)
        elif old is not None:
            self._evicted.discard(old.id)
        if slot_is_otherwise(old, new) or (new is not None and _is_evicted(new)):
            return True
        if _is_of_a_row(old, new) and (serves_otherwise(old, new) or ends(old, new)):
            return True
        if is_placed(old, new):
            return new is not None and self._may_leave(new)
        return bool(self._drained or self._evicted) and serves_otherwise(old, new)

    def _may_leave(self, task: Task) -> bool:
        """Say whether the node that a task was given has become one that it cannot stay on."""
        node = self.store.view.nodes.find(task.node_id)
        return node is None or bool(node.spec.taints) or bool(must_leave(task.spec, node, 0))


def _is_of_a_row(*rows: Task | None) -> bool:
    """Say whether others of a stateful service may wait for what becomes of this task."""
    return any(task is not None and task.name for task in rows)


def _is_evicted(task: Task) -> bool:
    return task.HasField("eviction") and keeps_slot(task)


def tasks_of(view: View, service: Service) -> list[Task]:
    return view.tasks.by("service_id", service.id)


def nodes_of(view: View, tasks: Iterable[Task]) -> Mapping[str, Node]:
    """Return the nodes that tasks are on, by id; those that were removed are missing."""
    ids = {task.node_id for task in tasks}
    return {node.id: node for node_id in ids if (node := view.nodes.find(node_id)) is not None}


def all_nodes(view: View) -> Mapping[str, Node]:
    return {node.id: node for node in view.nodes}
