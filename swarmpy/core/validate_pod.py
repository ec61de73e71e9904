"""Checks what a spec says about the inside of a pod: its containers, probes, hooks and restarts."""

from __future__ import annotations

from swarmpy.core.pod import CARED_FOR, all_containers, is_pod
from swarmpy.core.validate_faults import Faults
from swarmpy.pb.specs_pb2 import (
    CONTAINER_RESTART_ALWAYS,
    ContainerRestart,
    ContainerSpec,
    TaskSpec,
)
from swarmpy.pb.types_pb2 import ExecAction, Hook, HttpAction, Probe

CONTAINERS_MAX = 32
THRESHOLD_MAX = 1000
NOT_OF_INIT = frozenset({*CARED_FOR, "health_check"})
PORT_MAX = 65535
PERIOD_MIN_S = 0.1
_ACTION = "one of exec, http_get, tcp_socket and grpc"


def check_pod(task: TaskSpec, faults: Faults) -> None:
    """Note what is wrong with a task as a whole of containers."""
    if not task.containers:
        faults.add("containers", "is empty", "at least one container", "name one")
    count = len(task.containers) + len(task.init_containers)
    if count > CONTAINERS_MAX:
        faults.add("containers", f"are {count}", f"{CONTAINERS_MAX} at most", "remove some")
    if is_pod(task):
        _check_names(task, faults)
    if task.container_restart not in ContainerRestart.values():
        there = f"is {task.container_restart}"
        faults.add("container_restart", there, "always, on-failure or never", "correct it")
    for i, container in enumerate(task.init_containers):
        at = faults.under(f"init_containers[{i}]")
        for field, _ in container.ListFields():
            if field.name in NOT_OF_INIT:
                at.add(field.name, "is given", "none: it runs to its end", "remove it")
    for i, container in enumerate(task.containers):
        check_cared_for(container, faults.under(f"containers[{i}]"))


def _check_names(task: TaskSpec, faults: Faults) -> None:
    for field in ("containers", "init_containers"):
        for i, container in enumerate(getattr(task, field)):
            if not container.name:
                faults.add(f"{field}[{i}].name", "is empty", "a name", "write one")
    faults.check_unique("containers", (one.name for one in all_containers(task) if one.name))


def check_job_restart(task: TaskSpec, faults: Faults) -> None:
    """Note what cannot be said of a task that is to end."""
    if task.container_restart == CONTAINER_RESTART_ALWAYS:
        faults.add(
            "container_restart",
            "is always",
            "on-failure or never: a job's tasks end",
            "choose one of them",
        )


def check_cared_for(container: ContainerSpec, faults: Faults) -> None:
    """Note what is wrong with a container's probes and hooks."""
    for field, value in container.ListFields():
        at = faults.under(field.name)
        if isinstance(value, Probe):
            _check_probe(value, at)
        elif isinstance(value, Hook):
            _check_hook(value, at)
    for name in ("startup_probe", "liveness_probe"):
        successes = getattr(container, name).success_threshold
        if successes > 1:
            at = faults.under(name)
            at.add("success_threshold", f"is {successes}", "1 but for readiness", "remove it")
    grace_s = container.readiness_probe.grace_s
    if grace_s:
        at = faults.under("readiness_probe")
        at.add("grace_s", f"is {grace_s:g}", "none: it ends nothing", "remove it")


def _check_hook(hook: Hook, faults: Faults) -> None:
    match hook.WhichOneof("action"):
        case "exec":
            _check_exec(hook.exec, faults.under("exec"))
        case "http_get":
            _check_http(hook.http_get, faults.under("http_get"))
        case _:
            faults.add("", "has no action", "exec or http_get", "write one")


def _check_probe(probe: Probe, faults: Faults) -> None:
    match probe.WhichOneof("action"):
        case "exec":
            _check_exec(probe.exec, faults.under("exec"))
        case "http_get":
            _check_http(probe.http_get, faults.under("http_get"))
        case "tcp_socket":
            faults.check_number("tcp_socket.port", probe.tcp_socket.port, 1, PORT_MAX)
        case "grpc":
            faults.check_number("grpc.port", probe.grpc.port, 1, PORT_MAX)
        case _:
            faults.add("", "has no action", _ACTION, "write one")
    for field in ("initial_delay_s", "timeout_s", "grace_s"):
        faults.check_duration(field, getattr(probe, field))
    if probe.period_s:
        faults.check_number("period_s", probe.period_s, PERIOD_MIN_S, 86400)
    for field in ("success_threshold", "failure_threshold"):
        faults.check_number(field, getattr(probe, field), 0, THRESHOLD_MAX)


def _check_exec(action: ExecAction, faults: Faults) -> None:
    if not action.command or not action.command[0]:
        faults.add("command", "is empty", "a program and its arguments", "write it")


def _check_http(action: HttpAction, faults: Faults) -> None:
    faults.check_number("port", action.port, 1, PORT_MAX)
    if action.path and not action.path.startswith("/"):
        faults.add("path", f"is {action.path!r}", "a path that begins with /", "correct it")
    for text in (action.path, action.host, *action.headers, *action.headers.values()):
        if any(char in text for char in "\r\n\0") or (text == action.path and " " in text):
            faults.add("headers", f"has {text!r}", "words on one line", "correct it")
