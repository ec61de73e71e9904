"""The `swarmpy` program: finds the command, and turns every error into one clear message.

The commands of a noun are imported when somebody asks for that noun, so `swarmpy --help` and a
mistyped command cost no more than reading this file.
"""

from __future__ import annotations

import importlib
import os
from typing import Any

import typer
import typer.main
from typer.core import TyperGroup

from swarmpy.errors import SwarmPyError

COMMANDS = {
    "init": "Start a swarm on this machine.",
    "join": "Add this machine to a swarm.",
    "leave": "Take this machine out of its swarm.",
    "unlock": "Open this machine's locked node.",
    "unlock-key": "Show the key that opens locked managers, or make a new one.",
    "backup": "Write the whole swarm to an encrypted file.",
    "restore": "Make a swarm again out of a backup.",
    "cluster": "The swarm itself: inspect, autolock, gossip's pace.",
    "dev": "Run a whole swarm on this machine, to try things.",
    "token": "The right to join: create, list, revoke.",
    "node": "Machines: list, inspect, label, drain, promote.",
    "stack": "Stacks: deploy a manifest, list, remove.",
    "service": "Services: create, scale, update, roll back, logs.",
    "cronjob": "Cron jobs: create, list, run now, suspend, resume.",
    "task": "Tasks: inspect, logs, run a command inside.",
    "config": "Configs: files that services may read.",
    "secret": "Secrets: files that only their services may read.",
    "registry": "Registries: how nodes log in to them.",
    "network": "Networks that services attach to.",
    "volume": "Volumes: data that outlives tasks; where it is.",
    "net": "Links between nodes: probe every pair.",
    "rebalance": "Move tasks to where they had better run.",
    "why": "Say why a service or task is where it is, or nowhere.",
    "events": "Show what happened.",
    "doctor": "Check this machine, and say how to mend it.",
    "version": "Print the version.",
}
"""Name -> what it is for. Its module is swarmpy/cli/<name>.py, "-" as "_", with a typer app in
`app`."""


class Nouns(TyperGroup):
    """The top of the command tree. Knows all names, and imports a module for one."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"swarmpy.cli.{cmd_name.replace('-', '_')}")
        command = typer.main.get_command(module.app)
        command.name = cmd_name
        return command

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: Any) -> Any:
        """Run the command; an error becomes a message and its exit code, never a traceback."""
        try:
            return super().invoke(ctx)
        except SwarmPyError as error:
            if os.environ.get("SWARMPY_DEBUG"):
                raise
            render = importlib.import_module("swarmpy.cli.render")
            render.fail(error.message, error.remedy)
            raise typer.Exit(error.exit_code) from error
        except KeyboardInterrupt:
            raise typer.Exit(130) from None


app = typer.Typer(
    name="swarmpy",
    cls=Nouns,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def top() -> None:
    """Run containers on many hosts as if they were one.

    SWARMPY_HOST names the swarm (unix:///path or host:port), SWARMPY_IDENTITY the directory
    with a certificate for it. Exit codes: 0 done, 1 error, 2 usage, 3 cannot be placed,
    4 unhealthy or rolled back, 5 timeout, 6 conflict.
    """


def main() -> None:
    """Run the program."""
    app()
