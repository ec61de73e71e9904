# ruff: noqa: N802  gRPC names its methods
"""The real control API, served by a swarm of make-believe on a real socket."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc

from swarmpy.errors import Conflict, InvalidInput, NotFound
from swarmpy.pb import control_pb2 as api
from swarmpy.pb.control_pb2_grpc import ControlServicer, add_ControlServicer_to_server
from swarmpy.pb.dispatcher_pb2 import ExecOutput, LogLine
from swarmpy.pb.objects_pb2 import (
    JoinToken,
    Node,
    Revision,
    Service,
    Stack,
    Task,
)
from swarmpy.pb.types_pb2 import (
    TASK_STATE_RUNNING,
)
from swarmpy.rpc.grpc_transport import serve_local
from tests.client.fake_cluster import FakeCluster
from tests.client.fake_cron_jobs import FakeCronJobs
from tests.client.fake_dependencies import FakeDependencies
from tests.client.fake_registries import FakeRegistries
from tests.client.fake_swarm import TABLES
from tests.client.fake_volumes import FakeVolumes


class FakeControl(
    FakeCluster, FakeCronJobs, FakeDependencies, FakeRegistries, FakeVolumes, ControlServicer
):
    """Every call of the API; each is noted in `calls` first."""

    # --- nodes and tokens

    async def CreateToken(self, request: Any, context: Any) -> api.CreateTokenResponse:
        self.called("CreateToken")
        token = JoinToken(
            id=f"k{len(self.tokens)}",
            role=request.role,
            uses_left=request.uses,
            expires_at_ms=int((time.time() + request.ttl_s) * 1000),
        )
        self.tokens[token.id] = token
        return api.CreateTokenResponse(
            token=token, secret="SWMPY-1-digest-secret", join_addresses=["10.0.0.1:2377"]
        )

    async def ListTokens(self, request: Any, context: Any) -> api.ListTokensResponse:
        self.called("ListTokens")
        return api.ListTokensResponse(tokens=self.tokens.values())

    async def RevokeToken(self, request: Any, context: Any) -> api.RevokeTokenResponse:
        self.called("RevokeToken")
        if self.tokens.pop(request.id, None) is None:
            raise NotFound.named("token", request.id)
        return api.RevokeTokenResponse()

    async def ListNodes(self, request: Any, context: Any) -> api.ListNodesResponse:
        self.called("ListNodes")
        nodes = list(self.rows["nodes"].values())
        return api.ListNodesResponse(
            nodes=nodes,
            leader_id=nodes[0].id,
            manager_ids_reachable=[nodes[0].id],
            gossip=self.gossip,
        )

    async def ExplainNetwork(self, request: Any, context: Any) -> api.ExplainNetworkResponse:
        self.called("ExplainNetwork")
        return api.ExplainNetworkResponse(probes=self.probes, silent_ids=self.silent_ids)

    async def Rebalance(self, request: Any, context: Any) -> api.RebalanceResponse:
        self.called("Rebalance")
        moves = [] if request.dry_run else [api.TaskMove(to_node_id="n2")]
        return api.RebalanceResponse(moves=moves)

    async def GetNode(self, request: Any, context: Any) -> Node:
        self.called("GetNode")
        return self.find("nodes", request.node)  # type: ignore[no-any-return]

    async def UpdateNode(self, request: Any, context: Any) -> Node:
        self.called("UpdateNode")
        node: Node = self.find("nodes", request.node)
        if request.availability:
            node.spec.availability = request.availability
        if request.role:
            node.spec.role = request.role
        node.spec.labels.update(request.labels_add)
        for label in request.labels_remove:
            node.spec.labels.pop(label, None)
        kept = [one for one in node.spec.taints if one.key not in request.taints_remove]
        del node.spec.taints[:]
        node.spec.taints.extend([*kept, *request.taints_add])
        if request.HasField("maintenance"):
            node.spec.maintenance.CopyFrom(request.maintenance)
            if not request.maintenance.ends_at_ms:
                node.spec.ClearField("maintenance")
        return self.put("nodes", node)  # type: ignore[no-any-return]

    async def RemoveNode(self, request: Any, context: Any) -> api.RemoveNodeResponse:
        self.called("RemoveNode")
        self.drop("nodes", self.find("nodes", request.node).id)
        return api.RemoveNodeResponse()

    # --- services and tasks

    async def CreateService(self, request: Any, context: Any) -> Service:
        self.called("CreateService")
        return self.store_service(request.spec)

    async def UpdateService(self, request: Any, context: Any) -> Service:
        self.called("UpdateService")
        service: Service = self.find("services", request.service)
        if request.version and request.version != service.version:
            raise Conflict(f"services/{service.id} changed", remedy="look again")
        service.previous_spec.CopyFrom(service.spec)
        service.spec.CopyFrom(request.spec)
        service.spec_version += 1
        service.ClearField("rollout")
        answer = Service()
        answer.CopyFrom(self.put("services", service))
        self.run_tasks(service)
        return answer

    async def ScaleService(self, request: Any, context: Any) -> Service:
        self.called("ScaleService")
        service: Service = self.find("services", request.service)
        if service.spec.WhichOneof("mode") != "replicated":
            raise InvalidInput(f"{service.spec.name} has no replicas to count")
        service.spec.replicated.replicas = request.replicas
        self.put("services", service)
        self.run_tasks(service)
        return service

    async def RollbackService(self, request: Any, context: Any) -> Service:
        self.called("RollbackService")
        service: Service = self.find("services", request.service)
        service.spec.CopyFrom(service.previous_spec)
        service.spec_version += 1
        self.put("services", service)
        self.run_tasks(service)
        return service

    async def PauseService(self, request: Any, context: Any) -> Service:
        self.called("PauseService")
        service: Service = self.find("services", request.service)
        service.paused = True
        return self.put("services", service)  # type: ignore[no-any-return]

    async def ResumeService(self, request: Any, context: Any) -> Service:
        self.called("ResumeService")
        service: Service = self.find("services", request.service)
        service.paused = False
        return self.put("services", service)  # type: ignore[no-any-return]

    async def RestartService(self, request: Any, context: Any) -> Service:
        self.called("RestartService")
        service: Service = self.find("services", request.service)
        service.spec.task.force_update += 1
        service.spec_version += 1
        self.put("services", service)
        self.run_tasks(service)
        return service

    async def ListRevisions(self, request: Any, context: Any) -> api.ListRevisionsResponse:
        self.called("ListRevisions")
        service: Service = self.find("services", request.service)
        specs = [service.previous_spec] if service.HasField("previous_spec") else []
        revisions = [
            Revision(service_id=service.id, number=number + 1, spec=spec, reason="updated")
            for number, spec in enumerate([*specs, service.spec])
        ]
        return api.ListRevisionsResponse(revisions=revisions)

    async def RemoveService(self, request: Any, context: Any) -> api.RemoveServiceResponse:
        self.called("RemoveService")
        service = self.find("services", request.service)
        for task in self.tasks_of(service):
            self.drop("tasks", task.id)
        self.drop("services", service.id)
        return api.RemoveServiceResponse()

    async def ListServices(self, request: Any, context: Any) -> api.ListServicesResponse:
        self.called("ListServices")
        services = self.services_in(request.stack)
        tallies = [
            api.ServiceTally(
                service_id=service.id,
                running=sum(
                    task.status.state == TASK_STATE_RUNNING for task in self.tasks_of(service)
                ),
                wanted=service.spec.replicated.replicas,
            )
            for service in services
        ]
        return api.ListServicesResponse(services=services, tallies=tallies)

    async def GetService(self, request: Any, context: Any) -> Service:
        self.called("GetService")
        return self.find("services", request.service)  # type: ignore[no-any-return]

    async def ListTasks(self, request: Any, context: Any) -> api.ListTasksResponse:
        self.called("ListTasks")
        if request.service:
            wanted = {self.find("services", request.service).id}
        else:
            wanted = {service.id for service in self.services_in(request.stack)}
        tasks = [
            task
            for task in self.rows["tasks"].values()
            if task.service_id in wanted
            and (request.all or task.desired_state <= TASK_STATE_RUNNING)
        ]
        return api.ListTasksResponse(tasks=tasks)

    async def GetTask(self, request: Any, context: Any) -> Task:
        self.called("GetTask")
        for task in self.rows["tasks"].values():
            if request.task in {task.id, f"{task.service_name}.{task.slot}"}:
                return task  # type: ignore[no-any-return]
        raise NotFound.named("task", request.task)

    async def Explain(self, request: Any, context: Any) -> api.Explanation:
        self.called("Explain")
        service = self.find("services", request.target)
        tasks = [
            api.TaskExplanation(
                task=task,
                summary=f"{task.service_name}.{task.slot} has no node: {task.pending_reason}",
                nodes=[_verdict(node) for node in self.rows["nodes"].values()],
                nearest_miss="beta: free 1.5 cpus there",
            )
            for task in self.tasks_of(service)
        ]
        return api.Explanation(summary=f"{service.spec.name} waits for a node", tasks=tasks)

    async def ListEvents(self, request: Any, context: Any) -> api.ListEventsResponse:
        self.called("ListEvents")
        events = [
            event
            for event in self.rows["events"].values()
            if request.object in {"", event.object_id, event.object_name}
        ]
        return api.ListEventsResponse(events=events)

    # --- stacks

    async def DeployStack(self, request: Any, context: Any) -> api.DeployStackResponse:
        self.called("DeployStack")
        spec = request.spec
        stack = self.put("stacks", Stack(name=spec.name, source=spec.source))
        services = [self.store_service(service, stack.id) for service in spec.services]
        changes = [
            api.StackChange(kind="service", name=service.spec.name, action="created")
            for service in services
        ]
        return api.DeployStackResponse(stack=stack, changes=changes, services=services)

    async def ListStacks(self, request: Any, context: Any) -> api.ListStacksResponse:
        self.called("ListStacks")
        summaries = []
        for stack in self.rows["stacks"].values():
            services = self.services_in(stack.name)
            running = sum(len(self.tasks_of(service)) for service in services)
            wanted = sum(service.spec.replicated.replicas for service in services)
            summary = api.StackSummary(
                stack=stack, services=len(services), tasks_running=running, tasks_wanted=wanted
            )
            summaries.append(summary)
        return api.ListStacksResponse(stacks=summaries)

    async def GetStack(self, request: Any, context: Any) -> api.GetStackResponse:
        self.called("GetStack")
        services = self.services_in(request.stack)
        tasks = [task for service in services for task in self.tasks_of(service)]
        return api.GetStackResponse(
            stack=self.find("stacks", request.stack), services=services, tasks=tasks
        )

    async def RemoveStack(self, request: Any, context: Any) -> api.RemoveStackResponse:
        self.called("RemoveStack")
        for service in self.services_in(request.stack):
            self.drop("services", service.id)
        self.drop("stacks", self.find("stacks", request.stack).id)
        return api.RemoveStackResponse()

    # --- streams

    async def Watch(self, request: Any, context: Any) -> AsyncIterator[api.WatchBatch]:
        self.called("Watch")
        tables = list(request.tables) or list(TABLES)
        queue: asyncio.Queue[Any] = asyncio.Queue()
        self.queues.add(queue)
        try:
            everything = [
                api.WatchChange(**{TABLES[table]: row})
                for table in tables
                for row in self.rows[table].values()
            ]
            yield api.WatchBatch(index=self.index, resync=True, changes=everything)
            while isinstance(item := await queue.get(), api.WatchBatch):
                yield item
            if item is not None:
                raise item
        finally:
            self.queues.discard(queue)

    async def Logs(self, request: Any, context: Any) -> AsyncIterator[api.LogsResponse]:
        self.called("Logs")
        service = self.find("services", request.target)
        lines = [
            LogLine(task_id=task.id, node_id=task.node_id, at_ms=index, data=b"hello %d" % index)
            for index, task in enumerate(self.tasks_of(service), start=1)
        ]
        kept = lines if request.options.tail < 0 else lines[-request.options.tail :]
        yield api.LogsResponse(lines=kept)
        yield api.LogsResponse(warnings=["beta does not answer: its lines are missing"])

    async def Exec(self, requests: Any, context: Any) -> AsyncIterator[ExecOutput]:
        self.called("Exec")
        frames = aiter(requests)
        start = (await anext(frames)).start
        yield ExecOutput(stdout=" ".join(start.argv).encode() + b"\n")
        if start.stdin:
            async for frame in frames:
                if frame.input.end:
                    break
                yield ExecOutput(stdout=frame.input.stdin.upper())
        yield ExecOutput(exited=True, exit_code=3 if "false" in start.argv else 0)


def _verdict(node: Node) -> api.NodeVerdict:
    return api.NodeVerdict(
        node_id=node.id,
        hostname=node.description.hostname,
        filters=[
            api.FilterVerdict(filter="ready", passed=True, reason="it answers"),
            api.FilterVerdict(
                filter="resources", passed=False, reason="needs 2.0 cpus, 0.5 of 4.0 are free"
            ),
        ],
    )


@asynccontextmanager
async def serving(control: FakeControl, path: Path) -> AsyncIterator[str]:
    """Serve `control` on a socket file; yield its address."""

    def register(server: grpc.aio.Server) -> None:
        add_ControlServicer_to_server(control, server)

    server = await serve_local(path, register)
    try:
        yield f"unix://{path}"
    finally:
        await server.stop(0)
