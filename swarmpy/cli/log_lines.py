"""Prints log lines of many tasks as one story, in the order of time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated

import typer

from swarmpy import SyncClient
from swarmpy.cli import render, when
from swarmpy.cli.arguments import duration_s
from swarmpy.core.tell import task_name
from swarmpy.pb.control_pb2 import LogsResponse
from swarmpy.pb.dispatcher_pb2 import LogLine
from swarmpy.pb.objects_pb2 import Task

SORTED_LINES = 100_000
"""So many lines are held to be sorted; what comes later is sorted among itself."""


@dataclass(frozen=True, slots=True)
class LogFlags:
    """Which lines, and what stands before them."""

    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with new lines.")] = False
    tail: Annotated[int, typer.Option("--tail", "-n", help="Lines from the end; -1: all.")] = -1
    since: Annotated[str, typer.Option(metavar="DURATION", help="Not older than this.")] = ""
    timestamps: Annotated[bool, typer.Option("--timestamps", "-t", help="Show the time.")] = False
    container: Annotated[
        str, typer.Option("--container", "-c", help="Only this container of each task.")
    ] = ""
    raw: Annotated[bool, typer.Option("--raw", help="Print the lines alone.")] = False


def print_logs(client: SyncClient, ref: str, tasks: Iterable[Task], flags: LogFlags) -> None:
    """Print the lines of `ref`, whose tasks are `tasks`; warnings go to stderr."""
    since_ms = when.now_ms() - int(duration_s(flags.since) * 1000) if flags.since else 0
    names = {task.id: task_name(task) for task in tasks}
    hosts = {node.id: node.description.hostname for node in client.nodes().nodes}
    answers = client.logs(
        ref, follow=flags.follow, tail=flags.tail, since_ms=since_ms, container=flags.container
    )
    for line in _in_order(answers, at_once=flags.follow):
        if flags.raw:
            render.say_raw(line.data)
        else:
            moment = when.moment(line.at_ms) + " " if flags.timestamps else ""
            render.say_line(_origin(line, names, hosts), moment, line.data, stderr=line.stderr)


def _origin(line: LogLine, names: Mapping[str, str], hosts: Mapping[str, str]) -> str:
    name = names.get(line.task_id, line.task_id)
    place = name if "@" in name else f"{name}@{hosts.get(line.node_id, line.node_id)}"
    return f"{place} {line.container}" if line.container else place


def _in_order(answers: Iterable[LogsResponse], *, at_once: bool) -> Iterator[LogLine]:
    held: list[LogLine] = []
    for answer in answers:
        for warning in answer.warnings:
            render.warn(warning)
        held.extend(answer.lines)
        if at_once or len(held) >= SORTED_LINES:
            yield from sorted(held, key=lambda line: line.at_ms)
            held.clear()
    yield from sorted(held, key=lambda line: line.at_ms)
