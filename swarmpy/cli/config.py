"""`swarmpy config`: files that services refer to by name."""

from __future__ import annotations

from typing import Annotated

import typer

from swarmpy import SyncClient
from swarmpy.cli import render, when
from swarmpy.cli.arguments import pairs
from swarmpy.cli.given_file import read_given
from swarmpy.cli.noun import noun
from swarmpy.cli.options import Format, FormatOption, QuietOption
from swarmpy.cli.plain import plain
from swarmpy.pb.objects_pb2 import Config

app = noun("Configs. CONFIG is an id, a unique prefix of one, or a name.")

_COLUMNS: render.Columns[Config] = {
    "ID": lambda row: row.id,
    "NAME": lambda row: row.spec.name,
    "SIZE": lambda row: f"{len(row.spec.data)} B",
    "AGE": lambda row: when.age(row.created_at_ms),
}


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    file: Annotated[str, typer.Argument(metavar="FILE", help="- is stdin.")],
    label: Annotated[
        list[str] | None, typer.Option("--label", "-l", metavar="KEY=VALUE", show_default=False)
    ] = None,
) -> None:
    """Store a file under a name."""
    data = read_given(file)
    with SyncClient.connect() as client:
        render.say(client.create_config(name, data, labels=pairs(label or [])).id)


@app.command("ls")
def ls(output: FormatOption = Format.TABLE, quiet: QuietOption = False) -> None:
    """List the configs."""
    with SyncClient.connect() as client:
        configs = client.configs()
    if quiet:
        render.show_ids(row.id for row in configs)
    else:
        render.show(configs, _COLUMNS, output, plain)


@app.command("rm")
def rm(configs: Annotated[list[str], typer.Argument(metavar="CONFIG...")]) -> None:
    """Forget configs that no service refers to."""
    with SyncClient.connect() as client:
        for config in configs:
            client.remove_config(config)
            render.say(config)
