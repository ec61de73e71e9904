"""An agent removes the volumes that are to go, once nothing runs with them, and says so."""

from swarmpy.pb.objects_pb2 import Task, Volume
from swarmpy.pb.specs_pb2 import VOLUME_SCOPE_SLOT, VolumeSpec
from swarmpy.pb.types_pb2 import TASK_STATE_PREPARING, TASK_STATE_RUNNING, TASK_STATE_SHUTDOWN
from tests.agent.bed import Bed, on_one_machine, task


def data(*, removing: bool = False) -> Volume:
    spec = VolumeSpec(name="data-db-0", scope=VOLUME_SCOPE_SLOT)
    return Volume(id="v0", spec=spec, node_ids=["n1"], removing=removing)


def with_data() -> Task:
    row = task()
    row.spec.containers[0].mounts.add(source="data", target="/data")
    row.volumes["data"] = "v0"
    return row


@on_one_machine
async def test_a_task_waits_for_the_volume_it_refers_to(bed: Bed) -> None:
    await bed.start_manager()
    bed.manager.assign(with_data())
    bed.start_agent()
    await bed.until_state("t1", TASK_STATE_PREPARING)
    await bed.clock.sleep(2)
    assert bed.manager.state("t1") == TASK_STATE_PREPARING
    bed.manager.assign(data())
    await bed.until_state("t1", TASK_STATE_RUNNING)
    assert bed.runtime.prepared["t1"].volumes["data"].id == "v0"
    assert bed.runtime.volumes == {"v0": "data-db-0"}


@on_one_machine
async def test_a_volume_goes_once_nothing_runs_with_it_and_managers_hear_of_it(bed: Bed) -> None:
    await bed.start_manager()
    bed.manager.assign(data(), with_data())
    bed.start_agent()
    await bed.until_state("t1", TASK_STATE_RUNNING)
    bed.manager.assign(data(removing=True))
    await bed.clock.sleep(5)
    assert bed.runtime.volumes == {"v0": "data-db-0"}
    assert bed.manager.volumes_removed == []
    stopped = with_data()
    stopped.desired_state = TASK_STATE_SHUTDOWN
    bed.manager.assign(stopped)
    await bed.until(lambda: bed.manager.volumes_removed)
    assert bed.runtime.volumes == {}
    assert bed.manager.volumes_removed == [["v0"]]


@on_one_machine
async def test_a_node_that_was_away_removes_it_when_it_is_back_and_says_so_again(bed: Bed) -> None:
    await bed.start_manager()
    bed.manager.assign(data(removing=True))
    bed.runtime.volumes["v0"] = "data-db-0"
    bed.start_agent()
    await bed.until(lambda: bed.manager.volumes_removed)
    assert bed.runtime.volumes == {}
    await bed.stop_manager()
    await bed.start_manager()
    await bed.until(lambda: len(bed.manager.volumes_removed) == 2)


@on_one_machine
async def test_nothing_is_removed_that_managers_merely_do_not_name(bed: Bed) -> None:
    await bed.start_manager()
    bed.runtime.volumes["v9"] = "data-of-somebody"
    bed.start_agent()
    await bed.clock.sleep(10)
    assert bed.runtime.volumes == {"v9": "data-of-somebody"}
