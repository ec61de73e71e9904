"""Puts into words, for people, what a decision means."""

from __future__ import annotations

from datetime import UTC, datetime

from swarmpy.core.actions import Tell
from swarmpy.core.exit_words import of_code
from swarmpy.pb.objects_pb2 import (
    EVENT_LEVEL_NORMAL,
    EVENT_LEVEL_WARNING,
    CronJob,
    Event,
    Node,
    Service,
    Task,
)
from swarmpy.pb.types_pb2 import PROTOCOL_UDP


def of_task(task: Task, reason: str, message: str, *, warning: bool = False) -> Tell:
    """Tell something about a task. `reason` is one CamelCase word."""
    return _tell("task", task.id, task_name(task), reason, message, warning=warning)


def of_service(service: Service, reason: str, message: str, *, warning: bool = False) -> Tell:
    """Tell something about a service. `reason` is one CamelCase word."""
    return _tell("service", service.id, service.spec.name, reason, message, warning=warning)


def of_node(node: Node, reason: str, message: str, *, warning: bool = False) -> Tell:
    """Tell something about a node. `reason` is one CamelCase word."""
    return _tell("node", node.id, node_name(node, node.id), reason, message, warning=warning)


def of_cron_job(cron_job: CronJob, reason: str, message: str, *, warning: bool = False) -> Tell:
    """Tell something about a cron job. `reason` is one CamelCase word."""
    return _tell("cron job", cron_job.id, cron_job.spec.name, reason, message, warning=warning)


def task_name(task: Task) -> str:
    """Return what people call a task: "web.2", or "agent@host-1" where each node has one,
    "db-0" where it has a name of its own.
    """
    if task.name:
        return task.name
    where = f".{task.slot}" if task.slot else f"@{task.node_id}"
    return task.service_name + where


def node_name(node: Node | None, node_id: str) -> str:
    """Return what people call a node, also one whose row is gone."""
    return (node.description.hostname if node is not None else "") or node_id


def port_name(protocol: int, number: int) -> str:
    """Return a port as people write it: "8080/tcp"."""
    return f"{number}/{'udp' if protocol == PROTOCOL_UDP else 'tcp'}"


def why_ended(task: Task) -> str:
    """Return in one line why a task is over."""
    if task.status.error:
        return task.status.error
    if task.status.exited:
        return of_code(task.status.exit_code)
    return task.status.message or "ended"


def seconds(milliseconds: float) -> str:
    """Return a duration as people write it: "0.5 s", "64 s"."""
    return f"{milliseconds / 1000:g} s"


def moment(time_ms: int) -> str:
    """Return a time as people write it, in UTC: "2026-11-25 21:30:00Z"."""
    return f"{datetime.fromtimestamp(time_ms / 1000, UTC):%Y-%m-%d %H:%M:%SZ}"


def _tell(
    kind: str, object_id: str, name: str, reason: str, message: str, *, warning: bool
) -> Tell:
    return Tell(
        Event(
            level=EVENT_LEVEL_WARNING if warning else EVENT_LEVEL_NORMAL,
            kind=kind,
            object_id=object_id,
            object_name=name,
            reason=reason,
            message=message,
        )
    )
