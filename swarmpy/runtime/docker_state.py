"""Reads what the Docker Engine says of a container. Pure."""

from __future__ import annotations

from typing import Any

from swarmpy.core.container import Container, Exit
from swarmpy.pb.types_pb2 import PROTOCOL_TCP, PROTOCOL_UDP, PortBinding
from swarmpy.runtime.container_config import (
    DIGEST_LABEL,
    IMAGE_LABEL,
    PORTS_LABEL,
    TASK_LABEL,
)
from swarmpy.runtime.health import RETRIES
from swarmpy.runtime.pod_config import CONTAINER_LABEL

NEVER = "0001-01-01"
"""How Go writes a time that was not set."""


def container_of(inspected: dict[str, Any]) -> Container:
    """Return one container from the answer of GET /containers/ID/json."""
    state, config = inspected["State"], inspected["Config"]
    running = bool(state["Running"])
    healthy, unhealthy = _health(state, config)
    return Container(
        task_id=config["Labels"][TASK_LABEL],
        container_id=inspected["Id"],
        running=running,
        exit=None if running else _exit(state),
        healthy=healthy,
        unhealthy=unhealthy,
        ports=_ports(inspected) if running else (),
        name=config["Labels"].get(CONTAINER_LABEL, ""),
        run_id=str(state["StartedAt"]) if was_started(inspected) else "",
        address=_address(inspected) if running else "",
        image_digests=_image_digests(config["Labels"]),
    )


def _address(inspected: dict[str, Any]) -> str:
    """Return the container's own address; "" where it has none, or its machine's."""
    networks = inspected["NetworkSettings"].get("Networks") or {}
    return next((one["IPAddress"] for one in networks.values() if one.get("IPAddress")), "")


def was_started(inspected: dict[str, Any]) -> bool:
    """Say whether it runs or has run: such a container is never started again."""
    return not str(inspected["State"]["StartedAt"]).startswith(NEVER)


def _exit(state: dict[str, Any]) -> Exit | None:
    if str(state["StartedAt"]).startswith(NEVER):
        return None
    return Exit(
        code=state["ExitCode"],
        oom_killed=state["OOMKilled"],
        error=state["Error"],
    )


def _image_digests(labels: dict[str, str]) -> tuple[tuple[str, str], ...]:
    return ((labels[IMAGE_LABEL], labels[DIGEST_LABEL]),) if DIGEST_LABEL in labels else ()


def _health(state: dict[str, Any], config: dict[str, Any]) -> tuple[bool | None, bool]:
    """Return (healthy, unhealthy) as `Container` has them.

    An engine calls every container unhealthy that was stopped; only those are whose checks failed
    as often as allowed.
    """
    check = config.get("Healthcheck") or {}
    if (check.get("Test") or ["NONE"])[0] == "NONE":
        return None, False
    health = state.get("Health") or {}
    failed = health.get("FailingStreak", 0) >= (check.get("Retries") or RETRIES)
    healthy = bool(state["Running"]) and health.get("Status") == "healthy"
    return healthy, health.get("Status") == "unhealthy" and failed


def _ports(inspected: dict[str, Any]) -> tuple[PortBinding, ...]:
    """Return where the task's own ports answer; the image may expose more, which do not."""
    wanted = [key for key in inspected["Config"]["Labels"].get(PORTS_LABEL, "").split(",") if key]
    on_host = inspected["HostConfig"]["NetworkMode"] == "host"
    bound = inspected["NetworkSettings"].get("Ports") or {}
    bindings = []
    for key in wanted:
        target, _, protocol = key.partition("/")
        host_port = target if on_host else _host_port(bound.get(key))
        if host_port:
            bindings.append(
                PortBinding(
                    protocol=PROTOCOL_UDP if protocol == "udp" else PROTOCOL_TCP,
                    target=int(target),
                    host_port=int(host_port),
                )
            )
    return tuple(bindings)


def _host_port(bindings: list[dict[str, str]] | None) -> str:
    return bindings[0]["HostPort"] if bindings else ""
