"""`swarmpy config`: files, and keys of files, that services refer to by name."""

from __future__ import annotations

from typing import Annotated

import typer

from swarmpy import SyncClient
from swarmpy.cli import render, when
from swarmpy.cli.arguments import pairs
from swarmpy.cli.file_flags import (
    FileArgument,
    FromEnvFileOption,
    FromFileOption,
    FromLiteralOption,
    LabelOption,
    TemplateOption,
    given_content,
)
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
_PARTS: render.Columns[tuple[str, int]] = {
    "KEY": lambda part: part[0] or "(one file)",
    "SIZE": lambda part: f"{part[1]} B",
}


@app.command("create")
def create(  # noqa: PLR0913, PLR0917  one for each flag
    name: Annotated[str, typer.Argument(metavar="NAME")],
    file: FileArgument = "",
    from_file: FromFileOption = None,
    from_literal: FromLiteralOption = None,
    from_env_file: FromEnvFileOption = None,
    template: TemplateOption = False,
    label: LabelOption = None,
) -> None:
    """Store a file, or keys, under a name."""
    given = given_content(file, from_file, from_literal, from_env_file)
    with SyncClient.connect() as client:
        made = client.create_config(
            name,
            given.data,
            entries=given.entries,
            template=template,
            labels=pairs(label or []),
        )
    render.say(made.id)


@app.command("update")
def update(  # noqa: PLR0913, PLR0917  one for each flag
    name: Annotated[str, typer.Argument(metavar="NAME")],
    file: FileArgument = "",
    from_file: FromFileOption = None,
    from_literal: FromLiteralOption = None,
    from_env_file: FromEnvFileOption = None,
    template: TemplateOption = False,
    label: LabelOption = None,
) -> None:
    """Make the next version; services that follow it roll, or change in place."""
    given = given_content(file, from_file, from_literal, from_env_file)
    with SyncClient.connect() as client:
        made = client.update_config(
            name,
            given.data,
            entries=given.entries,
            template=template,
            labels=pairs(label or []),
        )
    render.say(f"{name} is at version {number_of(made)}")


@app.command("inspect")
def inspect(
    config: Annotated[str, typer.Argument(metavar="CONFIG")],
    output: FormatOption = Format.TABLE,
) -> None:
    """Show the keys of its newest version, and how long each is; all of it with --format."""
    with SyncClient.connect() as client:
        row = client.config(config)
    if output is Format.TABLE:
        render.show(list(sizes(row.spec).items()), _PARTS, output, list)
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
