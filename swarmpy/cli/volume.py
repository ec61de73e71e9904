"""`swarmpy volume`: data that outlives the tasks that use it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

import typer

from swarmpy import SyncClient
from swarmpy.cli import render, when
from swarmpy.cli.arguments import pairs
from swarmpy.cli.flags import with_flags
from swarmpy.cli.noun import noun
from swarmpy.cli.options import Format, FormatOption, QuietOption
from swarmpy.cli.plain import plain, word
from swarmpy.cli.service_spec import one_of
from swarmpy.pb.control_pb2 import VolumeSummary
from swarmpy.pb.specs_pb2 import (
    VOLUME_RETENTION_DELETE,
    VOLUME_RETENTION_RETAIN,
    VOLUME_SCOPE_NODE,
    VOLUME_SCOPE_PINNED,
    VOLUME_SCOPE_SLOT,
    VolumeScope,
    VolumeSpec,
)

app = noun("Volumes. VOLUME is an id, a unique prefix of one, or a name.")

SCOPES = {
    "node": VOLUME_SCOPE_NODE,
    "pinned": VOLUME_SCOPE_PINNED,
    "slot": VOLUME_SCOPE_SLOT,
}
RETENTIONS = {"retain": VOLUME_RETENTION_RETAIN, "delete": VOLUME_RETENTION_DELETE}


@dataclass(frozen=True, slots=True)
class _Row:
    summary: VolumeSummary
    hostnames: Mapping[str, str]

    @property
    def nodes(self) -> str:
        ids = self.summary.volume.node_ids
        return ", ".join(self.hostnames.get(node_id, node_id) for node_id in ids)

    @property
    def used_by(self) -> str:
        if self.summary.volume.removing:
            return "(is being removed)"
        return ", ".join(self.summary.tasks or self.summary.users)


_COLUMNS: render.Columns[_Row] = {
    "ID": lambda row: row.summary.volume.id,
    "NAME": lambda row: row.summary.volume.spec.name,
    "SCOPE": lambda row: word(VolumeScope.DESCRIPTOR, row.summary.volume.spec.scope),
    "DRIVER": lambda row: row.summary.volume.spec.driver or "local",
    "NODE": lambda row: row.nodes,
    "USED BY": lambda row: row.used_by,
    "AGE": lambda row: when.age(row.summary.volume.created_at_ms),
}


@dataclass(frozen=True, slots=True)
class VolumeFlags:
    """How a volume is made, and what becomes of it."""

    scope: Annotated[
        str,
        typer.Option(
            metavar="node|pinned|slot",
            help="One on each node that needs it; one in the swarm; or one for each task of a "
            "stateful service.",
        ),
    ] = "node"
    driver: Annotated[str, typer.Option(help="Of the engine.")] = "local"
    opt: Annotated[
        list[str],
        typer.Option("--opt", "-o", metavar="KEY=VALUE", help="The driver's. May be given often."),
    ] = field(default_factory=list)
    label: Annotated[list[str], typer.Option("--label", "-l", metavar="KEY=VALUE")] = field(
        default_factory=list
    )
    when_deleted: Annotated[
        str, typer.Option(metavar="retain|delete", help="Of scope slot: with its service.")
    ] = "retain"
    when_scaled: Annotated[
        str, typer.Option(metavar="retain|delete", help="Of scope slot: when scaled away.")
    ] = "retain"


@app.command("create")
@with_flags
def create(name: Annotated[str, typer.Argument(metavar="NAME")], flags: VolumeFlags) -> None:
    """Declare a volume. It is made where, and when, the first task needs it."""
    spec = VolumeSpec(
        name=name,
        driver="" if flags.driver == "local" else flags.driver,
        options=pairs(flags.opt),
        labels=pairs(flags.label),
        scope=one_of(SCOPES, flags.scope, "--scope"),
        when_deleted=one_of(RETENTIONS, flags.when_deleted, "--when-deleted"),
        when_scaled=one_of(RETENTIONS, flags.when_scaled, "--when-scaled"),
    )
    with SyncClient.connect() as client:
        render.say(client.create_volume(spec).id)


@app.command("ls")
def ls(
    node: Annotated[str, typer.Option(help="Only those on this node.", show_default=False)] = "",
    stack: Annotated[str, typer.Option(help="Only this stack's.", show_default=False)] = "",
    output: FormatOption = Format.TABLE,
    quiet: QuietOption = False,
) -> None:
    """List the volumes, where they are and who uses them."""
    with SyncClient.connect() as client:
        volumes = client.volumes(node=node, stack=stack)
        hostnames = {one.id: one.description.hostname for one in client.nodes().nodes}
    if quiet:
        render.show_ids(one.volume.id for one in volumes)
        return
    rows = [_Row(one, hostnames) for one in sorted(volumes, key=lambda one: one.volume.spec.name)]
    render.show(rows, _COLUMNS, output, lambda row: plain(row.summary))


@app.command("inspect")
def inspect(
    volume: Annotated[str, typer.Argument(metavar="VOLUME")], output: FormatOption = Format.YAML
) -> None:
    """Print one volume, whole."""
    with SyncClient.connect() as client:
        render.inspect(client.volume(volume), output)


@app.command("rm")
def rm(
    volumes: Annotated[list[str], typer.Argument(metavar="VOLUME...")],
    force: Annotated[
        bool,
        typer.Option("--force", "-f", help="Also those that are used: their tasks begin anew."),
    ] = False,
) -> None:
    """Remove volumes and the data in them."""
    with SyncClient.connect() as client:
        for volume in volumes:
            client.remove_volume(volume, force=force)
            render.say(volume)
