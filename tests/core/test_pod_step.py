"""A pod's whole life, told as what its node does and what it then reports."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarmpy.core.container import Container, Exit
from swarmpy.core.pod import SANDBOX, back_off_s, container_key, is_pod
from swarmpy.pb.objects_pb2 import Task
from swarmpy.pb.specs_pb2 import (
    CONTAINER_RESTART_ALWAYS,
    CONTAINER_RESTART_NEVER,
    CONTAINER_RESTART_ON_FAILURE,
    CONTAINER_RESTART_UNSPECIFIED,
    ContainerRestart,
    ContainerSpec,
    TaskSpec,
)
from swarmpy.pb.types_pb2 import (
    MOUNT_TYPE_EPHEMERAL,
    TASK_STATE_REMOVE,
    TASK_STATE_RUNNING,
    TASK_STATE_SHUTDOWN,
    ExecAction,
    Hook,
    Mount,
    PortConfig,
    Probe,
)
from tests.core.pod_world import PodWorld, running

UNSAID, ALWAYS = CONTAINER_RESTART_UNSPECIFIED, CONTAINER_RESTART_ALWAYS
ON_FAILURE, NEVER = CONTAINER_RESTART_ON_FAILURE, CONTAINER_RESTART_NEVER
RUN = ExecAction(command=["true"])


def world(
    *names: str,
    inits: tuple[str, ...] = (),
    restart: ContainerRestart.ValueType = UNSAID,
    **web: Probe | Hook,
) -> PodWorld:
    """Return a pod of these containers; `web` is what the first one has beside its name."""
    containers = [ContainerSpec(name=name, image="i", stop_grace_s=4) for name in names or ("web",)]
    for field, value in web.items():
        getattr(containers[0], field).CopyFrom(value)
    spec = TaskSpec(
        containers=containers,
        init_containers=[ContainerSpec(name=name, image="i") for name in inits],
        container_restart=restart,
    )
    return PodWorld(Task(id="t1", spec=spec, desired_state=TASK_STATE_RUNNING))


def probe(**fields: float) -> Probe:
    return Probe(exec=RUN, **fields)  # type: ignore[arg-type]


# --- beginning


def test_init_containers_run_one_by_one_and_then_all_others_at_once() -> None:
    pod = world("web", "log", inits=("fetch", "migrate"))
    pod.settle()
    assert list(running(pod)) == ["fetch"]
    assert (pod.state, pod.status.message) == ("starting", "init 0/2: fetch: runs")
    pod.ends("fetch")
    assert list(running(pod)) == ["migrate"]
    pod.ends("migrate")
    assert list(running(pod)) == ["web", "log"]
    assert pod.state == "running"
    assert pod.told == ["prepare", "start fetch", "start migrate", "start web", "start log"]


@pytest.mark.parametrize("restart", [UNSAID, NEVER])
def test_an_init_container_that_fails_ends_its_task(restart: ContainerRestart.ValueType) -> None:
    pod = world(inits=("migrate",), restart=restart)
    pod.settle()
    pod.ends("migrate", 3)
    assert pod.state == "failed"
    assert pod.status.error == "init container migrate: it ended with exit code 3"


def test_or_is_tried_again() -> None:
    pod = world(inits=("migrate",), restart=ALWAYS)
    pod.settle()
    pod.ends("migrate", 3)
    assert (pod.state, pod.of("migrate").restarts) == ("starting", 1)
    pod.ends("migrate", 0)
    assert (pod.state, pod.told[-1]) == ("running", "start web")


def test_a_pod_waits_until_it_is_wanted_and_its_time_has_come() -> None:
    pod = world("web", "log")
    pod.task.start_after_ms = pod.now_ms + 5000
    pod.settle(4)
    assert (pod.state, list(running(pod))) == ("ready", [])
    pod.settle(2)
    assert pod.state == "running"


# --- restarts in place

ENDS = {
    "unsaid, well": (UNSAID, 0, "complete"),
    "unsaid, badly": (UNSAID, 3, "failed"),
    "always, well": (ALWAYS, 0, "restarted"),
    "always, badly": (ALWAYS, 3, "restarted"),
    "on failure, well": (ON_FAILURE, 0, "runs on"),
    "on failure, badly": (ON_FAILURE, 3, "restarted"),
    "never, well": (NEVER, 0, "runs on"),
    "never, badly": (NEVER, 3, "runs on"),
}


@pytest.mark.parametrize(("restart", "code", "then"), ENDS.values(), ids=ENDS.keys())
def test_what_one_of_two_containers_that_ends_leads_to(
    restart: ContainerRestart.ValueType, code: int, then: str
) -> None:
    pod = world("web", "log", restart=restart)
    pod.settle()
    pod.ends("web", code)
    match then:
        case "restarted":
            assert (pod.state, pod.of("web").restarts, pod.told[-1]) == (
                "running", 1, "restart web",
            )  # fmt: skip
        case "runs on":
            assert (pod.state, list(running(pod))) == ("running", ["log"])
            pod.ends("log", 0)
            assert pod.state == ("failed" if code else "complete")
        case ended:
            assert (pod.state, list(running(pod))) == (ended, [])
            assert pod.told[-1] == "stop log within 4 s"
            assert pod.of("log").exit_code == 143


def test_restarts_come_further_apart_and_say_so() -> None:
    pod = world(restart=ALWAYS)
    pod.settle()
    for restarts, delay_s in enumerate((0, 10, 20, 40, 80, 160, 300, 300), start=1):
        pod.ends("web", 3)
        if delay_s:
            assert pod.of("web").restarts == restarts - 1
            assert pod.status.message == (
                f"CrashLoopBackOff: back-off {delay_s} s restarting web, "
                "last ended with exit code 3"
            )
            assert (pod.state, pod.status.unready) == ("running", True)
            pod.settle(delay_s - 1)
            assert pod.of("web").restarts == restarts - 1
        pod.settle(1)
        assert (pod.of("web").restarts, pod.status.unready) == (restarts, False)
    assert [back_off_s(n) for n in (0, 1, 2, 99)] == [0, 10, 20, 300]


def test_ten_good_minutes_end_the_row_of_failures() -> None:
    pod = world(restart=ALWAYS)
    pod.settle()
    for _ in range(3):
        pod.ends("web", 3)
        pod.settle(20)
    pod.ends("web", 3, after_s=600)
    assert pod.told[-1] == "restart web"
    assert (pod.of("web").restarts, pod.of("web").failures) == (4, 1)


def test_an_agent_that_dies_counts_no_restart_twice_and_forgets_none() -> None:
    pod = world(restart=ALWAYS)
    pod.settle()
    pod.ends("web", 3)
    pod.ends("web", 3)  # now in its back-off
    pod.restart_agent()
    pod.settle(9)
    assert pod.of("web").restarts == 1
    pod.settle(1)
    assert pod.of("web").restarts == 2
    pod.restart_agent()
    pod.settle(5)
    assert (pod.of("web").restarts, pod.told[-1]) == (2, "restart web")


def test_a_back_off_is_not_made_longer_by_a_time_that_was_set_back() -> None:
    pod = world(restart=ALWAYS)
    pod.settle()
    pod.ends("web", 3)
    pod.ends("web", 3)
    pod.now_ms -= 900_000
    pod.settle(301)
    assert pod.of("web").restarts == 2


# --- probes


def test_a_task_runs_once_its_startup_probe_has_passed_and_only_then_are_others_asked() -> None:
    pod = world(startup_probe=probe(period_s=1), liveness_probe=probe(period_s=1))
    pod.answers["web/startup"] = "refused"
    pod.settle(1)
    assert (pod.state, pod.status.message) == ("starting", "web: it is starting")
    assert set(pod.told) == {"prepare", "start web", "ask web startup"}
    pod.answers.clear()
    pod.settle(1)
    assert (pod.state, pod.told[-1]) == ("running", "ask web liveness")
    asked = pod.told.count("ask web startup")
    pod.settle(5)
    assert pod.told.count("ask web startup") == asked


def test_a_container_that_does_not_start_in_time_is_restarted() -> None:
    pod = world(restart=ALWAYS, startup_probe=probe(period_s=1, failure_threshold=3))
    pod.answers["web/startup"] = "refused"
    pod.settle(2)
    assert (pod.state, pod.of("web").restarts) == ("starting", 1)
    assert "stop web within 4 s" in pod.told


def test_readiness_takes_a_task_out_of_the_routes_and_ends_nothing() -> None:
    pod = world(readiness_probe=probe(period_s=1, failure_threshold=2))
    pod.settle()
    assert (pod.state, pod.status.unready) == ("running", False)
    since_ms = pod.status.readiness_since_ms
    pod.answers["web/readiness"] = "HTTP status 503"
    pod.settle(1)
    assert not pod.status.unready, "once is not enough"
    pod.settle(1)
    assert (pod.state, pod.status.unready) == ("running", True)
    assert pod.status.message == "web: its readiness probe failed: HTTP status 503"
    assert pod.status.readiness_since_ms == since_ms + 2000
    pod.answers.clear()
    pod.settle(1)
    assert (pod.status.unready, list(running(pod))) == (False, ["web"])


def test_a_task_is_unready_until_its_readiness_probe_passes() -> None:
    pod = world(readiness_probe=probe(period_s=1, initial_delay_s=3))
    pod.settle(2)
    assert (pod.state, pod.status.unready) == ("running", True)
    pod.settle(1)
    assert not pod.status.unready


def test_an_agent_that_restarts_keeps_a_ready_task_ready() -> None:
    pod = world(readiness_probe=probe(period_s=1))
    pod.settle(1)
    pod.restart_agent()
    pod.answers["web/readiness"] = "refused"
    pod.settle(1)
    assert not pod.status.unready
    pod.settle(2)
    assert pod.status.unready


@pytest.mark.parametrize("restart", [UNSAID, ALWAYS, ON_FAILURE])
def test_a_container_without_life_is_restarted_in_place(
    restart: ContainerRestart.ValueType,
) -> None:
    pod = world("web", "log", restart=restart, liveness_probe=probe(period_s=1, grace_s=2))
    pod.settle(1)
    pod.answers["web/liveness"] = "no answer within 1 s"
    pod.settle(3)
    assert (pod.state, pod.of("web").restarts, list(running(pod))) == (
        "running", 1, ["web", "log"],
    )  # fmt: skip
    assert "stop web within 2 s" in pod.told
    pod.settle(3)
    assert pod.status.message == (
        "CrashLoopBackOff: back-off 10 s restarting web, "
        "because its liveness probe failed: no answer within 1 s"
    )


def test_unless_it_never_is() -> None:
    pod = world(restart=NEVER, liveness_probe=probe(period_s=1, failure_threshold=1))
    pod.answers["web/liveness"] = "refused"
    pod.settle(1)
    assert pod.state == "failed"
    assert pod.status.error == "container web: its liveness probe failed: refused"


# --- hooks


def test_a_container_has_started_once_its_post_start_hook_has_run() -> None:
    pod = world(post_start=Hook(exec=RUN), readiness_probe=probe())
    pod.settle()
    assert pod.told == ["prepare", "start web", "post-start web", "ask web readiness"]
    pod.restart_agent()
    pod.settle()
    assert pod.told.count("post-start web") == 1


def test_a_post_start_hook_that_fails_ends_its_container() -> None:
    pod = world(restart=NEVER, post_start=Hook(exec=RUN))
    pod.answers["web/post-start"] = "exit code 2"
    pod.settle()
    assert pod.status.error == "container web: its post-start hook failed: exit code 2"


# --- its end


def test_a_pod_leaves_the_routes_and_then_all_its_containers_are_stopped() -> None:
    pod = world("web", "log", restart=ALWAYS)
    pod.task.ports.append(PortConfig(target=80))
    pod.settle()
    pod.task.desired_state = TASK_STATE_SHUTDOWN
    pod.settle()
    assert pod.told[-2:] == ["stop web within 4 s", "stop log within 4 s"]
    assert pod.state == "shutdown"
    assert [one.exit_code for one in pod.status.containers] == [143, 143]
    pod.task.desired_state = TASK_STATE_REMOVE
    pod.settle()
    assert (pod.told[-1], pod.pod.containers) == ("remove", {})


def test_a_pod_whose_container_or_sandbox_is_gone_has_failed() -> None:
    pod = world("web", "log")
    pod.settle()
    early = Container("t1", "s", running=False, name=SANDBOX)
    pod.pod = type(pod.pod)({**pod.pod.containers, SANDBOX: early})
    pod.settle()
    assert pod.state == "running", "it was looked at before its start"
    for lost, error in (("log", "its container log is gone"), (SANDBOX, "its sandbox has ended")):
        pod = world("web", "log")
        pod.settle()
        containers = dict(pod.pod.containers)
        if lost == SANDBOX:
            containers[SANDBOX] = Container("t1", "s", False, Exit(137), name=SANDBOX)
        else:
            del containers[lost]
        pod.pod = type(pod.pod)(containers)
        pod.settle()
        assert (pod.state, pod.status.error) == ("failed", error)
        assert list(running(pod)) == []


# --- what is a pod


def test_what_makes_a_task_a_pod() -> None:
    assert not is_pod(TaskSpec(containers=[ContainerSpec(name="web")]))
    assert is_pod(world("web", "log").task.spec)
    assert is_pod(world(inits=("fetch",)).task.spec)
    assert is_pod(world(restart=NEVER).task.spec)
    assert is_pod(world(readiness_probe=probe()).task.spec)
    shared = Mount(type=MOUNT_TYPE_EPHEMERAL, source="s", target="/s")
    assert is_pod(TaskSpec(containers=[ContainerSpec(name="web", mounts=[shared])]))


def test_a_container_is_found_by_its_name() -> None:
    pod, plain = world("web", "log", inits=("fetch",)).task.spec, world().task.spec
    assert [container_key(pod, name) for name in ("", "log", "fetch", "no")] == [
        "web", "log", "fetch", None,
    ]  # fmt: skip
    assert [container_key(plain, name) for name in ("", "web", "no")] == ["", "", None]


# --- any interleaving

EVENTS = st.sampled_from(["end 0", "end 1", "agent", "sick", "well", "wait", "long", "lose"])
POLICIES = st.sampled_from([UNSAID, ALWAYS, ON_FAILURE, NEVER])


@given(POLICIES, st.lists(st.tuples(EVENTS, st.sampled_from(["web", "log", "fetch"])), max_size=25))
@settings(max_examples=150, deadline=None)
def test_no_life_goes_back_and_all_end_stopped_and_removed(
    restart: ContainerRestart.ValueType, life: list[tuple[str, str]]
) -> None:
    pod = world(
        "web", "log", inits=("fetch",), restart=restart,
        liveness_probe=probe(period_s=1), readiness_probe=probe(period_s=2),
    )  # fmt: skip
    pod.settle()
    restarts = 0
    for event, name in life:
        happen(pod, event, name)
        pod.settle({"wait": 3, "long": 40}.get(event, 0))
        now = sum(one.restarts for one in pod.status.containers)
        assert now >= restarts
        restarts = now
        if pod.state not in {"running", "starting"}:
            assert list(running(pod)) == []
    pod.task.desired_state = TASK_STATE_REMOVE
    pod.settle(5)
    assert pod.status.state > TASK_STATE_RUNNING
    assert pod.pod.containers == {}


def happen(pod: PodWorld, event: str, name: str) -> None:
    container = pod.pod.containers.get(name)
    match event.split():
        case ["end", code] if container is not None and container.running:
            pod.ends(name, int(code))
        case ["agent"]:
            pod.restart_agent()
        case ["sick"]:
            pod.answers |= {"web/liveness": "refused", "web/readiness": "refused"}
        case ["well"]:
            pod.answers.clear()
        case ["lose"] if container is not None:
            left = {key: one for key, one in pod.pod.containers.items() if key != name}
            pod.pod = type(pod.pod)(left)
