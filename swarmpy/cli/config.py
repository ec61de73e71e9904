"""`swarmpy config`: files, and keys of files, that services refer to by name."""

from __future__ import annotations

from typing import Annotated

import typer

from swarmpy import SyncClient
from swarmpy.cli import render, when
from swarmpy.cli.file_commands import PARTS, add_making
from swarmpy.cli.noun import noun
from swarmpy.cli.options import Format, FormatOption, QuietOption
from swarmpy.cli.plain import plain
from swarmpy.core.file_versions import family_of, number_of, sizes
from swarmpy.pb.objects_pb2 import Config

app = noun("Configs. CONFIG is an id, a unique prefix of one, or a name.")

_COLUMNS: render.Columns[Config] = {
    "ID": lambda row: row.id,
    "NAME": family_of,
    "VERSION": lambda row: str(number_of(row)),
    "KEYS": lambda row: str(len(row.spec.entries) or ""),
    "SIZE": lambda row: f"{sum(sizes(row.spec).values())} B",
    "AGE": lambda row: when.age(row.created_at_ms),
}

add_making(app, SyncClient.create_config, SyncClient.update_config)


@app.command("inspect")
def inspect(
    config: Annotated[str, typer.Argument(metavar="CONFIG")],
    output: FormatOption = Format.TABLE,
) -> None:
    """Show the keys of its newest version, and how long each is; all of it with --format."""
    with SyncClient.connect() as client:
        row = client.config(config)
    if output is Format.TABLE:
        render.show(list(sizes(row.spec).items()), PARTS, output, list)
    else:
        render.show([row], _COLUMNS, output, plain)


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
    """Forget configs, all versions of them, that no service refers to."""
    with SyncClient.connect() as client:
        for config in configs:
            client.remove_config(config)
            render.say(config)
