from __future__ import annotations

from collections.abc import Callable

import pytest

from swarmpy.core.validate import (
    validate_service,
    validate_service_update,
)
from swarmpy.core.validate_faults import FAULTS_SHOWN
from swarmpy.errors import InvalidInput
from swarmpy.pb.specs_pb2 import (
    ContainerSpec,
    GlobalJobMode,
    JobLimits,
    ServiceSpec,
    TaskSpec,
)
from swarmpy.pb.types_pb2 import (
    MOUNT_TYPE_BIND,
    MOUNT_TYPE_TMPFS,
    MOUNT_TYPE_VOLUME,
    AutoscaleConfig,
    Budget,
    Resources,
    UpdateConfig,
)
from tests.core.placement_rows import host, mesh, service_spec


def changed(change: Callable[[ServiceSpec], object]) -> ServiceSpec:
    spec = service_spec()
    change(spec)
    return spec


def container(**fields: object) -> Callable[[ServiceSpec], object]:
    return lambda spec: spec.task.containers[0].MergeFrom(ContainerSpec(**fields))  # type: ignore[arg-type]


def test_a_plain_service_is_valid() -> None:
    validate_service(service_spec())


@pytest.mark.parametrize(
    "change",
    [
        container(stop_signal="SIGUSR1"),
        container(stop_signal="QUIT"),
        container(stop_signal="15"),
        container(image="registry.local:5000/team/web@sha256:" + "a" * 64),
        container(environment={"A": "", "b.c": "x=y"}),
        container(extra_hosts=["db:10.0.0.5", "me:host-gateway", "six:fe80::1"]),
        container(health_check={"test": ["NONE"]}),
        container(health_check={"test": ["CMD-SHELL", "true"], "interval_s": 1}),
        container(mounts=[{"type": MOUNT_TYPE_VOLUME, "target": "/data"}]),
        container(mounts=[{"type": MOUNT_TYPE_TMPFS, "target": "/t", "tmpfs_bytes": 4096}]),
        container(cap_add=["NET_ADMIN"], cap_drop=["ALL"]),
        lambda spec: spec.task.placement.constraints.append("node.role!=manager"),
        lambda spec: spec.task.placement.constraints.append("node.labels.zone in (a, b)"),
        lambda spec: spec.task.placement.spread.append("node.labels.zone"),
        lambda spec: spec.task.placement.spread.append("node.hostname"),
        lambda spec: spec.endpoint.ports.extend([mesh(), mesh(), mesh(80), host(81)]),
        lambda spec: spec.replicated_job.SetInParent(),
    ],
)
def test_what_can_be_done_is_valid(change: Callable[[ServiceSpec], object]) -> None:
    validate_service(changed(change))


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda s: setattr(s, "name", "-web"), "name: '-web' is not a name, expected a letter"),
        (lambda s: setattr(s, "name", "x" * 64), "is not a name"),
        (lambda s: s.ClearField("replicated"), "mode: is not set"),
        (
            lambda s: setattr(s.replicated, "replicas", 10_001),
            "replicated.replicas: is 10001, expected 0 to 10000",
        ),
        (
            lambda s: s.job.SetInParent(),
            "job: is given, expected none: the service is no job",
        ),
        (
            lambda s: s.MergeFrom(
                ServiceSpec(global_job=GlobalJobMode(), job=JobLimits(backoff_limit=1001))
            ),
            "job.backoff_limit: is 1001, expected 0 to 1000",
        ),
        (
            lambda s: s.update.max_surge.CopyFrom(Budget(ratio=1.5)),
            "update.max_surge: is 1.5, expected 0 to 1",
        ),
        (
            lambda s: s.update.MergeFrom(
                UpdateConfig(max_surge=Budget(count=0), max_unavailable=Budget(ratio=0))
            ),
            "update.max_unavailable: and max_surge are 0",
        ),
        (
            lambda s: setattr(s.rollback, "progress_deadline_s", -1),
            "rollback.progress_deadline_s: is -1",
        ),
        (
            lambda s: s.autoscale.MergeFrom(AutoscaleConfig(min_replicas=1, max_replicas=2)),
            "autoscale: has no aim, expected cpu_ratio",
        ),
        (
            lambda s: s.MergeFrom(
                ServiceSpec(
                    task=TaskSpec(reservations=Resources(nano_cpus=1)),
                    autoscale=AutoscaleConfig(min_replicas=3, max_replicas=2, cpu_ratio=0.5),
                )
            ),
            "autoscale.min_replicas: is 3, more than max_replicas, 2, expected at most that",
        ),
        (
            lambda s: s.autoscale.MergeFrom(
                AutoscaleConfig(min_replicas=1, max_replicas=2, memory_ratio=0.5)
            ),
            "autoscale.memory_ratio: is an aim, expected task.reservations.memory_bytes",
        ),
        (lambda s: s.ClearField("task"), "task: is missing"),
        (
            lambda s: setattr(s.task.containers[0], "image", ""),
            "task.containers[0].image: is empty, expected an image",
        ),
        (container(image=" nginx"), "expected NAME:TAG"),
        (container(hostname="a b"), "hostname: is 'a b'"),
        (container(working_dir="data"), "working_dir: is 'data', expected an absolute path"),
        (container(environment={"A=B": "x"}), "environment: has the name 'A=B'"),
        (container(stop_signal="SIGNAL"), "stop_signal: is 'SIGNAL', expected a signal"),
        (container(stop_signal="65"), "stop_signal"),
        (container(stop_grace_s=-1), "stop_grace_s: is -1 s, expected 0 to 604800 s"),
        (container(stop_grace_s=float("nan")), "stop_grace_s: is nan s"),
        (container(health_check={"test": ["CMD"]}), "health_check.test: is ['CMD'], expected"),
        (container(health_check={"test": ["echo"]}), "expected [CMD, PROGRAM, ARG...]"),
        (
            container(health_check={"test": ["NONE"], "timeout_s": -5}),
            "health_check.timeout_s: is -5 s",
        ),
        (
            container(mounts=[{"type": MOUNT_TYPE_BIND, "source": "data", "target": "/d"}]),
            "mounts[0].source: is 'data', expected the host's absolute path",
        ),
        (container(mounts=[{"type": MOUNT_TYPE_VOLUME, "target": "d"}]), "mounts[0].target"),
        (
            container(mounts=[{"type": MOUNT_TYPE_TMPFS, "source": "x", "target": "/d"}]),
            "mounts[0].source: is 'x', expected none for tmpfs",
        ),
        (
            container(mounts=[{"target": "/d", "tmpfs_bytes": 1}]),
            "mounts[0].tmpfs_bytes: is 1",
        ),
        (
            container(mounts=[{"target": "/d"}, {"target": "/d"}]),
            "mounts: '/d' is there twice",
        ),
        (
            container(configs=[{"target": "/etc/x"}]),
            "configs[0].name: is '', expected the name of one of the configs",
        ),
        (container(secrets=[{"name": "key", "target": "key"}]), "secrets[0].target: is 'key'"),
        (container(cap_add=["net_admin"]), "cap_add: has 'net_admin'"),
        (container(extra_hosts=["db"]), "extra_hosts: has 'db', expected NAME:ADDRESS"),
        (
            lambda s: setattr(s.task.reservations, "nano_cpus", -1),
            "task.reservations.nano_cpus: is -1",
        ),
        (
            lambda s: s.task.MergeFrom(
                TaskSpec(
                    reservations=Resources(memory_bytes=9 << 20),
                    limits=Resources(memory_bytes=8 << 20),
                )
            ),
            "task.reservations.memory_bytes: reserves 9437184 but limits to 8388608",
        ),
        (lambda s: setattr(s.task.limits, "nano_cpus", 1), "task.limits.nano_cpus: is 1"),
        (lambda s: setattr(s.task.reservations, "pids", 1), "task.reservations.pids"),
        (
            lambda s: s.task.reservations.generic.update(gpu=0),
            "task.reservations.generic[gpu]: is 0, expected 1 to 1e+06",
        ),
        (
            lambda s: s.task.reservations.generic.update({"a b": 1}),
            "task.reservations.generic: 'a b' is not a name",
        ),
        (lambda s: s.task.limits.generic.update(gpu=1), "task.limits.generic: has gpu, expected"),
        (lambda s: setattr(s.task.restart, "delay_s", -1), "task.restart.delay_s: is -1 s"),
        (lambda s: setattr(s.task.restart, "condition", 9), "task.restart.condition: is 9"),
        (
            lambda s: s.task.placement.constraints.append("node.name==x"),
            "task.placement.constraints[0]: constraint 'node.name==x' asks for 'node.name'",
        ),
        (
            lambda s: s.task.placement.constraints.append("node.labels.x =~ (a*)*"),
            "constraints[0]: constraint 'node.labels.x =~ (a*)*' cannot be used: "
            "the pattern can be read in too many ways",
        ),
        (lambda s: s.task.placement.spread.append("zone"), "task.placement.spread[0]: is 'zone'"),
        (lambda s: s.task.placement.platforms.add(), "task.placement.platforms[0]: is empty"),
        (lambda s: s.task.networks.add(), "task.networks[0].network: is empty"),
        (
            lambda s: [s.task.networks.add(network="back") for _ in range(2)],
            "task.networks: 'back' is there twice",
        ),
        (
            lambda s: s.endpoint.ports.append(mesh(80, target=0)),
            "endpoint.ports[0].target: is 0, expected 1 to 65535",
        ),
        (
            lambda s: s.endpoint.ports.append(mesh(65536)),
            "endpoint.ports[0].published: is 65536, expected 0 to 65535",
        ),
        (
            lambda s: s.endpoint.ports.extend([mesh(80), host(80)]),
            "endpoint.ports: '80/tcp' is there twice",
        ),
        (lambda s: setattr(s.update, "max_failure_ratio", 2), "update.max_failure_ratio: is 2"),
        (lambda s: setattr(s.rollback, "order", 7), "rollback.order: is 7"),
        (lambda s: s.depends_on.add(service="web"), "depends_on: names the service itself"),
        (lambda s: s.labels.update(x="y" * 1_500_000), "the spec has 15000"),
    ],
)
def test_a_fault_names_its_field_and_what_was_expected(
    change: Callable[[ServiceSpec], object], fault: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        validate_service(changed(change))
    assert fault in refused.value.message
    assert "\n" not in refused.value.message
    assert refused.value.remedy == "correct this field and try again"


def test_all_faults_are_told_at_once() -> None:
    spec = changed(container(working_dir="x", stop_signal="y"))
    spec.name = ""
    with pytest.raises(InvalidInput) as refused:
        validate_service(spec)
    assert len(refused.value.message.splitlines()) == 3
    assert refused.value.fields["paths"].split() == [
        "name",
        "task.containers[0].working_dir",
        "task.containers[0].stop_signal",
    ]


def test_very_many_faults_are_counted() -> None:
    spec = changed(container(cap_add=["x"] * (FAULTS_SHOWN + 5)))
    with pytest.raises(InvalidInput, match="and 5 more"):
        validate_service(spec)


def test_an_update_keeps_name_and_mode() -> None:
    old = service_spec()
    validate_service_update(old, service_spec(image="nginx:2", replicas=5))
    with pytest.raises(InvalidInput, match="name: is 'db', expected 'web' as before"):
        validate_service_update(old, service_spec("db"))
    job = changed(lambda spec: spec.replicated_job.SetInParent())
    with pytest.raises(InvalidInput, match="mode: is replicated_job, expected replicated"):
        validate_service_update(old, job)
