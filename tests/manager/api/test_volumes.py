"""Volumes are declared, listed with who uses them, and removed when nobody does."""

from __future__ import annotations

from typing import Any

import pytest

from swarmpy.errors import AlreadyExists, InUse, InvalidInput, NotFound
from swarmpy.manager.api.find import find_task
from swarmpy.manager.api.services import Services
from swarmpy.manager.api.stacks import Stacks
from swarmpy.manager.api.volumes import Volumes
from swarmpy.manager.seat import Seat
from swarmpy.pb.control_pb2 import (
    CreateServiceRequest,
    CreateVolumeRequest,
    DeployStackRequest,
    GetVolumeRequest,
    ListVolumesRequest,
    RemoveServiceRequest,
    RemoveStackRequest,
    RemoveVolumeRequest,
    ScaleServiceRequest,
    UpdateNodeRequest,
)
from swarmpy.pb.objects_pb2 import Stack, Task, Volume
from swarmpy.pb.specs_pb2 import (
    VOLUME_SCOPE_PINNED,
    VOLUME_SCOPE_SLOT,
    ServiceSpec,
    StackSpec,
    VolumeSpec,
)
from swarmpy.pb.types_pb2 import (
    AVAILABILITY_DRAIN,
    NODE_STATE_DOWN,
    TASK_STATE_PENDING,
    TASK_STATE_RUNNING,
    TASK_STATE_SHUTDOWN,
)
from swarmpy.testing import builders
from tests.manager.one_manager import leading_seat, nodes_of, put

DATA = VolumeSpec(name="data", scope=VOLUME_SCOPE_SLOT)


def db_spec() -> ServiceSpec:
    spec = builders.stateful_spec("db", replicas=1)
    spec.task.containers[0].mounts.add(source="data", target="/data")
    return spec


def of_slot(**fields: Any) -> Volume:
    row = Volume(id="v0", service_id="s1", slot=1, node_ids=["w1"], spec=DATA, **fields)
    row.spec.name = "data-db-0"
    return row


def db_task(task_id: str = "t1", **fields: Any) -> Task:
    owner = builders.service("s1", db_spec())
    row = builders.task(task_id, of=owner, on="w1", state=TASK_STATE_RUNNING)
    row.name = "db-0"
    row.volumes["data"] = "v0"
    for field, value in fields.items():
        setattr(row, field, value)
    return row


async def seat_with_data(*tasks: Task, node_is_down: bool = False) -> Seat:
    seat = await leading_seat()
    node = builders.node("w1")
    if node_is_down:
        node.status.state = NODE_STATE_DOWN
    await put(
        seat.store,
        nodes=[node],
        services=[builders.service("s1", db_spec())],
        volumes=[Volume(id="v-data", spec=DATA), of_slot()],
        tasks=tasks,
    )
    return seat


def volume(seat: Seat, volume_id: str = "v0") -> Volume:
    return seat.store.view.volumes.get(volume_id)


async def test_a_volume_is_declared_once_and_found_by_its_name() -> None:
    seat = await leading_seat()
    volumes = Volumes(seat)
    made = await volumes.create_volume(CreateVolumeRequest(spec=DATA))
    with pytest.raises(AlreadyExists):
        await volumes.create_volume(CreateVolumeRequest(spec=DATA))
    assert (await volumes.get_volume(GetVolumeRequest(volume="data"))).volume.id == made.id
    await volumes.remove_volume(RemoveVolumeRequest(volume="data"))
    assert volume(seat, made.id).removing
    await volumes.create_volume(CreateVolumeRequest(spec=DATA))
    with pytest.raises(NotFound):
        await volumes.get_volume(GetVolumeRequest(volume="dat"))


async def test_what_makes_no_sense_is_refused_with_its_field() -> None:
    volumes, spec = Volumes(await leading_seat()), VolumeSpec(name="a b")
    with pytest.raises(InvalidInput, match="name"):
        await volumes.create_volume(CreateVolumeRequest(spec=spec))


async def test_volumes_are_listed_with_who_uses_them() -> None:
    seat = await seat_with_data(db_task())
    [declared, own] = (await Volumes(seat).list_volumes(ListVolumesRequest())).volumes
    assert (list(declared.users), list(declared.tasks)) == (["db"], [])
    assert (list(own.users), list(own.tasks)) == (["db"], ["db-0"])
    [on_node] = (await Volumes(seat).list_volumes(ListVolumesRequest(node="w1"))).volumes
    assert on_node.volume.id == "v0"


@pytest.mark.parametrize("name", ["data", "data-db-0"])
async def test_a_volume_that_is_used_is_not_removed_and_its_user_named(name: str) -> None:
    seat = await seat_with_data(db_task())
    with pytest.raises(InUse, match="used by db"):
        await Volumes(seat).remove_volume(RemoveVolumeRequest(volume=name))
    with pytest.raises(InUse, match="db-0, which runs"):
        await Volumes(seat).remove_volume(RemoveVolumeRequest(volume="data-db-0", force=True))
    assert not volume(seat).removing


async def test_force_gives_up_data_on_a_node_that_is_down_and_frees_the_task_that_waits() -> None:
    waiting = db_task("t2", bound_by="data-db-0")
    waiting.status.state = TASK_STATE_PENDING
    seat = await seat_with_data(db_task(), waiting, node_is_down=True)
    await Volumes(seat).remove_volume(RemoveVolumeRequest(volume="data-db-0", force=True))
    assert volume(seat).removing
    assert seat.store.view.tasks.get("t2").desired_state == TASK_STATE_SHUTDOWN


async def test_a_volume_that_is_given_up_though_declared_is_declared_anew() -> None:
    seat = await leading_seat()
    pinned = Volume(id="v1", node_ids=["gone"], spec=DATA)
    pinned.spec.scope = VOLUME_SCOPE_PINNED
    web = builders.service_spec("web")
    web.task.containers[0].mounts.add(source="data", target="/data")
    await put(seat.store, volumes=[pinned], services=[builders.service("s2", web)])
    await Volumes(seat).remove_volume(RemoveVolumeRequest(volume="data", force=True))
    [anew] = [row for row in seat.store.view.volumes if not row.removing]
    assert (anew.spec.scope, list(anew.node_ids)) == (VOLUME_SCOPE_PINNED, [])


@pytest.mark.parametrize("asked", [False, True], ids=["kept", "asked"])
async def test_a_service_s_data_goes_with_it_only_when_asked(asked: bool) -> None:
    seat = await seat_with_data()
    await Services(seat).remove_service(RemoveServiceRequest(service="db", volumes=asked))
    assert volume(seat).removing is asked
    assert not volume(seat, "v-data").removing


@pytest.mark.parametrize("asked", [False, True], ids=["kept", "asked"])
async def test_a_stack_s_data_goes_with_it_only_when_asked(asked: bool) -> None:
    seat = await leading_seat()
    stack = StackSpec(name="shop", volumes=[DATA], services=[db_spec()])
    answer = await Stacks(seat).deploy_stack(DeployStackRequest(spec=stack))
    assert ("volume", "data", "created") in [
        (change.kind, change.name, change.action) for change in answer.changes
    ]
    await Stacks(seat).remove_stack(RemoveStackRequest(stack="shop", volumes=asked))
    [row] = seat.store.view.volumes
    assert row.removing is asked


async def test_a_stack_takes_up_what_one_of_its_name_left_behind() -> None:
    seat = await leading_seat()
    left = [Volume(id="v1", stack_id="gone", spec=DATA), of_slot(stack_id="gone")]
    await put(seat.store, volumes=left)
    stack = StackSpec(name="shop", volumes=[DATA], services=[db_spec()])
    await Stacks(seat).deploy_stack(DeployStackRequest(spec=stack))
    shop = seat.store.view.stacks.resolve("shop").id
    assert [row.stack_id for row in seat.store.view.volumes] == [shop, shop]


async def test_a_stack_takes_nobody_else_s_volume() -> None:
    seat = await leading_seat()
    other = Stack(id="k9", name="other")
    await put(seat.store, stacks=[other], volumes=[Volume(id="v1", stack_id="k9", spec=DATA)])
    stack = StackSpec(name="shop", volumes=[DATA], services=[db_spec()])
    with pytest.raises(AlreadyExists, match="data"):
        await Stacks(seat).deploy_stack(DeployStackRequest(spec=stack))


async def test_a_drained_node_s_data_is_told_of() -> None:
    seat = await seat_with_data(db_task())
    drain = UpdateNodeRequest(node="w1", availability=AVAILABILITY_DRAIN)
    await nodes_of(seat).update_node(drain)
    [said] = [event.message for event in seat.store.view.events if event.reason == "DataStays"]
    assert said == "w1 is drained; tasks with data-db-0 wait for it"


async def test_a_task_with_a_name_of_its_own_is_found_by_it() -> None:
    seat = await seat_with_data(db_task())
    assert find_task(seat.store.view, "db-0").id == "t1"
    with pytest.raises(NotFound):
        find_task(seat.store.view, "db-1")


async def test_a_stateful_service_is_scaled_and_keeps_the_rest_of_its_mode() -> None:
    seat = await seat_with_data()
    scaled = await Services(seat).scale_service(ScaleServiceRequest(service="db", replicas=5))
    assert scaled.spec.stateful.replicas == 5


async def test_a_volume_for_slots_wants_a_service_with_names() -> None:
    seat = await leading_seat()
    await put(seat.store, volumes=[Volume(id="v-data", spec=DATA)])
    spec = builders.service_spec("web")
    spec.task.containers[0].mounts.add(source="data", target="/data")
    with pytest.raises(InvalidInput, match="'data' has scope slot"):
        await Services(seat).create_service(CreateServiceRequest(spec=spec))
