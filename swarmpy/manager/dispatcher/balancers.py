"""The routes of every service with a mesh port, kept up to date for all sessions at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from swarmpy.core.routing import has_mesh_port, load_balancer
from swarmpy.core.task_life import counts_for_service
from swarmpy.pb.dispatcher_pb2 import LoadBalancer
from swarmpy.pb.objects_pb2 import Node, Task
from swarmpy.store.view import View
from swarmpy.store.watch import Commit


class Balancers:
    """Recomputes only what a commit touched; an unchanged balancer stays the same object."""

    def __init__(self) -> None:
        self._of_service: dict[str, LoadBalancer] = {}

    def __iter__(self) -> Iterator[LoadBalancer]:
        return iter(self._of_service.values())

    def follow(self, view: View, commits: Iterable[Commit]) -> bool:
        """Take commits in; return whether any route changed."""
        touched: set[str] = set()
        for commit in commits:
            for change in commit.changes:
                if change.table == "services":
                    touched.add(change.id)
                elif change.table == "tasks" and _may_be_routed(change.old, change.new):
                    touched.add((change.new or change.old).service_id)
            if commit.resync or any(change.table == "nodes" for change in commit.changes):
                touched.update(self._of_service)
                touched.update(service.id for service in view.services)
        nodes = {node.id: node for node in view.nodes} if touched else {}
        return sum(self._refresh(view, service_id, nodes) for service_id in touched) > 0

    def _refresh(self, view: View, service_id: str, nodes: Mapping[str, Node]) -> bool:
        service = view.services.find(service_id)
        before = self._of_service.get(service_id)
        after = None
        if service is not None and has_mesh_port(service):
            after = load_balancer(service, view.tasks.by("service_id", service_id), nodes)
        if after is None or not after.frontends:
            self._of_service.pop(service_id, None)
            return before is not None
        if after == before:
            return False
        self._of_service[service_id] = after
        return True


def _may_be_routed(*rows: Task | None) -> bool:
    return any(task is not None and counts_for_service(task) for task in rows)
