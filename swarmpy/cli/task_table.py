"""Lists tasks by slot: what runs, what it replaced, and why what does not run does not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby

from swarmpy import SyncClient
from swarmpy.cli import render, when
from swarmpy.cli.options import Format
from swarmpy.cli.plain import plain, word
from swarmpy.core.pod import restarts_of
from swarmpy.core.task_life import has_failed, is_live, is_ready
from swarmpy.core.tell import why_ended
from swarmpy.pb.objects_pb2 import Task
from swarmpy.pb.types_pb2 import TaskState


@dataclass(frozen=True, slots=True)
class _Row:
    task: Task
    name: str
    hostname: str


_COLUMNS: render.Columns[_Row] = {
    "NAME": lambda row: row.name,
    "ID": lambda row: row.task.id,
    "NODE": lambda row: row.hostname,
    "STATE": lambda row: word(TaskState.DESCRIPTOR, row.task.status.state),
    "READY": lambda row: _ready(row.task),
    "RESTARTS": lambda row: str(restarts_of(row.task.status.containers) or ""),
    "SINCE": lambda row: when.age(row.task.status.since_ms or row.task.updated_at_ms),
    "IMAGE": lambda row: ", ".join(one.image for one in row.task.spec.containers),
    "WHY": lambda row: _why(row.task),
}


def show_tasks(client: SyncClient, tasks: Iterable[Task], output: Format) -> None:
    """Print tasks grouped by slot, the newest first, its predecessors indented under it."""
    hostnames = {node.id: node.description.hostname for node in client.nodes().nodes}
    rows = [
        _Row(task, ("  \\_ " if older else "") + name, hostnames.get(task.node_id, task.node_id))
        for name, slot in _slots(tasks, hostnames)
        for older, task in enumerate(slot)
    ]
    render.show(rows, _COLUMNS, output, lambda row: plain(row.task))


def _slots(tasks: Iterable[Task], hostnames: Mapping[str, str]) -> Iterable[tuple[str, list[Task]]]:
    name = _namer(hostnames)
    ordered = sorted(
        tasks, key=lambda task: (task.service_name, task.slot, name(task), *_newest_first(task))
    )
    return [(key, list(slot)) for key, slot in groupby(ordered, key=name)]


def _namer(hostnames: Mapping[str, str]) -> Callable[[Task], str]:
    def name(task: Task) -> str:
        if task.name or task.slot:
            return task.name or f"{task.service_name}.{task.slot}"
        return f"{task.service_name}@{hostnames.get(task.node_id, task.node_id)}"

    return name


def _newest_first(task: Task) -> tuple[bool, int, str]:
    return (not is_live(task), -task.created_at_ms, task.id)


def _ready(task: Task) -> str:
    """Return "1/2" for a pod: how many of its containers are ready."""
    mains = [one for one in task.status.containers if not one.init]
    return f"{sum(one.ready for one in mains)}/{len(mains)}" if mains else ""


def _why(task: Task) -> str:
    if is_ready(task):
        return ""
    if has_failed(task):
        return why_ended(task)
    return task.pending_reason or task.status.error or task.status.message
