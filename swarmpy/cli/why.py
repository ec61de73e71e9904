"""`swarmpy why`: every filter on every node, and the nearest miss."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import typer

from swarmpy import SyncClient
from swarmpy.cli import render
from swarmpy.cli.noun import verb
from swarmpy.cli.options import Format, FormatOption
from swarmpy.core.tell import task_name
from swarmpy.pb.control_pb2 import Explanation, NodeVerdict, TaskExplanation

app = verb()


@app.command()
def why(
    ref: Annotated[str, typer.Argument(metavar="SERVICE|TASK")],
    output: FormatOption = Format.TABLE,
) -> None:
    """Say why a service's tasks, or one task, are where they are, or nowhere."""
    with SyncClient.connect() as client:
        explanation = client.explain(ref)
    if output is Format.TABLE:
        _print(explanation)
    else:
        render.inspect(explanation, output)


def _print(explanation: Explanation) -> None:
    render.say(explanation.summary)
    for alike in _grouped(explanation.tasks):
        first = alike[0]
        others = f" (and {len(alike) - 1} more alike)" if len(alike) > 1 else ""
        render.say(f"\n{task_name(first.task)}{others}: {first.summary}")
        for node in first.nodes:
            _print_node(node)
        if first.nearest_miss:
            render.say(f"  nearest: {first.nearest_miss}")


def _grouped(tasks: Iterable[TaskExplanation]) -> list[list[TaskExplanation]]:
    """Put tasks together that every node judges alike: replicas of one service do."""
    groups: dict[bytes, list[TaskExplanation]] = {}
    for task in tasks:
        judged = TaskExplanation(nodes=task.nodes, nearest_miss=task.nearest_miss)
        key = judged.SerializeToString(deterministic=True) if task.nodes else task.task.id.encode()
        groups.setdefault(key, []).append(task)
    return list(groups.values())


def _print_node(node: NodeVerdict) -> None:
    render.say(f"  {'✔' if node.eligible else '✘'} {node.hostname or node.node_id}")
    width = max((len(verdict.filter) for verdict in node.filters), default=0)
    for verdict in node.filters:
        mark = "✔" if verdict.passed else "✘"
        render.say(f"      {mark} {verdict.filter:{width}}  {verdict.reason}")
