"""Files that change in place reach running tasks, and the container is not started again."""

from __future__ import annotations

from swarmpy.pb.dispatcher_pb2 import NewestFile
from swarmpy.pb.objects_pb2 import Config, Task
from swarmpy.pb.specs_pb2 import ConfigSpec
from swarmpy.pb.types_pb2 import FILE_CHANGE_LIVE, TASK_STATE_RUNNING, FileReference
from tests.agent.bed import Bed, on_one_machine, task


def follower() -> Task:
    one = task()
    one.spec.containers[0].configs.append(
        FileReference(name="motd", target="/etc/motd", on_change=FILE_CHANGE_LIVE)
    )
    return one


def version(number: int) -> tuple[Config, NewestFile]:
    config = Config(id=f"c{number}", spec=ConfigSpec(name="motd", data=str(number).encode()))
    return config, NewestFile(id="configs/motd", row_id=config.id)


def shown(bed: Bed) -> bytes:
    (reference,) = follower().spec.containers[0].configs
    spec = bed.runtime.prepared["t1"].find("config", reference)
    return b"" if spec is None else spec.data


@on_one_machine
async def test_a_new_version_is_shown_to_the_task_that_runs(bed: Bed) -> None:
    await bed.start_manager()
    bed.manager.assign(*version(1), follower())
    bed.start_agent()
    await bed.until_state("t1", TASK_STATE_RUNNING)
    assert shown(bed) == b"1"
    bed.manager.assign(*version(2))
    await bed.until(lambda: shown(bed) == b"2")
    assert bed.runtime.starts["t1"] == 1


@on_one_machine
async def test_a_task_waits_for_the_version_that_it_follows(bed: Bed) -> None:
    await bed.start_manager()
    bed.manager.assign(follower())
    bed.start_agent()
    await bed.clock.sleep(5)
    assert "t1" not in bed.runtime.prepared
    bed.manager.assign(*version(1))
    await bed.until_state("t1", TASK_STATE_RUNNING)


@on_one_machine
async def test_what_the_engine_did_not_take_is_shown_when_it_answers(bed: Bed) -> None:
    await bed.start_manager()
    bed.manager.assign(*version(1), follower())
    bed.start_agent()
    await bed.until_state("t1", TASK_STATE_RUNNING)
    bed.runtime.available = False
    bed.manager.assign(*version(2))
    await bed.clock.sleep(5)
    bed.runtime.available = True
    await bed.until(lambda: shown(bed) == b"2")


@on_one_machine
async def test_environment_templates_know_the_node(bed: Bed) -> None:
    await bed.start_manager()
    one = task()
    one.spec.containers[0].environment["WHERE"] = "{{.Node.Hostname}}/{{.Task.Slot}}"
    bed.manager.assign(one)
    bed.start_agent()
    await bed.until_state("t1", TASK_STATE_RUNNING)
    assert bed.runtime.made["t1"].spec.containers[0].environment["WHERE"] == "one/1"
