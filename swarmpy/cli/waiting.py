"""Shows how a service or stack comes to be as asked, and ends with it, or with why not."""

from __future__ import annotations

from collections.abc import Iterator

from swarmpy import SyncClient
from swarmpy.cli import render
from swarmpy.cli.options import WaitFlags
from swarmpy.cli.plain import word
from swarmpy.client.progress import Progress, ServiceProgress
from swarmpy.client.wait import Asked
from swarmpy.core.closed_ports import closed_ports
from swarmpy.pb.objects_pb2 import ROLLOUT_STATE_NONE, RolloutState
from swarmpy.pb.types_pb2 import TaskState

ROWS_SHOWN = 20
"""Tasks on a terminal; those that do not run come first."""


def wait(client: SyncClient, asked: Asked, flags: WaitFlags) -> None:
    """Wait for `asked` unless the flags say not to. Raises what `Client.wait` raises."""
    if flags.detach:
        return
    snapshots = client.wait(asked, timeout_s=flags.timeout)
    last = _redraw(client, snapshots) if render.is_live() else _print_lines(snapshots)
    render.say(f"✔ {_tally(last)}")
    _warn_of_closed_ports(client, last)


def _warn_of_closed_ports(client: SyncClient, progress: Progress) -> None:
    """Say which published ports something else holds: the tasks run all the same."""
    nodes = client.nodes().nodes
    if not any(node.status.closed_ports for node in nodes):
        return
    for service in progress.services:
        for words in closed_ports(client.service(service.service_id), nodes):
            render.warn(f"{words}; stop what holds it there, or publish another port")


def _print_lines(snapshots: Iterator[Progress]) -> Progress:
    """Print a line whenever a service stands differently."""
    said: dict[str, str] = {}
    last = Progress(())
    for last in snapshots:
        for service in last.services:
            line = _line(service)
            if said.get(service.service_id) != line:
                render.say(line)
            said[service.service_id] = line
    return last


def _redraw(client: SyncClient, snapshots: Iterator[Progress]) -> Progress:
    """Keep a row for each task on the terminal until it is done."""
    hostnames = {node.id: node.description.hostname for node in client.nodes().nodes}
    last = Progress(())
    with render.live_table(["TASK", "STATE", "NODE", "WHY"]) as update:
        for last in snapshots:
            rows = [
                (task.name, _state(task.state), hostnames.get(task.node_id, ""), task.reason)
                for service in last.services
                for task in sorted(service.tasks, key=lambda task: task.served)
            ]
            hidden = len(rows) - ROWS_SHOWN
            more = f" · {hidden} more tasks" if hidden > 0 else ""
            update(rows[:ROWS_SHOWN], _tally(last) + more)
    return last


def _line(service: ServiceProgress) -> str:
    line = f"{service.name}: {service.running}/{service.wanted} running"
    if service.rollout != ROLLOUT_STATE_NONE and not service.done:
        line += f", {word(RolloutState.DESCRIPTOR, service.rollout)}"
    missing = [task for task in service.tasks if not task.served and task.reason]
    if service.blocked:
        line += f", {service.blocked}"
    elif missing:
        line += f", {missing[0].name} {_state(missing[0].state)}: {missing[0].reason}"
    return line


def _tally(progress: Progress) -> str:
    number = len(progress.services)
    names = progress.services[0].name if number == 1 else f"{number} services"
    return f"{names}: {progress.running} of {progress.wanted} tasks running"


def _state(state: TaskState.ValueType) -> str:
    return word(TaskState.DESCRIPTOR, state)
