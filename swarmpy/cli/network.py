"""`swarmpy network`: networks that services attach to."""

from __future__ import annotations

from typing import Annotated

import typer

from swarmpy import SyncClient
from swarmpy.cli import render, when
from swarmpy.cli.arguments import pairs
from swarmpy.cli.noun import noun
from swarmpy.cli.options import Format, FormatOption, QuietOption
from swarmpy.cli.plain import plain
from swarmpy.pb.objects_pb2 import Network
from swarmpy.pb.specs_pb2 import NetworkSpec

app = noun("Networks. NETWORK is an id, a unique prefix of one, or a name.")

_COLUMNS: render.Columns[Network] = {
    "ID": lambda row: row.id,
    "NAME": lambda row: row.spec.name,
    "DRIVER": lambda row: row.spec.driver or "bridge",
    "SUBNET": lambda row: row.subnet,
    "AGE": lambda row: when.age(row.created_at_ms),
}


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    driver: Annotated[str, typer.Option(metavar="bridge|host")] = "bridge",
    subnet: Annotated[str, typer.Option(metavar="CIDR", help="Default: one is chosen.")] = "",
    internal: Annotated[bool, typer.Option("--internal", help="No way out.")] = False,
    label: Annotated[
        list[str] | None, typer.Option("--label", "-l", metavar="KEY=VALUE", show_default=False)
    ] = None,
) -> None:
    """Make a network."""
    spec = NetworkSpec(
        name=name, driver=driver, subnet=subnet, internal=internal, labels=pairs(label or [])
    )
    with SyncClient.connect() as client:
        render.say(client.create_network(spec).id)


@app.command("ls")
def ls(output: FormatOption = Format.TABLE, quiet: QuietOption = False) -> None:
    """List the networks."""
    with SyncClient.connect() as client:
        networks = client.networks()
    if quiet:
        render.show_ids(row.id for row in networks)
    else:
        render.show(networks, _COLUMNS, output, plain)


@app.command("rm")
def rm(networks: Annotated[list[str], typer.Argument(metavar="NETWORK...")]) -> None:
    """Forget networks that no service is attached to."""
    with SyncClient.connect() as client:
        for network in networks:
            client.remove_network(network)
            render.say(network)
