"""Makes the containers of a pod on the engine: its volumes, its sandbox, then what lives in it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

from docker import APIClient
from docker.errors import APIError, NotFound

from swarmpy.core.pod import SANDBOX, all_containers, is_pod
from swarmpy.errors import TaskRefused
from swarmpy.pb.objects_pb2 import Task
from swarmpy.pb.specs_pb2 import ContainerSpec
from swarmpy.runtime.container_config import NODE_LABEL, TASK_LABEL, ContainerPlan
from swarmpy.runtime.docker_engine import Engine
from swarmpy.runtime.docker_volumes import with_volumes
from swarmpy.runtime.go_names import go_architecture
from swarmpy.runtime.pause_image import IMAGE, PROGRAM, image_tar
from swarmpy.runtime.pod_config import plan_member, plan_sandbox, plan_volumes
from swarmpy.runtime.task_files import keep_files
from swarmpy.seams import Dependencies

MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}

Create = Callable[[Task, str, ContainerPlan, ContainerSpec | None, Dependencies], Awaitable[None]]
"""Creates one container of a task, by its name and plan, of the image that its spec means."""


def files_root(files: Path, task: Task, spec: ContainerSpec) -> Path:
    """Return where what a container is shown of configs and secrets is kept."""
    return files / task.id / spec.name if is_pod(task.spec) else files / task.id


class Pods:
    def __init__(self, engine: Engine, node_id: str, address: str, files: Path) -> None:
        self._engine = engine
        self._node_id = node_id
        self._address = address
        self._files = files
        self._making: set[str] = set()
        """Tasks whose volumes may be there before any of their containers is."""

    async def make(self, task: Task, needs: Dependencies, create: Create) -> None:
        """Make everything of a pod that is not there yet."""
        await self._engine.change("make the image of pods", _make_image)
        self._making.add(task.id)
        try:
            for volume in plan_volumes(task, self._node_id):
                await self._engine.change(
                    "make a volume",
                    lambda client, made=volume: client.create_volume(  # type: ignore[misc]
                        made.name, "local", dict(made.options), dict(made.labels)
                    ),
                )
            sandbox = plan_sandbox(task, needs.networks, self._node_id, self._address)
            await create(task, SANDBOX, sandbox, None, needs)
        finally:
            self._making.discard(task.id)
        for spec in all_containers(task.spec):
            root = files_root(self._files, task, spec)
            files = await asyncio.to_thread(keep_files, spec, needs, root)
            plan = plan_member(task, spec, files, self._node_id)
            plan = replace(plan, body=with_volumes(plan.body, needs.volumes, self._node_id))
            await create(task, spec.name, plan, spec, needs)

    async def remove_volumes(self, task_id: str) -> None:
        """Remove the ephemeral volumes of a task whose containers are gone."""
        await self._remove_volumes({"label": [f"{TASK_LABEL}={task_id}"]}, frozenset())

    async def remove_lost_volumes(self, task_ids: frozenset[str]) -> None:
        """Remove those of tasks that are not among these and are not being made."""
        await self._remove_volumes({"label": [TASK_LABEL]}, task_ids | self._making)

    async def _remove_volumes(self, filters: dict[str, list[str]], kept: frozenset[str]) -> None:
        filters["label"].append(f"{NODE_LABEL}={self._node_id}")

        def remove(client: APIClient) -> None:
            for volume in client.volumes(filters)["Volumes"] or ():
                if volume["Labels"][TASK_LABEL] not in kept:
                    _remove(client, volume["Name"])

        await self._engine.ask("remove volumes", remove)


def _make_image(client: APIClient) -> None:
    """Make the sandbox's image unless it is here: somebody may have pruned it.

    Raises:
        TaskRefused: there is no program for this kind of machine.
    """
    if client.images(IMAGE):
        return
    architecture = go_architecture(client.info()["Architecture"])
    if architecture not in MACHINES:
        raise TaskRefused(
            f"pods need a machine of {' or '.join(MACHINES)}, and this is {architecture}",
            remedy="run this task on another node: constrain node.platform.arch",
        )
    name, _, tag = IMAGE.partition(":")
    client.import_image_from_data(
        image_tar(MACHINES[architecture]),
        repository=name,
        tag=tag,
        changes=[f'ENTRYPOINT ["/{PROGRAM}"]'],
    )


def _remove(client: APIClient, name: str) -> None:
    try:
        client.remove_volume(name)
    except NotFound:
        return
    except APIError as error:
        if error.status_code != 409:  # still in use: it goes with a later sweep
            raise
