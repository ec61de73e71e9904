import asyncio
import random
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from swarmpy.agent.local_tasks import LocalTasks
from swarmpy.agent.reporter import REPORTS_PER_BATCH, Reporter
from swarmpy.agent.swarm_time import SwarmTime
from swarmpy.errors import StorageCorrupt, StorageFull
from swarmpy.pb.dispatcher_pb2 import AgentMessage, TaskReport
from swarmpy.pb.objects_pb2 import TaskStatus
from swarmpy.pb.types_pb2 import TASK_STATE_READY, TASK_STATE_RUNNING
from swarmpy.testing.builders import seal
from swarmpy.testing.clock import VirtualClock
from swarmpy.testing.faulty_disk import FaultyDisk
from swarmpy.testing.virtual_loop import run
from tests.agent.bed import task

DIRECTORY = Path("/state/tasks")


def with_disk(body: Callable[[FaultyDisk], None]) -> None:
    async def main(rng: random.Random) -> None:
        body(FaultyDisk(rng, VirtualClock(asyncio.get_running_loop())))

    run(main, seed=1)


def test_tasks_are_read_back_as_they_were_written() -> None:
    def body(disk: FaultyDisk) -> None:
        local = LocalTasks(disk, DIRECTORY, seal())
        assert local.load() == []
        local.write(task("t1"))
        local.write(task("t2"))
        local.write(task("t1", port=80))
        local.remove("t2")
        disk.crash()
        assert LocalTasks(disk, DIRECTORY, seal()).load() == [task("t1", port=80)]

    with_disk(body)


def test_a_file_that_makes_no_sense_is_dropped() -> None:
    def body(disk: FaultyDisk) -> None:
        local = LocalTasks(disk, DIRECTORY, seal())
        local.load()
        local.write(task("t1"))
        disk.replace(DIRECTORY / "t2.task", b"\xff\xff\xff")
        disk.replace(DIRECTORY / "t3.task.new", b"half a task")
        assert local.load() == [task("t1")]
        assert disk.list_dir(DIRECTORY) == ["t1.task", "t3.task.new"]

    with_disk(body)


def test_a_task_s_environment_is_in_no_file() -> None:
    def body(disk: FaultyDisk) -> None:
        local = LocalTasks(disk, DIRECTORY, seal())
        local.load()
        secretive = task("t1")
        secretive.spec.containers.add(environment={"PASSWORD": "canary-4711"})
        local.write(secretive)
        assert b"canary" not in disk.read(DIRECTORY / "t1.task")
        assert local.load() == [secretive]
        assert LocalTasks(disk, DIRECTORY, seal("n2")).load() == [], "another node's are no use"

    with_disk(body)


@pytest.mark.parametrize("error", [StorageFull, StorageCorrupt])
def test_a_disk_that_does_not_let_a_node_begin_says_so(error: type[Exception]) -> None:
    class Broken(FaultyDisk):
        def make_dir(self, path: Path) -> None:
            raise OSError(28 if error is StorageFull else 5, "no", str(path))

    async def main(rng: random.Random) -> None:
        disk = Broken(rng, VirtualClock(asyncio.get_running_loop()))
        with pytest.raises(error, match="cannot be read"):
            LocalTasks(disk, DIRECTORY, seal()).load()

    run(main, seed=1)


async def sent_by(reporter: Reporter) -> list[TaskReport]:
    """Return what a new session is sent at once."""
    reports: list[TaskReport] = []

    async def send(message: AgentMessage) -> None:
        reports.extend(message.statuses.reports)
        assert len(message.statuses.reports) <= REPORTS_PER_BATCH

    async with asyncio.TaskGroup() as group:
        session = group.create_task(reporter.run(send))
        await asyncio.sleep(1)
        session.cancel()
    return reports


def in_virtual_time(body: Callable[[], Awaitable[None]]) -> None:
    async def main(_: random.Random) -> None:
        await body()

    run(main, seed=1)


def test_only_the_newest_report_of_a_task_is_sent() -> None:
    async def body() -> None:
        reporter = Reporter()
        reporter.report("t1", TaskStatus(state=TASK_STATE_READY))
        reporter.report("t2", TaskStatus(state=TASK_STATE_READY))
        reporter.report("t1", TaskStatus(state=TASK_STATE_RUNNING))
        sent = await sent_by(reporter)
        assert [(one.task_id, one.status.state) for one in sent] == [
            ("t2", TASK_STATE_READY),
            ("t1", TASK_STATE_RUNNING),
        ]

    in_virtual_time(body)


def test_what_is_acknowledged_is_not_sent_to_the_next_manager() -> None:
    async def body() -> None:
        reporter = Reporter()
        for number in range(1200):
            reporter.report(f"t{number}", TaskStatus(state=TASK_STATE_READY))
        sent = await sent_by(reporter)
        assert len(sent) == 1200
        reporter.acknowledged(sent[999].sequence)
        assert [one.task_id for one in await sent_by(reporter)] == [
            one.task_id for one in sent[1000:]
        ]
        reporter.forget("t1199")
        assert len(await sent_by(reporter)) == 199

    in_virtual_time(body)


def test_managers_time_goes_on_while_the_nodes_clock_jumps() -> None:
    async def body() -> None:
        clock = VirtualClock(asyncio.get_running_loop(), skew_s=-7200.0)
        time = SwarmTime(clock)
        assert time.now_ms() == int(clock.now() * 1000)
        time.heard(1_000_000)
        await clock.sleep(2.5)
        clock.skew_s = 9000.0
        assert time.now_ms() == 1_002_500

    in_virtual_time(body)
