"""Writes docs/cli.md: `python -m swarmpy.cli.reference > docs/cli.md`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer.main

from swarmpy.cli.main import app

WIDTH = 92
INTRODUCTION = """\
# The command line

Made by `python -m swarmpy.cli.reference`; a test keeps it true.

| exit code | means |
|---|---|
| 0 | done |
| 1 | an error, with a hint what to do |
| 2 | a mistake in the command or in a manifest; nothing was changed |
| 3 | no node takes a task; `swarmpy why` says why |
| 4 | tasks do not stay up, or an update was rolled back |
| 5 | the timeout passed; what was asked for goes on |
| 6 | something that is there stands in the way |

`SWARMPY_HOST` names the swarm: `unix:///path` (default: this machine's daemon) or
`host:port[,host:port...]`. `SWARMPY_IDENTITY` names a directory with a certificate, which managers
elsewhere want. `NO_COLOR` turns colours off. `SWARMPY_DEBUG=1` shows where an error comes from.
"""


def reference() -> str:
    """Return the whole document."""
    root = typer.main.get_command(app)
    sections = [text for command in _commands(root, None, "swarmpy") for text in command]
    return "\n".join([INTRODUCTION, *sections]).rstrip() + "\n"


def _commands(command: Any, parent: Any, name: str) -> Iterator[tuple[str, str]]:
    """Yield heading and help of a command and of all below it."""
    context = command.context_class(
        command, info_name=name, parent=parent, terminal_width=WIDTH, max_content_width=WIDTH
    )
    if parent is not None:
        depth = "#" * context.command_path.count(" ")
        yield f"#{depth} {context.command_path}\n", f"```\n{command.get_help(context)}\n```\n"
    for below in command.list_commands(context) if hasattr(command, "list_commands") else ():
        yield from _commands(command.get_command(context, below), context, below)


if __name__ == "__main__":
    print(reference(), end="")
