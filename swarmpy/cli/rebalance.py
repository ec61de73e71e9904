"""`swarmpy rebalance`: tasks move to where they had better run."""

from __future__ import annotations

from typing import Annotated

import typer

from swarmpy import SyncClient
from swarmpy.cli import render
from swarmpy.cli.noun import verb
from swarmpy.cli.options import Format, FormatOption
from swarmpy.cli.plain import plain
from swarmpy.core.tell import node_name, task_name
from swarmpy.pb.control_pb2 import TaskMove
from swarmpy.pb.objects_pb2 import Node

app = verb()


@app.command()
def rebalance(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would move.")] = False,
    most: Annotated[int, typer.Option(min=1, help="Moves at most.")] = 100,
    output: FormatOption = Format.TABLE,
) -> None:
    """Move tasks where that spreads their services better, as fast as budgets allow.

    Nodes that came after their tasks were placed are empty until something moves there.
    """
    with SyncClient.connect() as client:
        moves = client.rebalance(dry_run=dry_run, most=most)
        nodes = {node.id: node for node in client.nodes().nodes}
    if output is Format.TABLE and not moves:
        render.say("nothing would be spread better elsewhere")
        return
    render.show(moves, _columns(nodes), output, plain)
    if output is Format.TABLE and not dry_run:
        render.say("they move as fast as their services allow; swarmpy events tells of each")


def _columns(nodes: dict[str, Node]) -> render.Columns[TaskMove]:
    return {
        "TASK": lambda move: task_name(move.task),
        "FROM": lambda move: node_name(nodes.get(move.task.node_id), move.task.node_id),
        "TO": lambda move: node_name(nodes.get(move.to_node_id), move.to_node_id),
    }
