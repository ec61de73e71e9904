from __future__ import annotations

from pathlib import Path

import pytest

from swarmpy.core.validate import validate_service
from swarmpy.errors import InvalidManifest
from swarmpy.pb.specs_pb2 import (
    CONTAINER_RESTART_ALWAYS,
    CONTAINER_RESTART_NEVER,
    CONTAINER_RESTART_ON_FAILURE,
    CONTAINER_RESTART_UNSPECIFIED,
    ContainerRestart,
    ContainerSpec,
)
from swarmpy.pb.types_pb2 import (
    MOUNT_TYPE_EPHEMERAL,
    ExecAction,
    GrpcAction,
    Hook,
    HttpAction,
    Mount,
    Probe,
    Resources,
    TcpAction,
)
from tests.manifest.test_compose_placement import loaded

WHOLE = """
services:
  web:
    image: shop:1
    volumes:
      - {type: ephemeral, source: cache, target: /cache}
      - {type: ephemeral, source: run, target: /run/shop, tmpfs: {size: 64m}}
    x-swarmpy:
      container_restart: always
      init_containers:
        fetch: {image: "shop:1", command: [fetch, --all]}
        migrate:
          image: shop:1
          environment: {DB: db}
      containers:
        proxy:
          image: envoy:1
          user: "101"
          volumes: [{type: ephemeral, source: run, target: /run/shop, tmpfs: {}}]
          probes: {readiness: {tcp: 9901}}
          resources: {limits: {cpus: 0.5, memory: 64m}, reservations: {memory: 32m}}
      probes:
        startup: {exec: [test, -f, /ready], period: 1s, failure_threshold: 60}
        readiness: {http: ":8080/healthz", initial_delay: 2s, timeout: 500ms, success_threshold: 2}
        liveness: {grpc: {port: 9000, service: shop}, grace: 3s}
      hooks:
        post_start: {exec: [warm-up]}
        pre_stop: {http: {port: 8443, path: /drain, scheme: https, headers: {X-By: swarmpy}}}
"""


def test_a_pod_is_said_under_x_swarmpy(tmp_path: Path) -> None:
    (service,) = loaded(tmp_path, WHOLE).services
    validate_service(service)
    task = service.task
    assert task.container_restart == CONTAINER_RESTART_ALWAYS
    web, proxy = task.containers
    assert (web.name, proxy.name) == ("web", "proxy")
    assert list(task.init_containers) == [
        ContainerSpec(name="fetch", image="shop:1", args=["fetch", "--all"]),
        ContainerSpec(name="migrate", image="shop:1", environment={"DB": "db"}),
    ]
    assert list(web.mounts) == [
        Mount(type=MOUNT_TYPE_EPHEMERAL, source="cache", target="/cache"),
        Mount(
            type=MOUNT_TYPE_EPHEMERAL, source="run", target="/run/shop", in_memory=True,
            tmpfs_bytes=64 << 20,
        ),
    ]  # fmt: skip
    assert proxy.mounts[0].in_memory
    assert (proxy.image, proxy.user) == ("envoy:1", "101")
    assert proxy.readiness_probe == Probe(tcp_socket=TcpAction(port=9901))
    assert proxy.limits == Resources(nano_cpus=500_000_000, memory_bytes=64 << 20)
    assert proxy.reservations == Resources(memory_bytes=32 << 20)
    assert web.startup_probe == Probe(
        exec=ExecAction(command=["test", "-f", "/ready"]), period_s=1, failure_threshold=60
    )
    assert web.readiness_probe == Probe(
        http_get=HttpAction(port=8080, path="/healthz"),
        initial_delay_s=2, timeout_s=0.5, success_threshold=2,
    )  # fmt: skip
    assert web.liveness_probe == Probe(grpc=GrpcAction(port=9000, service="shop"), grace_s=3)
    assert web.post_start == Hook(exec=ExecAction(command=["warm-up"]))
    assert web.pre_stop == Hook(
        http_get=HttpAction(port=8443, path="/drain", tls=True, headers={"X-By": "swarmpy"})
    )


@pytest.mark.parametrize(
    ("text", "policy"),
    [
        ("", CONTAINER_RESTART_UNSPECIFIED),
        ("container_restart: on-failure", CONTAINER_RESTART_ON_FAILURE),
        ("container_restart: never", CONTAINER_RESTART_NEVER),
    ],
)
def test_restarts_in_place_are_asked_for(
    tmp_path: Path, text: str, policy: ContainerRestart.ValueType
) -> None:
    (service,) = loaded(tmp_path, under(text)).services
    assert service.task.container_restart == policy


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ('http: "8080"', HttpAction(port=8080)),
        ('http: ":8080"', HttpAction(port=8080)),
        ('http: "https://:8443/x?y=1"', HttpAction(port=8443, path="/x?y=1", tls=True)),
        ("http: {port: 80}", HttpAction(port=80)),
    ],
)
def test_http_is_written_short_or_long(tmp_path: Path, text: str, action: HttpAction) -> None:
    (service,) = loaded(tmp_path, under(f"probes: {{readiness: {{{text}}}}}")).services
    assert service.task.containers[0].readiness_probe.http_get == action


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("container_restart: sometimes", "one of always, on-failure, never"),
        ("probes: {readiness: {period: 1s}}", "says not what to do"),
        ("probes: {readiness: {tcp: 1, grpc: 2}}", "has tcp and grpc"),
        ("probes: {readiness: {http: web/healthz}}", ":PORT/PATH, or a mapping"),
        ("probes: {alive: {tcp: 1}}", "alive"),
        ("hooks: {pre_stop: {tcp: 1}}", "tcp"),
        ("containers: {proxy: {command: [x]}}", "add image: NAME:TAG"),
        ('containers: {proxy: {image: "e:1", ports: ["80"]}}', "they are the whole pod's"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, text: str, fault: str) -> None:
    with pytest.raises(InvalidManifest) as refused:
        loaded(tmp_path, under(text))
    assert fault in refused.value.message
    assert "stack.yaml:" in refused.value.message


def under(text: str) -> str:
    return f"services:\n  web:\n    image: shop:1\n    x-swarmpy:\n      {text or 'cron: null'}\n"
