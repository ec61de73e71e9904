"""`swarmpy stack`: a manifest, deployed and removed as a whole."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from swarmpy import SyncClient
from swarmpy.cli import render, when
from swarmpy.cli.flags import with_flags
from swarmpy.cli.noun import noun
from swarmpy.cli.options import Format, FormatOption, QuietOption, WaitFlags
from swarmpy.cli.plain import plain
from swarmpy.cli.service import show_services
from swarmpy.cli.task_table import show_tasks
from swarmpy.cli.waiting import wait
from swarmpy.manifest.load import load_stack
from swarmpy.pb.control_pb2 import StackSummary

app = noun("Stacks. STACK is a name.")

StackArgument = Annotated[str, typer.Argument(metavar="STACK")]


@app.command("deploy")
@with_flags
def deploy(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Default: the manifest's own.")
    ] = None,
    files: Annotated[
        list[Path] | None,
        typer.Option("--compose-file", "-c", metavar="FILE", help="Later ones override."),
    ] = None,
    reason: Annotated[
        str, typer.Option(help="Remembered in the history of each service that changes.")
    ] = "",
    *,
    flags: WaitFlags,
) -> None:
    """Make a stack what its manifest says, all at once, and wait until it runs."""
    loaded = load_stack(files or [], name=name, environment=os.environ)
    for warning in loaded.warnings:
        render.warn(warning)
    with SyncClient.connect() as client:
        answer = client.deploy(loaded.spec, reason=reason)
        for change in answer.changes:
            render.say(f"{change.action:9} {change.kind} {change.name}")
        wait(client, answer, flags)


_COLUMNS: render.Columns[StackSummary] = {
    "NAME": lambda row: row.stack.name,
    "SERVICES": lambda row: str(row.services),
    "RUNNING": lambda row: f"{row.tasks_running}/{row.tasks_wanted}",
    "AGE": lambda row: when.age(row.stack.created_at_ms),
    "STATE": lambda row: "removing" if row.stack.removing else "",
}


@app.command("ls")
def ls(output: FormatOption = Format.TABLE, quiet: QuietOption = False) -> None:
    """List the stacks."""
    with SyncClient.connect() as client:
        stacks = client.stacks()
    if quiet:
        render.show_ids(one.stack.name for one in stacks)
    else:
        render.show(stacks, _COLUMNS, output, plain)


@app.command("ps")
def ps(
    stack: StackArgument,
    every: Annotated[bool, typer.Option("--all", "-a", help="Ended tasks too.")] = False,
    output: FormatOption = Format.TABLE,
    quiet: QuietOption = False,
) -> None:
    """List a stack's tasks by service and slot."""
    with SyncClient.connect() as client:
        tasks = client.tasks(stack=stack, ended=every)
        if quiet:
            render.show_ids(task.id for task in tasks)
        else:
            show_tasks(client, tasks, output)


@app.command("services")
def services(
    stack: StackArgument, output: FormatOption = Format.TABLE, quiet: QuietOption = False
) -> None:
    """List a stack's services."""
    with SyncClient.connect() as client:
        answer = client.services(stack=stack)
    if quiet:
        render.show_ids(service.id for service in answer.services)
    else:
        show_services(answer, output)


@app.command("rm")
def rm(
    stacks: Annotated[list[str], typer.Argument(metavar="STACK...")],
    volumes: Annotated[
        bool, typer.Option("--volumes", help="Lose the data in their volumes, too.")
    ] = False,
) -> None:
    """Stop and forget stacks with all that belongs to them but their data."""
    with SyncClient.connect() as client:
        for stack in stacks:
            client.remove_stack(stack, volumes=volumes)
            render.say(stack)
