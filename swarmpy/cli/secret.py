"""`swarmpy secret`: files, and keys of files, that services refer to by name."""

from __future__ import annotations

from typing import Annotated

import typer

from swarmpy import SyncClient
from swarmpy.cli import render, when
from swarmpy.cli.file_commands import PARTS, add_making
from swarmpy.cli.noun import noun
from swarmpy.cli.options import Format, FormatOption, QuietOption
from swarmpy.cli.plain import plain
from swarmpy.core.file_versions import family_of, number_of
from swarmpy.pb.objects_pb2 import Secret

app = noun("Secrets: nobody but the tasks that name them ever reads them again.")

_COLUMNS: render.Columns[Secret] = {
    "ID": lambda row: row.id,
    "NAME": family_of,
    "VERSION": lambda row: str(number_of(row)),
    "KEYS": lambda row: str(len([key for key in row.sizes if key]) or ""),
    "SIZE": lambda row: f"{sum(row.sizes.values())} B",
    "AGE": lambda row: when.age(row.created_at_ms),
}

add_making(app, SyncClient.create_secret, SyncClient.update_secret)


@app.command("inspect")
def inspect(
    secret: Annotated[str, typer.Argument(metavar="SECRET")],
    output: FormatOption = Format.TABLE,
) -> None:
    """Show the keys of its newest version, and how long each is; never what it is."""
    with SyncClient.connect() as client:
        row = client.secret(secret)
    if output is Format.TABLE:
        render.show(list(dict(row.sizes).items()), PARTS, output, list)
    else:
        render.show([row], _COLUMNS, output, plain)


@app.command("ls")
def ls(output: FormatOption = Format.TABLE, quiet: QuietOption = False) -> None:
    """List the secrets; their content never comes back."""
    with SyncClient.connect() as client:
        secrets = client.secrets()
    if quiet:
        render.show_ids(row.id for row in secrets)
    else:
        render.show(secrets, _COLUMNS, output, plain)


@app.command("rm")
def rm(secrets: Annotated[list[str], typer.Argument(metavar="SECRET...")]) -> None:
    """Forget secrets, all versions of them, that no service refers to."""
    with SyncClient.connect() as client:
        for secret in secrets:
            client.remove_secret(secret)
            render.say(secret)
