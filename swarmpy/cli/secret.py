"""`swarmpy secret`: files that services refer to by name."""

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
from swarmpy.pb.objects_pb2 import Secret

app = noun("Secrets: nobody but the tasks that name them ever reads them again.")

_COLUMNS: render.Columns[Secret] = {
    "ID": lambda row: row.id,
    "NAME": lambda row: row.spec.name,
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
        render.say(client.create_secret(name, data, labels=pairs(label or [])).id)


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
    """Forget secrets that no service refers to."""
    with SyncClient.connect() as client:
        for secret in secrets:
            client.remove_secret(secret)
            render.say(secret)
