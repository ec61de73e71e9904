"""All that SwarmPy prints in colour: tables, live progress, errors. The only importer of rich."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import yaml
from google.protobuf.message import Message
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from swarmpy.cli.options import Format
from swarmpy.cli.plain import plain

R = TypeVar("R")
Columns = Mapping[str, Callable[[R], str]]
"""Header -> what a row shows there."""

PIPE_COLUMNS = 10_000
"""Width of what is not a terminal: nothing is cut, `grep` and `awk` see it whole."""
COLOURS = {
    "running": "green",
    "ready": "green",
    "complete": "green",
    "completed": "green",
    "active": "green",
    "yes": "green",
    "failed": "red",
    "rejected": "red",
    "orphaned": "red",
    "down": "red",
    "no": "red",
    "warning": "yellow",
    "pending": "yellow",
    "drain": "yellow",
    "pause": "yellow",
}
"""Of cells that are exactly this word."""


def console(*, stderr: bool = False) -> Console:
    """Return a console for now's stdout or stderr; NO_COLOR and pipes get no colour."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(
        file=stream,
        width=None if stream.isatty() else PIPE_COLUMNS,
        highlight=False,
        markup=False,
        emoji=False,
        soft_wrap=not stream.isatty(),
    )


def say(text: str) -> None:
    """Print a line for people on stdout."""
    console().print(text)


def warn(text: str) -> None:
    """Print a line for people on stderr."""
    console(stderr=True).print(Text.assemble(("warning: ", "yellow"), text))


def fail(message: str, remedy: str) -> None:
    """Print an error as people need it: what happened, and what to do."""
    to = console(stderr=True)
    for line in message.splitlines() or [""]:
        to.print(Text.assemble(("error: ", "bold red"), line))
    if remedy:
        to.print(Text.assemble(("hint: ", "cyan"), remedy))


def table(rows: Iterable[Sequence[str]], headers: Sequence[str]) -> Table:
    """Return a borderless table that cuts its cells to the width of the terminal."""
    result = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for header in headers:
        result.add_column(header, no_wrap=True, overflow="ellipsis")
    for row in rows:
        result.add_row(*(Text(cell, COLOURS.get(cell, "")) for cell in row))
    return result


def show(
    rows: Iterable[R], columns: Columns[R], output: Format, plainly: Callable[[R], Any]
) -> None:
    """Print a list as a table, or as JSON or YAML of `plainly` of each row."""
    if output is Format.TABLE:
        cells = [[column(row) for column in columns.values()] for row in rows]
        console().print(table(cells, list(columns)))
    else:
        dump([plainly(row) for row in rows], output)


def show_one(row: R, columns: Columns[R], output: Format, plainly: Callable[[R], Any]) -> None:
    """Print a row that comes after a list: one line of text, or of JSON or YAML."""
    if output is Format.TABLE:
        say("  ".join(column(row) for column in columns.values()))
    elif output is Format.JSON:
        say(json.dumps(plainly(row), ensure_ascii=False))
    else:
        dump([plainly(row)], output)


def show_ids(ids: Iterable[str]) -> None:
    """Print what `-q` asks for."""
    for one in ids:
        say(one)


def inspect(message: Message, output: Format) -> None:
    """Print one object, whole; a table of one object would say less, so it is YAML."""
    dump(plain(message), Format.YAML if output is Format.TABLE else output)


def dump(value: Any, output: Format) -> None:
    """Print plain values as JSON or YAML."""
    if output is Format.JSON:
        say(json.dumps(value, indent=2, ensure_ascii=False))
    else:
        text = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, default_flow_style=False)
        say(text.rstrip())


@contextmanager
def live_table(headers: Sequence[str]) -> Iterator[Callable[[Sequence[Sequence[str]], str], None]]:
    """Yield a function that replaces the rows, and a line below, on the terminal."""
    with Live(console=console(), auto_refresh=False, transient=True) as live:

        def update(rows: Sequence[Sequence[str]], below: str) -> None:
            grid = Table.grid()
            grid.add_row(table(rows, headers))
            grid.add_row(Text(below, "dim"))
            live.update(grid, refresh=True)

        yield update


def is_live() -> bool:
    """Whether somebody watches a terminal that can redraw."""
    return console().is_terminal and not console().is_dumb_terminal


ORIGIN_COLOURS = ("cyan", "green", "yellow", "magenta", "blue", "bright_cyan", "bright_green")


def say_line(origin: str, moment: str, data: bytes, *, stderr: bool) -> None:
    """Print a log line behind where it comes from; each origin keeps its colour."""
    colour = ORIGIN_COLOURS[sum(origin.encode()) % len(ORIGIN_COLOURS)]
    line = data.decode(errors="replace")
    text = Text.assemble((f"{origin} | ", colour), (moment, "dim"), line)
    console(stderr=stderr).print(text)


def say_raw(data: bytes) -> None:
    """Print bytes as they are, and end the line."""
    sys.stdout.buffer.write(data + b"\n")
    sys.stdout.flush()
