from swarmpy.core.routing import Endpoint
from swarmpy.errors import NotLeader
from swarmpy.pb.dispatcher_pb2 import (
    Backend,
    ExecInput,
    ExecRequest,
    Frontend,
    LoadBalancer,
    LogOptions,
    LogRequest,
    ManagerMessage,
    Managers,
    UsageRequest,
)
from swarmpy.pb.types_pb2 import (
    NODE_ROLE_MANAGER,
    TASK_STATE_COMPLETE,
    TASK_STATE_RUNNING,
    PortConfig,
)
from tests.agent.bed import Bed, on_one_machine, task
from tests.agent.fake_manager import FakeManager

BALANCER = LoadBalancer(
    id="s1",
    name="web",
    frontends=[
        Frontend(
            port=PortConfig(target=80, published=8080),
            backends=[Backend(task_id="t9", node_id="n2", host="10.0.0.2", port=32768)],
        )
    ],
)


@on_one_machine
async def test_an_agent_says_who_it_is_and_that_it_lives(bed: Bed) -> None:
    await bed.start_manager()
    bed.start_agent()
    await bed.until(lambda: bed.manager.heartbeats >= 3)
    (hello,) = bed.manager.hellos
    assert (hello.address, hello.description.hostname) == ("10.0.0.1", "one")
    assert dict(hello.description.resources.generic) == {"gpu": 2}
    assert hello.description.engine == "fake"


@on_one_machine
async def test_a_node_without_an_engine_does_not_ask_for_tasks(bed: Bed) -> None:
    bed.runtime.available = False
    await bed.start_manager()
    bed.start_agent()
    await bed.clock.sleep(10)
    assert not bed.manager.hellos
    bed.runtime.available = True
    await bed.until(lambda: bed.manager.hellos)


@on_one_machine
async def test_an_agent_goes_where_a_manager_sends_it(bed: Bed) -> None:
    follower = FakeManager(bed.clock)
    follower.refusal = NotLeader.ask("m2:4243")
    await bed.start_manager("m1", follower)
    await bed.start_manager("m2")
    began = bed.clock.monotonic()
    bed.start_agent()
    await bed.until(lambda: bed.manager.hellos)
    assert bed.clock.monotonic() - began < 1.0


@on_one_machine
async def test_an_agent_tries_every_manager_it_knows(bed: Bed) -> None:
    bed.known_managers = ["m2:4243", "m1:4243"]
    await bed.start_manager("m1")
    bed.start_agent()
    await bed.until(lambda: bed.manager.hellos)


@on_one_machine
async def test_tasks_and_routes_outlive_all_managers(bed: Bed) -> None:
    await bed.start_manager()
    bed.manager.assign(task(exit_after_s="20"), task("t2"), BALANCER)
    bed.start_agent()
    await bed.until_state("t1", TASK_STATE_RUNNING)
    await bed.stop_manager()
    await bed.clock.sleep(30)
    assert bed.runtime.running() == {"t2"}
    assert bed.data_plane.reachable(8080) == (Endpoint("10.0.0.2", 32768, "t9"),)
    await bed.start_manager()
    await bed.until_state("t1", TASK_STATE_COMPLETE)


@on_one_machine
async def test_routes_follow_the_balancers(bed: Bed) -> None:
    await bed.start_manager()
    bed.start_agent()
    await bed.until(lambda: bed.manager.hellos)
    bed.manager.assign(BALANCER)
    await bed.until(lambda: bed.data_plane.reachable(8080))
    bed.manager.take_away("load_balancers", "s1")
    await bed.until(lambda: not bed.data_plane.reachable(8080))


@on_one_machine
async def test_a_port_that_is_taken_is_tried_again(bed: Bed) -> None:
    bed.data_plane.taken["tcp", 8080] = "somebody listens there"
    await bed.start_manager()
    bed.manager.assign(BALANCER)
    bed.start_agent()
    await bed.until(lambda: bed.data_plane.tables)
    del bed.data_plane.taken["tcp", 8080]
    installed = len(bed.data_plane.tables)
    await bed.until(lambda: len(bed.data_plane.tables) > installed)
    assert bed.data_plane.reachable(8080)
    await bed.clock.sleep(30)
    assert len(bed.data_plane.tables) == installed + 1


@on_one_machine
async def test_managers_are_told_of_ports_that_are_taken_once_in_each_session(bed: Bed) -> None:
    bed.data_plane.taken["tcp", 8080] = "somebody listens there"
    await bed.start_manager()
    bed.manager.assign(BALANCER)
    bed.start_agent()
    await bed.until(lambda: [8080] in bed.manager.closed_ports)
    await bed.stop_manager()
    bed.manager.closed_ports.clear()
    await bed.start_manager()
    await bed.until(lambda: bed.manager.closed_ports)
    del bed.data_plane.taken["tcp", 8080]
    await bed.until(lambda: len(bed.manager.closed_ports) > 1)
    await bed.clock.sleep(30)
    assert bed.manager.closed_ports == [[8080], []]


@on_one_machine
async def test_a_report_is_sent_again_until_it_is_acknowledged(bed: Bed) -> None:
    bed.manager.acknowledges = False
    await bed.start_manager()
    bed.manager.assign(task())
    bed.start_agent()
    await bed.until_state("t1", TASK_STATE_RUNNING)
    await bed.stop_manager()
    bed.manager.reports.clear()
    bed.manager.acknowledges = True
    await bed.start_manager()
    await bed.until(lambda: ("t1", TASK_STATE_RUNNING) in bed.manager.reports)


@on_one_machine
async def test_a_lost_diff_begins_the_session_anew(bed: Bed) -> None:
    await bed.start_manager()
    bed.manager.assign(task("t1"), task("t2"))
    bed.start_agent()
    await bed.until_state("t1", TASK_STATE_RUNNING)
    bed.manager.skip_a_version()
    bed.manager.forget_silently("tasks", "t2")
    bed.manager.assign(task("t3"))
    await bed.until_state("t3", TASK_STATE_RUNNING)
    await bed.until(lambda: bed.runtime.running() == {"t1", "t3"})
    assert len(bed.manager.hellos) == 2
    assert bed.runtime.starts["t1"] == 1


@on_one_machine
async def test_roles_and_managers_are_passed_on(bed: Bed) -> None:
    await bed.start_manager()
    bed.start_agent()
    await bed.until(lambda: bed.manager.heartbeats)
    bed.manager.say(ManagerMessage(managers=Managers(api_addresses=["m2:4243", "m1:4243"])))
    bed.manager.say(ManagerMessage(role=NODE_ROLE_MANAGER))
    await bed.until(lambda: bed.told_roles)
    assert bed.told_managers == [["m2:4243", "m1:4243"]]
    assert bed.told_roles == [NODE_ROLE_MANAGER]


@on_one_machine
async def test_lines_are_published_for_every_task_that_was_asked_for(bed: Bed) -> None:
    await bed.start_manager()
    bed.manager.assign(
        task("t1", log="one\ntwo", log_err="oops"), task("t2", log="three"), task("t3", log="no")
    )
    bed.start_agent()
    await bed.until(lambda: len(bed.runtime.running()) == 3)
    options = LogOptions(tail=-1, stdout=True, stderr=True)
    request = LogRequest(id="r1", task_ids=["t1", "t2", "gone"], options=options)
    bed.manager.say(ManagerMessage(logs=request))
    await bed.until(lambda: bed.manager.log_requests_ended == ["r1"])
    found: dict[str, list[bytes]] = {"t1": [], "t2": []}
    for line in bed.manager.lines:
        found[line.task_id].append(line.data)
    assert found == {"t1": [b"one", b"two", b"oops"], "t2": [b"three"]}


@on_one_machine
async def test_a_command_runs_in_a_task_with_its_input(bed: Bed) -> None:
    bed.manager.stdin = [ExecInput(stdin=b"hello"), ExecInput(end=True)]
    await bed.start_manager()
    bed.manager.assign(task())
    bed.start_agent()
    await bed.until_state("t1", TASK_STATE_RUNNING)
    request = ExecRequest(id="r1", task_id="t1", argv=["cat"], stdin=True)
    bed.manager.say(ManagerMessage(exec=request))
    await bed.until(lambda: bed.manager.output and bed.manager.output[-1].exited)
    assert bed.manager.output[0].request_id == "r1"
    assert bed.manager.output[1].stdout == b"hello"


@on_one_machine
async def test_a_command_that_cannot_run_says_why(bed: Bed) -> None:
    await bed.start_manager()
    bed.manager.assign(task())
    bed.start_agent()
    await bed.until_state("t1", TASK_STATE_RUNNING)
    request = ExecRequest(id="r1", task_id="t1", argv=["no-such-program"])
    bed.manager.say(ManagerMessage(exec=request))
    await bed.until(lambda: bed.manager.output and bed.manager.output[-1].error)
    assert "no-such-program" in bed.manager.output[-1].error
    assert bed.manager.heartbeats


@on_one_machine
async def test_an_agent_measures_the_tasks_that_it_is_asked_about(bed: Bed) -> None:
    await bed.start_manager()
    bed.start_agent()
    await bed.until(lambda: bed.manager.heartbeats)
    bed.manager.assign(task("t1"))
    await bed.until_state("t1", TASK_STATE_RUNNING)
    bed.manager.say(ManagerMessage(usage=UsageRequest(id="q1", task_ids=["t1", "nobody"])))
    await bed.until(lambda: bed.manager.usages)
    (report,) = bed.manager.usages
    assert report.request_id == "q1"
    (usage,) = report.usages
    assert (usage.task_id, usage.memory_bytes) == ("t1", 1 << 20)
    assert usage.at_ms
