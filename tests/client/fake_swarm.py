"""A swarm of make-believe: rows in dicts, and tasks whose fate is programmed.

What becomes of a service's tasks is said by its label `fake`:
  (none)            they run at once
  pending: WHY      no node takes them
  failing: WHY      each fails, three times
  preparing         they never get further
  rolled back: WHY  its update fails and is undone
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

from swarmpy.errors import AlreadyExists, NotFound, SwarmPyError
from swarmpy.pb import control_pb2 as api
from swarmpy.pb.dispatcher_pb2 import NodeProbe
from swarmpy.pb.objects_pb2 import (
    ROLLOUT_STATE_ROLLED_BACK,
    Event,
    JoinToken,
    ManagerStatus,
    Node,
    NodeDescription,
    NodeStatus,
    RegistryCredential,
    RolloutStatus,
    Service,
    Stack,
    Task,
    TaskStatus,
)
from swarmpy.pb.specs_pb2 import NodeSpec, ServiceSpec
from swarmpy.pb.types_pb2 import (
    AVAILABILITY_ACTIVE,
    NODE_ROLE_MANAGER,
    NODE_ROLE_WORKER,
    NODE_STATE_READY,
    TASK_STATE_FAILED,
    TASK_STATE_PENDING,
    TASK_STATE_PREPARING,
    TASK_STATE_RUNNING,
    TASK_STATE_SHUTDOWN,
)

TABLES = {
    "nodes": "node",
    "services": "service",
    "cron_jobs": "cron_job",
    "tasks": "task",
    "networks": "network",
    "configs": "config",
    "secrets": "secret",
    "volumes": "volume",
    "stacks": "stack",
    "events": "event",
}


class FakeSwarm:
    """Set `failures` to make the next calls of a method fail before they do anything."""

    def __init__(self) -> None:
        self.index = 100
        self.rows: dict[str, dict[str, Any]] = {table: {} for table in TABLES}
        self.tokens: dict[str, JoinToken] = {}
        self.registries: dict[str, RegistryCredential] = {}
        self.passwords: list[bytes] = []
        """That somebody logged in with."""
        self.failures: dict[str, list[SwarmPyError]] = {}
        self.calls: list[str] = []
        self.gossip: list[api.NodeGossip] = []
        self.probes: list[NodeProbe] = []
        self.silent_ids: list[str] = []
        self.queues: set[asyncio.Queue[Any]] = set()
        self._ids = 0
        for name, role in [("alpha", NODE_ROLE_MANAGER), ("beta", NODE_ROLE_WORKER)]:
            self.put("nodes", _node(name, role))
        event = Event(kind="node", object_name="alpha", reason="NodeReady", message="it is back")
        self.put("events", event)

    # --- rows

    def put(self, table: str, row: Any) -> Any:
        """Store a row and tell the watchers; it gets an id and the next version."""
        self.index += 1
        if not row.id:
            self._ids += 1
            row.id = f"{TABLES[table][0]}{self._ids:015d}"
        row.version = self.index
        now_ms = int(time.time() * 1000)
        row.created_at_ms = row.created_at_ms or now_ms
        row.updated_at_ms = now_ms
        self.rows[table][row.id] = row
        change = api.WatchChange(**{TABLES[table]: row})
        self._tell(api.WatchBatch(index=self.index, changes=[change]))
        return row

    def drop(self, table: str, row_id: str) -> None:
        self.index += 1
        del self.rows[table][row_id]
        change = api.WatchChange(removed=api.RemovedRow(table=table, id=row_id))
        self._tell(api.WatchBatch(index=self.index, changes=[change]))

    def end_watches(self, error: SwarmPyError | None = None) -> None:
        """Break every watch, as a manager that goes away does."""
        for queue in self.queues:
            queue.put_nowait(error)

    @property
    def watchers(self) -> int:
        return len(self.queues)

    def _tell(self, batch: api.WatchBatch) -> None:
        for queue in self.queues:
            queue.put_nowait(batch)

    def find(self, table: str, ref: str) -> Any:
        for row in self.rows[table].values():
            if (ref and ref in {row.id, _name(row)}) or (row.id.startswith(ref) and len(ref) > 12):
                return row
        raise NotFound.named(TABLES[table], ref)

    def called(self, name: str) -> None:
        self.calls.append(name)
        if waiting := self.failures.get(name):
            raise waiting.pop(0)

    # --- services and their tasks

    def store_service(self, spec: ServiceSpec, stack_id: str = "") -> Service:
        if any(_name(row) == spec.name for row in self.rows["services"].values()):
            raise AlreadyExists.named("service", spec.name)
        service = Service(spec=spec, spec_version=1, stack_id=stack_id, ports_allocated=True)
        service.ports.extend(spec.endpoint.ports)
        answer = Service()
        answer.CopyFrom(self.put("services", service))
        self.run_tasks(service)
        return answer

    def services_in(self, stack: str) -> list[Service]:
        stack_id = self.find("stacks", stack).id if stack else ""
        rows = self.rows["services"].values()
        return [row for row in rows if not stack or row.stack_id == stack_id]

    def tasks_of(self, service: Service) -> list[Task]:
        return [task for task in self.rows["tasks"].values() if task.service_id == service.id]

    def run_tasks(self, service: Service) -> None:
        """Make the tasks that the label asks for; those of the old spec go."""
        fate = service.spec.labels.get("fake", "")
        if fate.startswith("rolled back: "):
            message = fate.removeprefix("rolled back: ")
            service.spec_version += 1
            service.rollout.CopyFrom(
                RolloutStatus(state=ROLLOUT_STATE_ROLLED_BACK, message=message)
            )
            self.put("services", service)
            return
        for task in self.tasks_of(service):
            if task.spec_version != service.spec_version or (
                task.slot > service.spec.replicated.replicas
            ):
                self.end_task(task, TASK_STATE_SHUTDOWN)
        live = {
            task.slot for task in self.tasks_of(service) if task.desired_state <= TASK_STATE_RUNNING
        }
        for slot in range(1, service.spec.replicated.replicas + 1):
            if slot not in live:
                self._run_slot(service, slot, fate)

    def _run_slot(self, service: Service, slot: int, fate: str) -> None:
        kind, _, why = fate.partition(": ")
        match kind:
            case "":
                self.put("tasks", self.new_task(service, slot, TASK_STATE_RUNNING))
            case "pending":
                task = self.new_task(service, slot, TASK_STATE_PENDING)
                task.node_id, task.pending_reason = "", why
                self.put("tasks", task)
            case "preparing":
                task = self.new_task(service, slot, TASK_STATE_PREPARING)
                task.status.message = "pulling the image"
                self.put("tasks", task)
            case "failing":
                for _ in range(3):
                    task = self.put("tasks", self.new_task(service, slot, TASK_STATE_RUNNING))
                    self.end_task(task, TASK_STATE_FAILED, why)
            case _:
                raise AssertionError(fate)

    def new_task(self, service: Service, slot: int, state: Any) -> Task:
        nodes = list(self.rows["nodes"])
        return Task(
            spec=service.spec.task,
            service_id=service.id,
            service_name=service.spec.name,
            slot=slot,
            node_id=nodes[slot % len(nodes)],
            status=TaskStatus(state=state),
            desired_state=TASK_STATE_RUNNING,
            spec_version=service.spec_version,
        )

    def end_task(self, task: Task, state: Any, error: str = "") -> None:
        task.desired_state = TASK_STATE_SHUTDOWN
        task.status.state = state
        task.status.error = error
        self.put("tasks", task)


def _name(row: Any) -> str:
    if isinstance(row, Node):
        return row.description.hostname
    if isinstance(row, Stack):
        return row.name
    return str(row.spec.name) if hasattr(row, "spec") and hasattr(row.spec, "name") else ""


def _node(hostname: str, role: Any) -> Node:
    node = Node(
        spec=NodeSpec(role=role, availability=AVAILABILITY_ACTIVE),
        description=NodeDescription(hostname=hostname, engine="docker 20.10.24"),
        status=NodeStatus(state=NODE_STATE_READY, address=f"10.0.0.{role}"),
        role=role,
    )
    if role == NODE_ROLE_MANAGER:
        node.manager.CopyFrom(
            ManagerStatus(raft_address="10.0.0.1:2377", api_address="10.0.0.1:2378")
        )
    return node
