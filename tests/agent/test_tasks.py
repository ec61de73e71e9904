import asyncio

from swarmpy.pb.objects_pb2 import Config, Secret, Task
from swarmpy.pb.specs_pb2 import ConfigSpec, SecretSpec
from swarmpy.pb.types_pb2 import (
    TASK_STATE_COMPLETE,
    TASK_STATE_FAILED,
    TASK_STATE_PREPARING,
    TASK_STATE_READY,
    TASK_STATE_REJECTED,
    TASK_STATE_REMOVE,
    TASK_STATE_RUNNING,
    TASK_STATE_SHUTDOWN,
    TASK_STATE_STARTING,
    FileReference,
)
from swarmpy.seams import Dependencies
from tests.agent.bed import STATE, Bed, on_one_machine, task


async def running(bed: Bed, *tasks: Task) -> None:
    """Start everything, with these tasks assigned, and wait until t1 runs."""
    await bed.start_manager()
    bed.manager.assign(*tasks or [task()])
    bed.start_agent()
    await bed.until_state("t1", TASK_STATE_RUNNING)


@on_one_machine
async def test_an_assigned_task_runs_and_says_where_it_answers(bed: Bed) -> None:
    await running(bed, task(port=80))
    status = bed.manager.statuses["t1"]
    assert [(port.target, port.host_port) for port in status.ports] == [(80, 32768)]
    assert status.container_id == "fake-t1"
    assert status.started_at_ms == status.since_ms
    assert [state for _, state in bed.manager.reports] == sorted(
        {state for _, state in bed.manager.reports}
    )


@on_one_machine
async def test_a_task_with_a_health_check_runs_once_it_is_healthy(bed: Bed) -> None:
    await bed.start_manager()
    bed.manager.assign(task(health=True, healthy_after_s="5"))
    bed.start_agent()
    await bed.until_state("t1", TASK_STATE_STARTING)
    began = bed.clock.monotonic()
    await bed.until_state("t1", TASK_STATE_RUNNING)
    assert 4.5 < bed.clock.monotonic() - began < 5.5


@on_one_machine
async def test_a_task_that_becomes_sick_is_stopped_and_has_failed(bed: Bed) -> None:
    await running(bed, task(health=True, unhealthy_after_s="5"))
    await bed.until_state("t1", TASK_STATE_FAILED)
    assert bed.manager.statuses["t1"].error == "health check failed"
    assert not bed.runtime.running()


@on_one_machine
async def test_how_a_task_ended_is_told(bed: Bed) -> None:
    await bed.start_manager()
    bed.manager.assign(
        task("good", exit_after_s="1"),
        task("bad", exit_after_s="1", exit_code="3"),
        task("greedy", exit_after_s="1", oom="yes"),
    )
    bed.start_agent()
    await bed.until_state("good", TASK_STATE_COMPLETE)
    await bed.until_state("bad", TASK_STATE_FAILED)
    await bed.until_state("greedy", TASK_STATE_FAILED)
    assert bed.manager.statuses["bad"].exit_code == 3
    assert "memory" in bed.manager.statuses["greedy"].error


@on_one_machine
async def test_a_task_without_an_image_is_rejected_in_the_engines_words(bed: Bed) -> None:
    await bed.start_manager()
    bed.manager.assign(task(image="missing"), task("t2", refuse_start="no such program"))
    bed.start_agent()
    await bed.until_state("t1", TASK_STATE_REJECTED)
    await bed.until_state("t2", TASK_STATE_REJECTED)
    assert "demo:1" in bed.manager.statuses["t1"].error
    assert "no such program" in bed.manager.statuses["t2"].error


@on_one_machine
async def test_a_task_does_not_start_before_its_time_whatever_the_nodes_clock_says(
    bed: Bed,
) -> None:
    bed.clock.skew_s = -3600.0
    bed.manager.skew_ms = 3_600_000
    now_ms = int(bed.clock.now() * 1000) + 3_600_000
    await bed.start_manager()
    bed.manager.assign(task(start_after_ms=now_ms + 5000))
    bed.start_agent()
    await bed.until_state("t1", TASK_STATE_READY)
    began = bed.clock.monotonic()
    await bed.until_state("t1", TASK_STATE_RUNNING)
    assert 4.0 < bed.clock.monotonic() - began < 6.0


@on_one_machine
async def test_a_stopped_task_serves_until_it_has_left_the_routes(bed: Bed) -> None:
    await running(bed, task(port=80))
    bed.manager.assign(task(port=80, desired=TASK_STATE_SHUTDOWN))
    await bed.clock.sleep(0.9)
    assert bed.runtime.running() == {"t1"}
    await bed.until_state("t1", TASK_STATE_SHUTDOWN)
    assert not bed.runtime.running()
    assert [one.task_id for one in await bed.runtime.containers()] == ["t1"]


@on_one_machine
async def test_a_removed_task_leaves_nothing(bed: Bed) -> None:
    await running(bed)
    bed.manager.assign(task(desired=TASK_STATE_REMOVE))
    await bed.until_state("t1", TASK_STATE_SHUTDOWN)
    bed.manager.take_away("tasks", "t1")
    await bed.until(lambda: not bed.disk.list_dir(STATE / "tasks"))
    assert await bed.runtime.containers() == []


@on_one_machine
async def test_a_task_that_managers_forgot_is_stopped_and_removed(bed: Bed) -> None:
    await running(bed)
    bed.manager.take_away("tasks", "t1")
    await bed.until(lambda: not bed.disk.list_dir(STATE / "tasks"))
    assert await bed.runtime.containers() == []


@on_one_machine
async def test_a_long_pull_is_given_up_when_the_task_is_not_wanted_any_more(bed: Bed) -> None:
    await bed.start_manager()
    bed.manager.assign(task(prepare_s="1000"))
    bed.start_agent()
    await bed.until_state("t1", TASK_STATE_PREPARING)
    bed.manager.assign(task(desired=TASK_STATE_SHUTDOWN, prepare_s="1000"))
    await bed.until_state("t1", TASK_STATE_SHUTDOWN)


@on_one_machine
async def test_a_container_that_vanishes_has_failed(bed: Bed) -> None:
    await running(bed)
    bed.runtime.lose("t1")
    await bed.until_state("t1", TASK_STATE_FAILED)


@on_one_machine
async def test_an_engine_that_pauses_costs_no_task(bed: Bed) -> None:
    await running(bed)
    bed.runtime.available = False
    bed.manager.assign(task(), task("t2"))
    await bed.clock.sleep(5)
    bed.runtime.available = True
    await bed.until_state("t2", TASK_STATE_RUNNING)
    assert bed.manager.state("t1") == TASK_STATE_RUNNING
    assert bed.runtime.starts["t1"] == 1


@on_one_machine
async def test_a_task_waits_for_its_secret_which_never_reaches_the_disk(bed: Bed) -> None:
    wanted = task()
    wanted.spec.containers[0].secrets.append(
        FileReference(id="s1", name="password", target="/run/secrets/password")
    )
    wanted.spec.containers[0].configs.append(
        FileReference(id="c1", name="page", target="/page.html")
    )
    await bed.start_manager()
    bed.manager.assign(wanted, Config(id="c1", spec=ConfigSpec(name="page", data=b"hello")))
    bed.start_agent()
    await bed.until_state("t1", TASK_STATE_PREPARING)
    await bed.clock.sleep(1)
    assert bed.manager.state("t1") == TASK_STATE_PREPARING
    bed.manager.assign(Secret(id="s1", spec=SecretSpec(name="password", data=b"letmein")))
    await bed.until_state("t1", TASK_STATE_RUNNING)
    assert bed.runtime.prepared["t1"].secrets["s1"].spec.data == b"letmein"
    assert bed.runtime.prepared["t1"].configs["c1"].spec.data == b"hello"
    files = bed.disk.list_dir(STATE / "tasks")
    assert files
    assert not any(b"letmein" in bed.disk.read(STATE / "tasks" / name) for name in files)


@on_one_machine
async def test_nothing_is_done_before_it_is_written_down(bed: Bed) -> None:
    await bed.start_manager()
    bed.disk.make_dir(STATE / "tasks")
    bed.disk.fail()
    bed.manager.assign(task())
    bed.start_agent()
    await bed.clock.sleep(5)
    assert not bed.runtime.running()
    assert not bed.manager.reports
    bed.disk.recover()
    await bed.until_state("t1", TASK_STATE_RUNNING)


@on_one_machine
async def test_an_agent_that_restarts_keeps_its_containers(bed: Bed) -> None:
    await running(bed, task(exit_after_s="30"))
    await bed.stop_agent()
    assert bed.runtime.running() == {"t1"}
    bed.start_agent()
    await bed.until_state("t1", TASK_STATE_COMPLETE)
    assert bed.runtime.starts["t1"] == 1


@on_one_machine
async def test_an_agent_that_restarts_goes_on_with_no_manager_in_sight(bed: Bed) -> None:
    await running(bed, task(port=80), task("t2"))
    bed.manager.assign(task(port=80, desired=TASK_STATE_SHUTDOWN))
    await bed.clock.sleep(0.1)
    await bed.stop_manager()
    await bed.stop_agent()
    bed.start_agent()
    await bed.until(lambda: bed.runtime.running() == {"t2"})
    await bed.start_manager()
    await bed.until_state("t1", TASK_STATE_SHUTDOWN)
    assert bed.runtime.starts["t2"] == 1


@on_one_machine
async def test_a_machine_that_lost_power_reports_what_it_lost(bed: Bed) -> None:
    await running(bed)
    await bed.stop_agent()
    bed.runtime.crash()
    bed.disk.crash()
    bed.start_agent()
    await bed.until_state("t1", TASK_STATE_FAILED)


@on_one_machine
async def test_containers_of_nobodys_tasks_are_removed_once_a_manager_said_so(bed: Bed) -> None:
    await bed.runtime.prepare(task("stray"), Dependencies({}, {}, {}))
    await bed.runtime.start("stray")
    bed.start_agent()
    await asyncio.sleep(5)
    assert bed.runtime.running() == {"stray"}
    await bed.start_manager()
    bed.manager.assign(task())
    await bed.until_state("t1", TASK_STATE_RUNNING)
    await bed.until(lambda: bed.runtime.running() == {"t1"})
    assert [one.task_id for one in await bed.runtime.containers()] == ["t1"]
