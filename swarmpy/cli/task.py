"""`swarmpy task`: one running thing, and a way into it."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from swarmpy import SyncClient
from swarmpy.cli import render
from swarmpy.cli.flags import with_flags
from swarmpy.cli.log_lines import LogFlags, print_logs
from swarmpy.cli.noun import noun
from swarmpy.cli.options import Format, FormatOption, QuietOption
from swarmpy.cli.task_table import show_tasks
from swarmpy.cli.typed_input import raw_terminal, typed
from swarmpy.errors import TaskRefused

app = noun("Tasks. TASK is an id, a unique prefix of one, or SERVICE.SLOT.")

TaskArgument = Annotated[str, typer.Argument(metavar="TASK")]


@app.command("ls")
def ls(
    node: Annotated[str, typer.Option(help="Only on this node.", show_default=False)] = "",
    every: Annotated[bool, typer.Option("--all", "-a", help="Ended tasks too.")] = False,
    output: FormatOption = Format.TABLE,
    quiet: QuietOption = False,
) -> None:
    """List the tasks of all services."""
    with SyncClient.connect() as client:
        tasks = client.tasks(node=node, ended=every)
        if quiet:
            render.show_ids(task.id for task in tasks)
        else:
            show_tasks(client, tasks, output)


@app.command("inspect")
def inspect(task: TaskArgument, output: FormatOption = Format.YAML) -> None:
    """Print one task, whole."""
    with SyncClient.connect() as client:
        render.inspect(client.task(task), output)


@app.command("logs")
@with_flags
def logs(task: TaskArgument, flags: LogFlags) -> None:
    """Print what one task said."""
    with SyncClient.connect() as client:
        print_logs(client, task, [client.task(task)], flags)


@app.command(
    "exec", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False}
)
def exec_(
    task: TaskArgument,
    argv: Annotated[list[str], typer.Argument(metavar="COMMAND...")],
    interactive: Annotated[
        bool, typer.Option("--interactive", "-i", help="Send it this program's stdin.")
    ] = False,
    container: Annotated[
        str, typer.Option("--container", "-c", help="In this container of a pod, not the first.")
    ] = "",
    tty: Annotated[bool, typer.Option("--tty", "-t", help="Give it a terminal.")] = False,
) -> None:
    """Run a command inside a task, on whatever node it is; exit with its exit code."""
    with SyncClient.connect() as client, raw_terminal(tty and interactive):
        stdin = typed() if interactive else None
        for output in client.exec(task, argv, stdin=stdin, tty=tty, container=container):
            for data, stream in ((output.stdout, sys.stdout), (output.stderr, sys.stderr)):
                if data:
                    stream.buffer.write(data)
                    stream.flush()
            if output.error:
                raise TaskRefused(f"{task}: {output.error}", remedy="see that the command exists")
            if output.exited:
                raise typer.Exit(output.exit_code)
