"""A control loop whose keys are services: it is woken by them, their tasks and their nodes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from typing import ClassVar

from swarmpy.core.actions import IN_ORDER, Decision
from swarmpy.core.dependencies import is_news, unmet
from swarmpy.core.mode import mode_of
from swarmpy.manager.loop import ControlLoop
from swarmpy.pb.objects_pb2 import Node, Service, Task
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
                yield (change.new or change.old).service_id
            case "nodes":
                for task in self.store.view.tasks.by("node_id", change.id):
                    yield task.service_id
            case _:
                raise AssertionError(change.table)

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
        for service in self.store.view.services:
            if any(wait.service == name for wait in service.spec.depends_on):
                yield service.id


def tasks_of(view: View, service: Service) -> list[Task]:
    return view.tasks.by("service_id", service.id)


def nodes_of(view: View, tasks: Iterable[Task]) -> Mapping[str, Node]:
    """Return the nodes that tasks are on, by id; those that were removed are missing."""
    ids = {task.node_id for task in tasks}
    return {node.id: node for node_id in ids if (node := view.nodes.find(node_id)) is not None}


def all_nodes(view: View) -> Mapping[str, Node]:
    return {node.id: node for node in view.nodes}
