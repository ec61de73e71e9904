"""`swarmpy node`: the machines of the swarm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from swarmpy import SyncClient
from swarmpy.cli import render, when
from swarmpy.cli.arguments import duration_s, pairs, taint
from swarmpy.cli.here import node_id_here
from swarmpy.cli.local_data import ask_about_local_data
from swarmpy.cli.noun import noun
from swarmpy.cli.options import Format, FormatOption, QuietOption
from swarmpy.cli.plain import plain, word
from swarmpy.pb.control_pb2 import NodeGossip
from swarmpy.pb.gossip_pb2 import GossipState
from swarmpy.pb.objects_pb2 import Node
from swarmpy.pb.types_pb2 import (
    AVAILABILITY_ACTIVE,
    AVAILABILITY_DRAIN,
    AVAILABILITY_PAUSE,
    AVAILABILITY_UNSPECIFIED,
    NODE_ROLE_MANAGER,
    NODE_ROLE_WORKER,
    Availability,
    NodeRole,
    NodeState,
)

app = noun("Machines of the swarm. NODE is an id, a unique prefix of one, or a hostname.")

NodeArgument = Annotated[str, typer.Argument(metavar="NODE")]
NodesArgument = Annotated[list[str], typer.Argument(metavar="NODE...")]
AVAILABILITIES = {
    "active": AVAILABILITY_ACTIVE,
    "pause": AVAILABILITY_PAUSE,
    "drain": AVAILABILITY_DRAIN,
}


@dataclass(frozen=True, slots=True)
class _Row:
    node: Node
    leads: bool
    reachable: bool
    is_here: bool
    gossip: NodeGossip | None

    @property
    def heard(self) -> str:
        """What gossip says of it, and since when: "alive 12m"."""
        if self.gossip is None:
            return ""
        state = word(GossipState.DESCRIPTOR, self.gossip.state)
        return f"{state} {when.span(self.gossip.age_s)}"

    @property
    def availability(self) -> str:
        if self.node.in_maintenance:
            return "maintenance"
        return word(Availability.DESCRIPTOR, self.node.spec.availability)

    @property
    def role(self) -> str:
        role = word(NodeRole.DESCRIPTOR, self.node.role)
        if self.leads:
            return f"{role} (leader)"
        if self.node.HasField("manager") and not self.reachable:
            return f"{role} (unreachable)"
        return role


_COLUMNS: render.Columns[_Row] = {
    "ID": lambda row: row.node.id + (" *" if row.is_here else ""),
    "HOSTNAME": lambda row: row.node.description.hostname,
    "STATE": lambda row: word(NodeState.DESCRIPTOR, row.node.status.state),
    "GOSSIP": lambda row: row.heard,
    "AVAILABILITY": lambda row: row.availability,
    "ROLE": lambda row: row.role,
    "ADDRESS": lambda row: row.node.status.address,
    "ENGINE": lambda row: row.node.description.engine,
    "AGE": lambda row: when.age(row.node.created_at_ms),
}


@app.command("ls")
def ls(output: FormatOption = Format.TABLE, quiet: QuietOption = False) -> None:
    """List the nodes; the one that answers is marked with *."""
    with SyncClient.connect() as client:
        answer = client.nodes()
    if quiet:
        render.show_ids(node.id for node in answer.nodes)
    else:
        here = node_id_here()
        gossip = {one.node_id: one for one in answer.gossip}
        rows = [
            _Row(
                node,
                leads=node.id == answer.leader_id,
                reachable=node.id in answer.manager_ids_reachable,
                is_here=node.id == here,
                gossip=gossip.get(node.id),
            )
            for node in sorted(
                answer.nodes, key=lambda node: (-node.role, node.description.hostname)
            )
        ]
        render.show(
            rows,
            _COLUMNS,
            output,
            lambda row: {
                **plain(row.node),
                "leader": row.leads,
                "self": row.is_here,
                "gossip": _gossip(row.gossip),
            },
        )


@app.command("inspect")
def inspect(node: NodeArgument, output: FormatOption = Format.YAML) -> None:
    """Print one node, whole, with what gossip says of it."""
    with SyncClient.connect() as client:
        found, answer = client.node(node), client.nodes()
    gossip = next((one for one in answer.gossip if one.node_id == found.id), None)
    shown = {**plain(found), "gossip": _gossip(gossip)}
    render.dump(shown, Format.YAML if output is Format.TABLE else output)


def _gossip(said: NodeGossip | None) -> dict[str, object] | None:
    """Show the hash as nodes compare it: people look whether two are the same."""
    if said is None:
        return None
    return {**plain(said), "table_hash": f"{said.table_hash:016x}"}


@app.command("update")
def update(
    node: NodeArgument,
    availability: Annotated[
        str, typer.Option(metavar="active|pause|drain", help="Whether it takes and keeps tasks.")
    ] = "",
    label: Annotated[
        list[str] | None,
        typer.Option("--label", "-l", metavar="KEY=VALUE", show_default=False),
    ] = None,
    label_rm: Annotated[list[str] | None, typer.Option(metavar="KEY", show_default=False)] = None,
    taint_add: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY[=VALUE]:EFFECT",
            help="Keep tasks off that do not tolerate it: no-schedule, prefer-no-schedule or "
            "no-execute, which also sends away those that are there.",
            show_default=False,
        ),
    ] = None,
    taint_rm: Annotated[list[str] | None, typer.Option(metavar="KEY", show_default=False)] = None,
) -> None:
    """Change a node's availability, labels or taints."""
    if availability and availability not in AVAILABILITIES:
        raise typer.BadParameter(f"{availability!r} is none of {', '.join(AVAILABILITIES)}")
    if not (availability or label or label_rm or taint_add or taint_rm):
        raise typer.BadParameter(
            "nothing to change: give --availability, --label, --label-rm, --taint-add or --taint-rm"
        )
    taints = [taint(one) for one in taint_add or []]
    with SyncClient.connect() as client:
        if availability == "drain":
            ask_about_local_data(client, [node])
        if availability or label or label_rm:
            client.update_node(
                node,
                availability=AVAILABILITIES.get(availability, AVAILABILITY_UNSPECIFIED),
                labels_add=pairs(label or []),
                labels_remove=label_rm or [],
            )
        if taints or taint_rm:
            client.taint_node(node, add=taints, remove=taint_rm or [])
    render.say(f"{node} updated")


@app.command("promote")
def promote(nodes: NodesArgument) -> None:
    """Make workers managers."""
    _set_role(nodes, NODE_ROLE_MANAGER)


@app.command("demote")
def demote(nodes: NodesArgument) -> None:
    """Make managers workers."""
    _set_role(nodes, NODE_ROLE_WORKER)


@app.command("drain")
def drain(
    nodes: NodesArgument,
    force: Annotated[
        bool, typer.Option("--force", "-f", help="Drain also a node with data that cannot move.")
    ] = False,
) -> None:
    """Move every task away from nodes and give them no new ones."""
    with SyncClient.connect() as client:
        ask_about_local_data(client, nodes, force=force)
        for node in nodes:
            client.update_node(node, availability=AVAILABILITY_DRAIN)
            render.say(f"{node} drains; swarmpy node update {node} --availability active ends it")


@app.command("maintenance")
def maintenance(
    node: NodeArgument,
    begin: Annotated[
        str, typer.Option("--from", metavar="TIME", help="2026-12-01T22:00Z; left out: now.")
    ] = "",
    lasts: Annotated[str, typer.Option("--for", metavar="DURATION", help="How long.")] = "",
    clear: Annotated[bool, typer.Option("--clear", help="End it, or call it off.")] = False,
) -> None:
    """Drain a node for some time: from then until it is over it takes no tasks."""
    if clear == bool(lasts) or (clear and begin):
        raise typer.BadParameter("give --for, with or without --from; or --clear alone")
    with SyncClient.connect() as client:
        if clear:
            client.maintain_node(node, 0, 0)
            render.say(f"{node} has no maintenance window")
            return
        starts_ms = when.parse(begin) if begin else when.now_ms()
        ends_ms = starts_ms + round(duration_s(lasts) * 1000)
        client.maintain_node(node, starts_ms, ends_ms)
        render.say(f"{node} is drained from {when.moment(starts_ms)} to {when.moment(ends_ms)}")


@app.command("rm")
def rm(
    nodes: NodesArgument,
    force: Annotated[
        bool, typer.Option("--force", "-f", help="Also one that is not down.")
    ] = False,
) -> None:
    """Forget nodes that are down."""
    with SyncClient.connect() as client:
        for node in nodes:
            client.remove_node(node, force=force)
            render.say(node)


def _set_role(nodes: list[str], role: NodeRole.ValueType) -> None:
    with SyncClient.connect() as client:
        for node in nodes:
            client.update_node(node, role=role)
            render.say(f"{node} becomes a {word(NodeRole.DESCRIPTOR, role)}")
