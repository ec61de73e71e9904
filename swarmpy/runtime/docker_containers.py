"""The containers of one node on its engine: makes, starts, finds and removes them, by task.

In a pod each container has a name; in a plain task the name of its only one is "".
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

from docker import APIClient
from docker.errors import APIError, ImageNotFound, NotFound

from swarmpy.core.pod import SANDBOX, all_containers, is_pod
from swarmpy.errors import EngineUnavailable, TaskRefused
from swarmpy.pb.objects_pb2 import Task
from swarmpy.pb.specs_pb2 import ContainerSpec
from swarmpy.runtime.container_config import (
    NODE_LABEL,
    TASK_LABEL,
    ContainerPlan,
    Json,
    plan_container,
    use_image,
)
from swarmpy.runtime.docker_engine import Engine
from swarmpy.runtime.docker_images import Images
from swarmpy.runtime.docker_networks import Networks, connect
from swarmpy.runtime.docker_pods import Pods, files_root
from swarmpy.runtime.docker_state import was_started
from swarmpy.runtime.docker_volumes import with_volumes
from swarmpy.runtime.pod_config import CONTAINER_LABEL, ORDER_LABEL
from swarmpy.runtime.task_files import forget_files, keep_files, memory_directory, refresh_files
from swarmpy.seams import Clock, Dependencies

REMOVE_POLLS = 100
REMOVE_POLL_S = 0.1


class Containers:
    """Knows which container belongs to which task.

    The engine is asked for all of them once; from then on only this object makes any. What it
    may have missed (a call without an answer) makes it ask again.
    """

    def __init__(
        self, engine: Engine, node_id: str, address: str, directory: Path, clock: Clock
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._node_id = node_id
        self._address = address
        self._files = memory_directory(node_id, directory / "files")
        self._images = Images(engine)
        self._networks = Networks(engine, clock)
        self._pods = Pods(engine, node_id, address, self._files)
        self._ids: dict[str, dict[str, str]] | None = None
        """Task id -> name -> container id; None when the engine must be asked."""
        self._listing = asyncio.Lock()

    async def task_ids(self) -> list[str]:
        return list(await self._known())

    async def names(self, task_id: str) -> list[str]:
        """Return the names of a task's containers, the first one first, the sandbox last."""
        names = list((await self._known()).get(task_id, ()))
        return sorted(names, key=lambda name: name == SANDBOX)

    async def inspect(self, task_id: str, name: str = "") -> Json | None:
        """Return what the engine says of a task's container, None when there is none.

        Without a name it is the first.
        """
        names = await self.names(task_id)
        name = name or next(iter(names), "")
        container_id = (await self._known()).get(task_id, {}).get(name)
        if container_id is None:
            return None
        found = await self._engine.ask("inspect a container", lambda c: _inspect(c, container_id))
        if found is None:
            self._forget(task_id, name)
        return found

    async def inspect_here(self, task_id: str, name: str = "") -> Json:
        """Do the same for a task that must have a container.

        Raises:
            EngineUnavailable: it has none (any more): who looks again learns what is true.
        """
        found = await self.inspect(task_id, name)
        if found is None:
            raise EngineUnavailable(f"task {task_id} has no container on this node")
        return found

    async def make(self, task: Task, needs: Dependencies) -> None:
        """Make the container and what it needs. Nothing happens to one that has been started."""
        if is_pod(task.spec):
            for network in needs.networks.values():
                await self._networks.bring(network)
            await self._pods.make(task, needs, self._bring)
            return
        inspected = await self.inspect(task.id)
        if inspected is not None and was_started(inspected):
            return
        files = [
            file
            for spec in task.spec.containers[:1]
            for file in await asyncio.to_thread(keep_files, spec, needs, self._files / task.id)
        ]
        plan = plan_container(task, needs.networks, files, self._node_id, self._address)
        plan = replace(plan, body=with_volumes(plan.body, needs.volumes, self._node_id))
        for network in needs.networks.values():
            await self._networks.bring(network)
        if inspected is not None:
            made_id = str(inspected["Id"])
            await self._engine.change("connect it", lambda c: _connect(c, made_id, plan))
        else:
            await self._bring(task, "", plan, task.spec.containers[0], needs)

    def progress(self, task_id: str) -> str:
        """Return what a task that is being made waits for."""
        return self._images.progress(task_id)

    async def refresh(self, task: Task, needs: Dependencies) -> None:
        """Let the files of a task that change in place be what they now are."""
        if task.id in await self._known():
            for spec in all_containers(task.spec):
                root = files_root(self._files, task, spec)
                await asyncio.to_thread(refresh_files, spec, needs, root)

    async def start(self, task_id: str, name: str = "", *, again: bool = False) -> Json:
        """Start, unless it runs or, but for `again`, has run; return what the engine then says."""
        if name and name != SANDBOX:
            await self._start_sandbox(task_id)
        inspected = await self.inspect_here(task_id, name)
        if inspected["State"]["Running"] or (was_started(inspected) and not again):
            return inspected
        container_id = inspected["Id"]

        def start(client: APIClient) -> Json:
            client.start(container_id)
            found: Json = client.inspect_container(container_id)
            return found

        try:
            return await self._engine.change("start the container", start)
        except TaskRefused:
            if not await self._networks.bring_back(inspected["NetworkSettings"]["Networks"]):
                raise
            return await self._engine.change("start the container", start)

    async def remove(self, task_id: str) -> None:
        """Remove the containers by force, with their files and the volumes of them alone."""
        names = await self.names(task_id)
        for name in names:
            await self._remove(task_id, name)
        if SANDBOX in names:
            await self._pods.remove_volumes(task_id)
        forget_files(self._files / task_id)

    async def remove_rest(self) -> None:
        """Remove what is left when no container of this node is: files and unused networks."""
        forget_files(self._files)
        await self.remove_lost_volumes()
        await self._networks.remove_unused()

    async def remove_lost_volumes(self) -> None:
        """Remove ephemeral volumes whose task is gone from here."""
        await self._pods.remove_lost_volumes(frozenset(await self._known()))

    # Inside

    async def _remove(self, task_id: str, name: str) -> None:
        container_id = (await self._known()).get(task_id, {}).get(name)
        if container_id is None:
            return
        await self._engine.change(
            "remove a container",
            lambda client: _remove(client, container_id),
            pool=self._engine.removals,
        )
        await self._until_gone(container_id)
        self._forget(task_id, name)

    async def _start_sandbox(self, task_id: str) -> None:
        """Have the sandbox run. One that has ended is not started again: its address is gone."""
        sandbox = await self.start(task_id, SANDBOX)
        if not sandbox["State"]["Running"]:
            raise TaskRefused("the sandbox of the pod has ended")

    def _forget(self, task_id: str, name: str) -> None:
        if self._ids is not None and task_id in self._ids:
            self._ids[task_id].pop(name, None)
            if not self._ids[task_id]:
                del self._ids[task_id]

    async def _known(self) -> dict[str, dict[str, str]]:
        async with self._listing:
            if self._ids is None:
                filters = {"label": [f"{NODE_LABEL}={self._node_id}", TASK_LABEL]}
                found: list[Any] = await self._engine.ask(
                    "list containers", lambda client: client.containers(all=True, filters=filters)
                )
                found.sort(key=lambda one: int(one["Labels"].get(ORDER_LABEL, 0)))
                self._ids = {}
                for one in found:
                    name = one["Labels"].get(CONTAINER_LABEL, "")
                    self._ids.setdefault(one["Labels"][TASK_LABEL], {})[name] = one["Id"]
            return self._ids

    async def _bring(
        self,
        task: Task,
        name: str,
        plan: ContainerPlan,
        spec: ContainerSpec | None,
        needs: Dependencies,
    ) -> None:
        """Create a container unless it is there; fetch the image of its spec if it is not here."""
        there = (await self._known()).get(task.id, {})
        if name in there and await self.inspect(task.id, name) is not None:
            return
        if spec is not None:
            image = await self._images.bring(task.id, spec, task.image_digests, needs.registries)
            use_image(plan, spec, image.reference, image.digest)
        if await self._create(task, name, plan) is None:
            raise EngineUnavailable(f"image {plan.body['Image']} was here and is gone again")

    async def _create(self, task: Task, name: str, plan: ContainerPlan) -> str | None:
        """Create and connect; return the container's id, or None when its image is not here."""
        try:
            made_id = await self._engine.change(
                f"create the container of {task.service_name or 'a task'}",
                lambda client: _create(client, plan),
            )
        except BaseException:  # whatever it was, and whoever was cancelled: it may be there now
            self._ids = None
            raise
        if made_id is not None:
            (await self._known()).setdefault(task.id, {})[name] = made_id
        return made_id

    async def _until_gone(self, container_id: str) -> None:
        """Return when a removal that somebody else began has ended, too."""
        for _ in range(REMOVE_POLLS):
            if not await self._engine.ask("inspect", lambda c: _inspect(c, container_id)):
                return
            await self._clock.sleep(REMOVE_POLL_S)
        raise EngineUnavailable(f"container {container_id[:12]} is still being removed")


def _inspect(client: APIClient, container_id: str) -> Json | None:
    try:
        found: Json = client.inspect_container(container_id)
    except NotFound:
        return None
    return found


def _create(client: APIClient, plan: ContainerPlan) -> str | None:
    try:
        made: Json = client.create_container_from_config(plan.body, plan.name)  # type: ignore[no-untyped-call]
        made_id = str(made["Id"])
    except ImageNotFound:
        return None
    except APIError as error:
        made_id = _made_before(client, plan) if error.status_code == 409 else ""
        if not made_id:
            raise
    _connect(client, made_id, plan)
    return made_id


def _made_before(client: APIClient, plan: ContainerPlan) -> str:
    """Return the id of the container that has the name, if it is the same task's; else ""."""
    found = _inspect(client, plan.name)
    labels = found["Config"]["Labels"] if found else {}
    wanted = plan.body["Labels"]
    same = all(labels.get(key) == wanted[key] for key in (NODE_LABEL, TASK_LABEL))
    return str(found["Id"]) if found and same else ""


def _connect(client: APIClient, container_id: str, plan: ContainerPlan) -> None:
    connect(client, container_id, dict(plan.further_networks))


def _remove(client: APIClient, container_id: str) -> None:
    try:
        client.remove_container(container_id, v=True, force=True)
    except NotFound:
        return
    except APIError as error:
        if error.status_code != 409:  # somebody else removes it already
            raise
