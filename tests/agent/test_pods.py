"""An agent and its pods, in virtual time."""

from __future__ import annotations

from swarmpy.pb.dispatcher_pb2 import LogOptions, LogRequest, ManagerMessage
from swarmpy.pb.objects_pb2 import Task
from swarmpy.pb.specs_pb2 import (
    CONTAINER_RESTART_ALWAYS,
    CONTAINER_RESTART_UNSPECIFIED,
    ContainerRestart,
    ContainerSpec,
    TaskSpec,
)
from swarmpy.pb.types_pb2 import (
    TASK_STATE_ASSIGNED,
    TASK_STATE_FAILED,
    TASK_STATE_REMOVE,
    TASK_STATE_RUNNING,
    TASK_STATE_SHUTDOWN,
    ContainerStatus,
    ExecAction,
    Hook,
    PortConfig,
    Probe,
)
from tests.agent.bed import Bed, on_one_machine
from tests.agent.test_neighbourhood import RING, neighbour

READY = Probe(exec=ExecAction(command=["ready"]), period_s=1)
ALIVE = Probe(exec=ExecAction(command=["alive"]), period_s=1, failure_threshold=2)


def container(name: str, **labels: str) -> ContainerSpec:
    return ContainerSpec(
        name=name, image="i", labels={f"fake.{key}": value for key, value in labels.items()}
    )


def pod(
    *containers: ContainerSpec,
    inits: tuple[ContainerSpec, ...] = (),
    restart: ContainerRestart.ValueType = CONTAINER_RESTART_UNSPECIFIED,
) -> Task:
    task = Task(
        id="t1",
        service_id="s1",
        service_name="web",
        slot=1,
        node_id="n1",
        desired_state=TASK_STATE_RUNNING,
        spec=TaskSpec(containers=containers, init_containers=inits, container_restart=restart),
        ports=[PortConfig(target=80)],
    )
    task.status.state = TASK_STATE_ASSIGNED
    return task


async def begin(bed: Bed, task: Task) -> None:
    await bed.start_manager()
    bed.manager.assign(task)
    bed.start_agent()


def of(bed: Bed, name: str) -> ContainerStatus:
    found = bed.manager.statuses["t1"].containers if "t1" in bed.manager.statuses else ()
    return next((one for one in found if one.name == name), ContainerStatus())


def is_unready(bed: Bed) -> bool:
    return bed.manager.statuses["t1"].unready


def message(bed: Bed) -> str:
    return bed.manager.statuses["t1"].message if "t1" in bed.manager.statuses else ""


@on_one_machine
async def test_a_pod_runs_once_its_init_containers_have_ended_and_tells_its_ports(bed: Bed) -> None:
    fetch = container("fetch", exit_after_s="3")
    await begin(bed, pod(container("web"), container("log"), inits=(fetch,)))
    await bed.until(lambda: "fetch: runs" in message(bed))
    assert bed.runtime.starts == {"t1/fetch": 1}
    await bed.until_state("t1", TASK_STATE_RUNNING)
    assert bed.runtime.starts == {"t1/fetch": 1, "t1/web": 1, "t1/log": 1}
    status = bed.manager.statuses["t1"]
    assert [port.target for port in status.ports] == [80]
    assert [(one.name, one.ready) for one in status.containers] == [
        ("fetch", False), ("web", True), ("log", True),
    ]  # fmt: skip


@on_one_machine
async def test_a_container_that_ends_is_restarted_in_place(bed: Bed) -> None:
    crashing = container("web", exit_after_s="1", exit_code="3", bad_runs="3")
    await begin(bed, pod(crashing, container("log"), restart=CONTAINER_RESTART_ALWAYS))
    await bed.until(lambda: "back-off 20 s" in of(bed, "web").message)
    assert is_unready(bed)
    await bed.until(lambda: of(bed, "web").restarts == 3 and of(bed, "web").ready)
    assert not is_unready(bed)
    assert bed.runtime.starts == {"t1/web": 4, "t1/log": 1}
    assert bed.manager.state("t1") == TASK_STATE_RUNNING


@on_one_machine
async def test_a_container_without_life_is_restarted_and_the_task_stays(bed: Bed) -> None:
    web = container("web", dead_after_s="3", bad_runs="1")
    web.liveness_probe.CopyFrom(ALIVE)
    await begin(bed, pod(web))
    await bed.until(lambda: of(bed, "web").restarts == 1 and of(bed, "web").ready)
    await bed.clock.sleep(30)
    assert (bed.manager.state("t1"), of(bed, "web").restarts) == (TASK_STATE_RUNNING, 1)


@on_one_machine
async def test_an_unready_pod_is_told_to_no_neighbour(bed: Bed) -> None:
    web = container("web", ready_after_s="5", unready_after_s="20")
    web.readiness_probe.CopyFrom(READY)
    bed.neighbours.set_keys(RING)
    other = neighbour(bed, 2)
    await begin(bed, pod(web))
    await bed.until_state("t1", TASK_STATE_RUNNING)
    assert bed.manager.statuses["t1"].unready

    def is_told() -> bool:
        return "t1" in {one.task_id for one in other.picture.endpoints}

    assert not is_told()
    await bed.until(lambda: not bed.manager.statuses["t1"].unready)
    await bed.until(is_told)
    await bed.until(lambda: bed.manager.statuses["t1"].unready)
    await bed.until(lambda: not is_told())


@on_one_machine
async def test_an_agent_that_restarts_goes_on_with_the_restarts_it_had_counted(bed: Bed) -> None:
    web = container("web", exit_after_s="1", exit_code="3", bad_runs="3")
    await begin(bed, pod(web, container("log"), restart=CONTAINER_RESTART_ALWAYS))
    await bed.until(lambda: "back-off 10 s" in of(bed, "web").message)
    await bed.stop_agent()
    bed.start_agent()
    await bed.until(lambda: of(bed, "web").restarts == 3 and of(bed, "web").ready)
    assert bed.runtime.starts == {"t1/web": 4, "t1/log": 1}


@on_one_machine
async def test_hooks_run_inside_and_a_slow_one_leaves_little_of_the_grace(bed: Bed) -> None:
    web = container("web", stop_s="60")
    web.stop_grace_s = 5
    web.post_start.CopyFrom(Hook(exec=ExecAction(command=["echo", "hello"])))
    web.pre_stop.CopyFrom(Hook(exec=ExecAction(command=["echo", "bye"])))
    task = pod(web, container("log"))
    await begin(bed, task)
    await bed.until_state("t1", TASK_STATE_RUNNING)
    assert of(bed, "web").post_started
    task.desired_state = TASK_STATE_SHUTDOWN
    bed.manager.assign(task)
    began = bed.clock.monotonic()
    await bed.until_state("t1", TASK_STATE_SHUTDOWN)
    assert 5.5 < bed.clock.monotonic() - began < 6.5, "a second in the routes, then the grace"
    task.desired_state = TASK_STATE_REMOVE
    bed.manager.assign(task)
    await bed.until(lambda: not bed.runtime.prepared)


@on_one_machine
async def test_a_hook_that_fails_ends_its_container(bed: Bed) -> None:
    web = container("web")
    web.post_start.CopyFrom(Hook(exec=ExecAction(command=["sh", "-c", "exit 2"])))
    await begin(bed, pod(web))
    await bed.until(lambda: of(bed, "web").restarts == 1)
    await bed.until(lambda: "because its post-start hook failed: exit code 2" in message(bed))


@on_one_machine
async def test_a_container_that_vanishes_takes_its_pod_along(bed: Bed) -> None:
    await begin(bed, pod(container("web"), container("log")))
    await bed.until_state("t1", TASK_STATE_RUNNING)
    bed.runtime.lose("t1", "log")
    await bed.until_state("t1", TASK_STATE_FAILED)
    assert bed.manager.statuses["t1"].error == "its container log is gone"
    await bed.until(lambda: not bed.runtime.running())


@on_one_machine
async def test_an_engine_that_pauses_costs_no_container(bed: Bed) -> None:
    await begin(bed, pod(container("web"), container("log")))
    await bed.until_state("t1", TASK_STATE_RUNNING)
    bed.runtime.available = False
    await bed.clock.sleep(20)
    bed.runtime.available = True
    await bed.clock.sleep(40)
    assert bed.manager.state("t1") == TASK_STATE_RUNNING
    assert bed.runtime.starts == {"t1/web": 1, "t1/log": 1}


@on_one_machine
async def test_lines_of_all_containers_are_read_or_of_one(bed: Bed) -> None:
    await begin(bed, pod(container("web", log="w"), container("log", log="l")))
    await bed.until_state("t1", TASK_STATE_RUNNING)
    for number, (name, expected) in enumerate(
        {"": {("web", b"w"), ("log", b"l")}, "log": {("log", b"l")}}.items()
    ):
        bed.manager.lines.clear()
        options = LogOptions(tail=-1, stdout=True, stderr=True, container=name)
        request = LogRequest(id=f"r{number}", task_ids=["t1"], options=options)
        bed.manager.say(ManagerMessage(logs=request))
        await bed.until(lambda wanted=f"r{number}": wanted in bed.manager.log_requests_ended)  # type: ignore[misc]
        assert {(line.container, line.data) for line in bed.manager.lines} == expected


@on_one_machine
async def test_who_follows_a_container_hears_its_next_run(bed: Bed) -> None:
    web = container("web", exit_after_s="3", bad_runs="1", log="w")
    await begin(bed, pod(web, container("log"), restart=CONTAINER_RESTART_ALWAYS))
    await bed.until_state("t1", TASK_STATE_RUNNING)
    options = LogOptions(tail=-1, stdout=True, stderr=True, container="web", follow=True)
    request = LogRequest(id="r1", task_ids=["t1"], options=options)
    bed.manager.say(ManagerMessage(logs=request))
    await bed.until(lambda: [line.data for line in bed.manager.lines] == [b"w", b"w"])
    assert bed.manager.log_requests_ended == []
    bed.runtime.kill("t1", container="log")
    task = pod(web, container("log"), restart=CONTAINER_RESTART_ALWAYS)
    task.desired_state = TASK_STATE_SHUTDOWN
    bed.manager.assign(task)
    await bed.until(lambda: bed.manager.log_requests_ended == ["r1"])
