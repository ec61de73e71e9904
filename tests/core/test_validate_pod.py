from __future__ import annotations

from collections.abc import Callable

import pytest

from swarmpy.core.requests import limits_of, reservations_of
from swarmpy.core.validate import validate_service
from swarmpy.errors import InvalidInput
from swarmpy.pb.specs_pb2 import (
    CONTAINER_RESTART_ALWAYS,
    CONTAINER_RESTART_ON_FAILURE,
    ContainerSpec,
    ServiceSpec,
    TaskSpec,
)
from swarmpy.pb.types_pb2 import (
    MOUNT_TYPE_EPHEMERAL,
    ExecAction,
    HealthCheck,
    Hook,
    HttpAction,
    Mount,
    Probe,
    Resources,
    TcpAction,
)

Change = Callable[[TaskSpec], object]


def pod(change: Change = lambda _: None, *, job: bool = False) -> ServiceSpec:
    spec = ServiceSpec(
        name="shop",
        task=TaskSpec(
            containers=[
                ContainerSpec(name="web", image="web:1"),
                ContainerSpec(name="log", image="log:1"),
            ],
            init_containers=[ContainerSpec(name="fetch", image="web:1")],
        ),
    )
    if job:
        spec.replicated_job.completions = 1
    else:
        spec.replicated.replicas = 1
    change(spec.task)
    return spec


def probed(probe: Probe, field: str = "readiness_probe") -> Change:
    return lambda task: getattr(task.containers[0], field).CopyFrom(probe)


def mounted(mount: Mount) -> Change:
    return lambda task: task.containers[0].mounts.append(mount)


TCP = TcpAction(port=80)
FAULTS: dict[str, tuple[Change, str]] = {
    "no container": (lambda t: t.ClearField("containers"), "task.containers: is empty"),
    "no name": (
        lambda t: t.containers[1].ClearField("name"), "task.containers[1].name: is empty"),
    "one name twice": (
        lambda t: setattr(t.init_containers[0], "name", "log"),
        "task.containers: 'log' is there twice"),
    "too many": (
        lambda t: [t.containers.add(name=f"c{n}", image="i") for n in range(40)],
        "task.containers: are 43, expected 32 at most"),
    "a restart that is none": (
        lambda t: setattr(t, "container_restart", 9), "task.container_restart: is 9"),
    "a probe of an init container": (
        lambda t: t.init_containers[0].readiness_probe.CopyFrom(Probe(tcp_socket=TCP)),
        "task.init_containers[0].readiness_probe: is given, expected none"),
    "a health check of one": (
        lambda t: t.init_containers[0].health_check.CopyFrom(HealthCheck(test=["CMD", "x"])),
        "task.init_containers[0].health_check: is given, expected none"),
    "a probe without an action": (
        probed(Probe()), "task.containers[0].readiness_probe: has no action"),
    "no command": (
        probed(Probe(exec=ExecAction())), "readiness_probe.exec.command: is empty"),
    "no port": (
        probed(Probe(http_get=HttpAction())), "readiness_probe.http_get.port: is 0, expected 1"),
    "a path that is none": (
        probed(Probe(http_get=HttpAction(port=80, path="x"))),
        "readiness_probe.http_get.path: is 'x'"),
    "two lines in a header": (
        probed(Probe(http_get=HttpAction(port=80, headers={"a": "b\r\nc"}))),
        "readiness_probe.http_get.headers: has"),
    "too often": (
        probed(Probe(tcp_socket=TCP, period_s=0.01)), "readiness_probe.period_s: is 0.01"),
    "a negative time": (
        probed(Probe(tcp_socket=TCP, timeout_s=-1)), "readiness_probe.timeout_s: is -1 s"),
    "a threshold out of range": (
        probed(Probe(tcp_socket=TCP, failure_threshold=5000)), "failure_threshold: is 5000"),
    "successes of a liveness probe": (
        probed(Probe(tcp_socket=TCP, success_threshold=2), "liveness_probe"),
        "task.containers[0].liveness_probe.success_threshold: is 2, expected 1 but for readiness"),
    "a grace of readiness": (
        probed(Probe(tcp_socket=TCP, grace_s=2)), "readiness_probe.grace_s: is 2, expected none"),
    "a hook without an action": (
        lambda t: t.containers[0].pre_stop.CopyFrom(Hook()),
        "task.containers[0].pre_stop: has no action"),
    "a nameless ephemeral volume": (
        mounted(Mount(type=MOUNT_TYPE_EPHEMERAL, target="/x")),
        "task.containers[0].mounts[0].source: '' is not a name"),
    "a size of what is on disk": (
        mounted(Mount(type=MOUNT_TYPE_EPHEMERAL, source="x", target="/x", tmpfs_bytes=5)),
        "task.containers[0].mounts[0].tmpfs_bytes: is 5"),
    "a container that reserves more than its limit": (
        lambda t: t.containers[1].MergeFrom(
            ContainerSpec(
                reservations=Resources(memory_bytes=2 << 30),
                limits=Resources(memory_bytes=1 << 30),
            )
        ),
        "task.containers[1].reservations.memory_bytes: reserves"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "fault"), FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_names_its_field_and_what_was_expected(change: Change, fault: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        validate_service(pod(change))
    assert fault in refused.value.message


def test_a_pod_is_fine_and_so_is_one_of_a_job_that_ends() -> None:
    validate_service(pod())
    validate_service(
        pod(lambda t: setattr(t, "container_restart", CONTAINER_RESTART_ON_FAILURE), job=True)
    )
    always: Change = lambda t: setattr(t, "container_restart", CONTAINER_RESTART_ALWAYS)  # noqa: E731
    validate_service(pod(always))
    with pytest.raises(InvalidInput, match=r"task\.container_restart: is always, expected on-fail"):
        validate_service(pod(always, job=True))


def test_a_pod_reserves_what_runs_at_once_or_the_largest_init_container() -> None:
    def of(memory: int, cpus: int = 0) -> Resources:
        return Resources(memory_bytes=memory, nano_cpus=cpus)

    spec = TaskSpec(
        reservations=of(1),
        containers=[ContainerSpec(reservations=of(10, 2)), ContainerSpec(reservations=of(20, 2))],
        init_containers=[ContainerSpec(reservations=of(25, 9)), ContainerSpec()],
    )
    assert reservations_of(spec) == of(31, 9)
    spec.containers[0].reservations.generic["gpu"] = 1
    spec.init_containers[0].reservations.generic["gpu"] = 2
    assert reservations_of(spec).generic["gpu"] == 2
    bounded = ContainerSpec(limits=of(5))
    spec.limits.CopyFrom(of(9))
    assert (limits_of(spec, bounded), limits_of(spec, spec.containers[0])) == (of(5), of(9))
    plain = TaskSpec(reservations=of(7), containers=[ContainerSpec()])
    assert reservations_of(plain) is plain.reservations or reservations_of(plain) == of(7)
