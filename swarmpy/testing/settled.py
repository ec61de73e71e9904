"""What must hold after a quiet minute: what is wanted runs, and nothing else does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from swarmpy.core.mode import size_of
from swarmpy.core.routing import load_balancer, routing_table
from swarmpy.core.task_life import counts_for_service
from swarmpy.pb.objects_pb2 import Service, Task
from swarmpy.pb.types_pb2 import NODE_STATE_READY, NodeState
from swarmpy.store.store import Store
from swarmpy.store.view import View
from swarmpy.testing.ticks import late
from swarmpy.testing.workload import Workload, shape_of

if TYPE_CHECKING:
    from swarmpy.testing.simulation import Swarm


def unsettled(swarm: Swarm, workload: Workload | None = None) -> list[str]:
    """Return everything that is not yet, or no more, as it must be."""
    leader = swarm.leader()
    if leader is None or leader.daemon is None or leader.daemon.store is None:
        return ["nobody leads"]
    store = leader.daemon.store
    return [
        *_managers(swarm, store),
        *_nodes(swarm, store.view),
        *_services(store.view),
        *late(store.view, int(leader.clock.now() * 1000)),
        *_containers(swarm, store.view),
        *_routes(swarm, store.view),
        *([] if workload is None else _acknowledged(workload, store.view)),
    ]


def _managers(swarm: Swarm, leading: Store) -> Iterator[str]:
    stores = swarm.stores()
    for name in swarm.world.managers:
        if name not in stores:
            yield f"manager {name} is not up"
        elif stores[name].index != leading.index:
            yield f"manager {name} is at index {stores[name].index}, not {leading.index}"
    if leading.index < swarm.invariants.acknowledged_index:
        yield f"entry {swarm.invariants.acknowledged_index} was acknowledged and is lost"


def _nodes(swarm: Swarm, view: View) -> Iterator[str]:
    for name in swarm.hosts:
        state = view.nodes.get(name).status.state
        if state != NODE_STATE_READY:
            yield f"node {name} is {NodeState.Name(state)}"


def _services(view: View) -> Iterator[str]:
    for service in view.services:
        name = service.spec.name
        if service.cron_job_id:
            continue
        if service.removing:
            yield f"service {name} is still being removed"
            continue
        size = size_of(service)
        wanted = len(view.nodes) if size is None else size
        serving = _serving(view, service)
        if len(serving) != wanted:
            yield f"service {name} has {len(serving)} of {wanted} tasks running"
        old = [task.id for task in serving if task.spec_version != service.spec_version]
        if old:
            yield f"service {name} still runs an old version: {', '.join(old)}"


def _containers(swarm: Swarm, view: View) -> Iterator[str]:
    """Compare what the managers believe with what runs in truth. Runs of cron jobs come and go."""
    runs = {service.id for service in view.services if service.cron_job_id}
    passing = {task.id for task in view.tasks if task.service_id in runs}
    truth = {(task, node) for node, tasks in swarm.running_on().items() for task in tasks}
    truth = {(task, node) for task, node in truth if task not in passing}
    lasting = (service for service in view.services if service.id not in runs)
    belief = {(task.id, task.node_id) for service in lasting for task in _serving(view, service)}
    for task, node in sorted(truth - belief):
        yield f"task {task} runs on {node} and nobody wants it"
    for task, node in sorted(belief - truth):
        yield f"task {task} is believed to run on {node} and does not"


def _routes(swarm: Swarm, view: View) -> Iterator[str]:
    nodes = {node.id: node for node in view.nodes}
    table = routing_table(
        load_balancer(service, view.tasks.by("service_id", service.id), nodes)
        for service in view.services
    )
    for name, host in swarm.hosts.items():
        installed = host.data_plane.tables[-1] if host.data_plane.tables else None
        if installed != table:
            yield f"node {name} routes by another table than the managers mean"


def _acknowledged(workload: Workload, view: View) -> Iterator[str]:
    for name, belief in workload.beliefs.items():
        services = view.services.by("name", name)
        shape = shape_of(services[0] if services else None)
        if not belief.allows(shape):
            yield (
                f"service {name} is {shape}, but {belief.known} was acknowledged"
                f" (in doubt: {belief.doubts})"
            )


def _serving(view: View, service: Service) -> list[Task]:
    return [task for task in view.tasks.by("service_id", service.id) if counts_for_service(task)]
