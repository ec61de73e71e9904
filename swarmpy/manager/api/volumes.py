"""Volumes: declared, listed, looked at, and removed when somebody asks and nobody uses them."""

from __future__ import annotations

from collections.abc import Iterable

from swarmpy.core.ordinals import wanted_slots
from swarmpy.core.references import task_spec
from swarmpy.core.task_life import is_live
from swarmpy.core.tell import task_name
from swarmpy.core.validate_volume import validate_volume
from swarmpy.core.volumes import is_made_for_a_slot, mounted
from swarmpy.errors import AlreadyExists, InUse
from swarmpy.manager.api.find import find_node
from swarmpy.manager.seat import Seat
from swarmpy.manager.volume_claims import finder
from swarmpy.pb.control_pb2 import (
    CreateVolumeRequest,
    GetVolumeRequest,
    ListVolumesRequest,
    ListVolumesResponse,
    RemoveVolumeRequest,
    RemoveVolumeResponse,
    VolumeSummary,
)
from swarmpy.pb.objects_pb2 import Task, Volume
from swarmpy.pb.types_pb2 import (
    NODE_STATE_READY,
    TASK_STATE_NEW,
    TASK_STATE_PENDING,
    TASK_STATE_SHUTDOWN,
)
from swarmpy.store.editor import Editor
from swarmpy.store.view import View

_WAITING = (TASK_STATE_NEW, TASK_STATE_PENDING)


class Volumes:
    def __init__(self, seat: Seat) -> None:
        self._seat = seat

    async def create_volume(self, request: CreateVolumeRequest) -> Volume:
        validate_volume(request.spec)
        volume = Volume(id=self._seat.ids.new_id(), spec=request.spec)

        def decide(tx: Editor) -> None:
            if finder(tx.view)(request.spec.name) is not None:
                raise AlreadyExists.named("volume", request.spec.name)
            tx.volumes.create(volume)

        await self._seat.write(decide)
        return self._seat.store.view.volumes.get(volume.id)

    async def list_volumes(self, request: ListVolumesRequest) -> ListVolumesResponse:
        """Return the volumes that fit every filter, with who uses them."""
        view = await self._seat.read()
        rows: Iterable[Volume] = view.volumes
        if request.stack:
            stack_id = view.stacks.resolve(request.stack).id
            rows = [row for row in rows if row.stack_id == stack_id]
        if request.node:
            node_id = find_node(view, request.node).id
            rows = [row for row in rows if node_id in row.node_ids]
        return ListVolumesResponse(volumes=[_summary(view, row) for row in rows])

    async def get_volume(self, request: GetVolumeRequest) -> VolumeSummary:
        view = await self._seat.read()
        return _summary(view, find_volume(view, request.volume))

    async def remove_volume(self, request: RemoveVolumeRequest) -> RemoveVolumeResponse:
        """Have a volume's nodes remove it; one that is down does so when it comes back.

        Raises:
            InUse: somebody uses it; with `force`, only where a task runs with it.
        """

        def decide(tx: Editor) -> None:
            row = find_volume(tx.view, request.volume)
            summary = _summary(tx.view, row)
            if request.force:
                _refuse_running(tx.view, row)
            elif summary.users or summary.tasks:
                _refuse_used(summary)
            let_go(tx, row)
            if summary.users and not is_made_for_a_slot(row):
                anew = Volume(id=self._seat.ids.new_id(), spec=row.spec, stack_id=row.stack_id)
                tx.volumes.create(anew)

        await self._seat.write(decide)
        return RemoveVolumeResponse()


def find_volume(view: View, reference: str) -> Volume:
    """Return the volume that a person means. Of those with one name, that which stays counts."""
    return finder(view)(reference) or view.volumes.resolve(reference)


def let_go(tx: Editor, row: Volume) -> None:
    """Mark a volume as removing; tasks that wait for its node are made anew without it."""
    with tx.volumes.edit(row.id) as volume:
        volume.removing = True
    for node_id in row.node_ids:
        for task in tx.view.tasks.by("node_id", node_id):
            waits = task.status.state in _WAITING and task.desired_state < TASK_STATE_SHUTDOWN
            if waits and row.spec.name in task.bound_by.split(", "):
                with tx.tasks.edit(task.id) as ended:
                    ended.desired_state = TASK_STATE_SHUTDOWN


def let_go_of_service(tx: Editor, service_id: str) -> None:
    """Let the volumes of a service's slots go with it."""
    for row in tx.view.volumes.by("service_id", service_id):
        if service_id and not row.removing:
            let_go(tx, row)


def let_go_of_stack(tx: Editor, stack_id: str) -> None:
    """Let all the volumes of a stack go with it."""
    for row in tx.view.volumes.by("stack_id", stack_id):
        if stack_id and not row.removing:
            let_go(tx, row)


def _summary(view: View, row: Volume) -> VolumeSummary:
    """Return a volume with who uses it; what is being removed, nobody may use any more."""
    tasks = sorted(task_name(task) for task in _tasks(view, row))
    users = [] if row.removing else sorted(_users(view, row))
    return VolumeSummary(volume=row, users=users, tasks=tasks)


def _users(view: View, row: Volume) -> set[str]:
    if is_made_for_a_slot(row):
        service = view.services.find(row.service_id)
        if service is None or row.slot not in wanted_slots(service):
            return set()
        return {service.spec.name}
    return {
        user.spec.name
        for user in (*view.services, *view.cron_jobs)
        if row.spec.name in mounted(task_spec(user))
    }


def _tasks(view: View, row: Volume) -> list[Task]:
    """Return the tasks with it that have not ended."""
    return [
        task
        for node_id in row.node_ids
        for task in view.tasks.by("node_id", node_id)
        if is_live(task) and row.id in task.volumes.values()
    ]


def _refuse_used(summary: VolumeSummary) -> None:
    name = summary.volume.spec.name
    users = ", ".join(summary.users or summary.tasks)
    remedy = f"update or remove these first; or lose its data: swarmpy volume rm --force {name}"
    if is_made_for_a_slot(summary.volume):
        remedy = f"scale or remove these first; or lose its data: swarmpy volume rm --force {name}"
    raise InUse(f"volume {name!r} is used by {users}", remedy=remedy)


def _refuse_running(view: View, row: Volume) -> None:
    """Raise InUse when a task has it on a node that answers: no engine would remove it."""
    for task in _tasks(view, row):
        node = view.nodes.find(task.node_id)
        if node is not None and node.status.state == NODE_STATE_READY:
            raise InUse(
                f"volume {row.spec.name!r} is used by {task_name(task)}, which runs",
                remedy=f"stop it first: swarmpy service scale {task.service_name}=0",
            )
