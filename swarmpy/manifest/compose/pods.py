"""What makes a service's tasks pods: more containers, restarts in place, probes and hooks.

    x-swarmpy:
      containers: {proxy: {image: envoy:1, volumes: [...], probes: {...}, hooks: {...}}}
      init_containers: {migrate: {image: shop:1, command: [migrate]}}
      container_restart: always                         always, on-failure or never
      probes:
        startup: {tcp: 5432, period: 1s, failure_threshold: 60}
        readiness: {http: ":8080/healthz", period: 2s}
        liveness: {exec: [pg_isready], timeout: 5s}     or grpc: 9000
      hooks:
        post_start: {exec: [warm-up]}
        pre_stop: {http: {port: 8080, path: /drain}}

Probes and hooks beside `containers` are those of the service's own container.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeAlias

from swarmpy.manifest.reader import Reader
from swarmpy.manifest.tree import Fields
from swarmpy.pb.specs_pb2 import (
    CONTAINER_RESTART_ALWAYS,
    CONTAINER_RESTART_NEVER,
    CONTAINER_RESTART_ON_FAILURE,
    CONTAINER_RESTART_UNSPECIFIED,
    ContainerSpec,
    TaskSpec,
)
from swarmpy.pb.types_pb2 import (
    ExecAction,
    GrpcAction,
    Hook,
    HttpAction,
    Probe,
    Resources,
    TcpAction,
)

ReadContainer: TypeAlias = Callable[[str, Reader], ContainerSpec]
RESTARTS = {
    "always": CONTAINER_RESTART_ALWAYS,
    "on-failure": CONTAINER_RESTART_ON_FAILURE,
    "never": CONTAINER_RESTART_NEVER,
}
SCHEMES = {"http": False, "https": True}
REFUSED = {
    "ports": "say it under the service's own ports: they are the whole pod's",
    "networks": "say it under the service's own networks: they are the whole pod's",
    "hostname": "say it under the service itself: it is the whole pod's",
    "deploy": "say limits and reservations under resources",
}
_HTTP = re.compile(r"(?:(https?)://)?:?(\d{1,5})(/\S*)?")


def read_pod(section: Reader, task: TaskSpec, read_container: ReadContainer) -> None:
    """Fill in what `x-swarmpy` says of the inside of the service's tasks."""
    _read_care(section, task.containers[0])
    for key, target in (
        ("containers", task.containers),
        ("init_containers", task.init_containers),
    ):
        for name, reader in section.sections(key):
            container = read_container(name, reader)
            _read_care(reader, container)
            _read_resources(reader, container)
            reader.done(REFUSED)
            target.append(container)
    task.container_restart = section.choice(
        "container_restart", RESTARTS, CONTAINER_RESTART_UNSPECIFIED
    )


def _read_care(section: Reader, container: ContainerSpec) -> None:
    probes, hooks = section.section("probes"), section.section("hooks")
    if probes is not None:
        for key in ("startup", "readiness", "liveness"):
            reader = probes.section(key)
            if reader is not None:
                getattr(container, f"{key}_probe").CopyFrom(_probe(reader))
        probes.done()
    if hooks is not None:
        for key in ("post_start", "pre_stop"):
            reader = hooks.section(key)
            if reader is not None:
                getattr(container, key).CopyFrom(_hook(reader))
        hooks.done()


def _probe(reader: Reader) -> Probe:
    probe = Probe(
        initial_delay_s=reader.duration_s("initial_delay"),
        period_s=reader.duration_s("period"),
        timeout_s=reader.duration_s("timeout"),
        success_threshold=reader.integer("success_threshold"),
        failure_threshold=reader.integer("failure_threshold"),
        grace_s=reader.duration_s("grace"),
    )
    if _has_one(reader, ("exec", "http", "tcp", "grpc")):
        if reader.has("exec"):
            probe.exec.CopyFrom(ExecAction(command=reader.texts("exec")))
        elif reader.has("http"):
            probe.http_get.CopyFrom(_http(reader))
        elif reader.has("tcp"):
            probe.tcp_socket.CopyFrom(TcpAction(port=reader.integer("tcp", least=1)))
        else:
            probe.grpc.CopyFrom(_grpc(reader))
    reader.done()
    return probe


def _hook(reader: Reader) -> Hook:
    hook = Hook()
    if _has_one(reader, ("exec", "http")):
        if reader.has("exec"):
            hook.exec.CopyFrom(ExecAction(command=reader.texts("exec")))
        else:
            hook.http_get.CopyFrom(_http(reader))
    reader.done()
    return hook


def _has_one(reader: Reader, actions: tuple[str, ...]) -> bool:
    given = [key for key in actions if reader.has(key)]
    if len(given) != 1:
        what = f"has {' and '.join(given)}" if given else "says not what to do"
        reader.problems.add(reader.place, reader.path, what, f"one of {', '.join(actions)}")
    return bool(given)


def _http(reader: Reader) -> HttpAction:
    """Read ":8080/healthz", "https://:8443/", or a mapping."""
    if not isinstance(reader.value("http"), Fields):
        text = reader.text("http")
        match = _HTTP.fullmatch(text)
        if match is None:
            reader.fault("http", f"found {text!r}", ":PORT/PATH, or a mapping with port and path")
            return HttpAction()
        scheme, port, path = match.groups()
        return HttpAction(port=int(port), path=path or "", tls=scheme == "https")
    section = reader.section("http")
    assert section is not None, "it is a mapping"
    action = HttpAction(
        port=section.integer("port", least=1),
        path=section.text("path"),
        tls=section.choice("scheme", SCHEMES, default=False),
        headers={key: value or "" for key, value in section.pairs("headers").items()},
        host=section.text("host"),
    )
    section.done()
    return action


def _grpc(reader: Reader) -> GrpcAction:
    if not isinstance(reader.value("grpc"), Fields):
        return GrpcAction(port=reader.integer("grpc", least=1))
    section = reader.section("grpc")
    assert section is not None, "it is a mapping"
    action = GrpcAction(port=section.integer("port", least=1), service=section.text("service"))
    section.done()
    return action


def _read_resources(reader: Reader, container: ContainerSpec) -> None:
    resources = reader.section("resources")
    if resources is None:
        return
    for key in ("limits", "reservations"):
        section = resources.section(key)
        if section is None:
            continue
        found = Resources(
            nano_cpus=round(section.number("cpus") * 1e9),
            memory_bytes=section.size_bytes("memory"),
            pids=section.integer("pids") if key == "limits" else 0,
        )
        getattr(container, key).CopyFrom(found)
        section.done()
    resources.done()
