"""`swarmpy registry`: how nodes log in to the registries that images come from."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from swarmpy import SyncClient
from swarmpy.cli import render, when
from swarmpy.cli.noun import noun
from swarmpy.cli.options import Format, FormatOption, QuietOption
from swarmpy.cli.plain import plain
from swarmpy.pb.objects_pb2 import RegistryCredential

app = noun("Registries. Passwords reach only nodes with a task whose image is there.")

_COLUMNS: render.Columns[RegistryCredential] = {
    "REGISTRY": lambda row: row.registry,
    "USER": lambda row: row.username,
    "AGE": lambda row: when.age(row.updated_at_ms),
}

RegistryArgument = Annotated[str, typer.Argument(metavar="REGISTRY", help="HOST or HOST:PORT.")]


@app.command("login")
def login(
    registry: RegistryArgument,
    username: Annotated[str, typer.Option("--username", "-u")],
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read it from stdin; else it is asked for.")
    ] = False,
) -> None:
    """Let every node that pulls from a registry log in there so."""
    if password_stdin:
        password = sys.stdin.read().rstrip("\r\n")
    else:
        password = typer.prompt("Password", hide_input=True, err=True)
    with SyncClient.connect() as client:
        row = client.login_registry(registry, username, password)
    render.say(f"{row.registry} as {row.username}")


@app.command("ls")
def ls(output: FormatOption = Format.TABLE, quiet: QuietOption = False) -> None:
    """List the registries that nodes know how to log in to; passwords never come back."""
    with SyncClient.connect() as client:
        registries = client.registries()
    if quiet:
        render.show_ids(row.registry for row in registries)
    else:
        render.show(registries, _COLUMNS, output, plain)


@app.command("rm")
def rm(registries: Annotated[list[str], typer.Argument(metavar="REGISTRY...")]) -> None:
    """Forget how to log in to registries."""
    with SyncClient.connect() as client:
        for registry in registries:
            client.logout_registry(registry)
            render.say(registry)
