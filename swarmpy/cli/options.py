"""Options that many commands share."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import typer

from swarmpy.cli.arguments import duration_s

DEFAULT_TIMEOUT = "10m"
GOSSIP_PROFILES = "default|lan|wan"


class Format(StrEnum):
    """How a list is printed."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


FormatOption = Annotated[Format, typer.Option("--format", help="How to print it.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Print only ids.")]


@dataclass(frozen=True, slots=True)
class WaitFlags:
    """Whether and how long a command waits for what it asked for."""

    detach: Annotated[bool, typer.Option("--detach", "-d", help="Return at once; do not wait.")] = (
        False
    )
    timeout: Annotated[
        float,
        typer.Option(
            parser=duration_s, metavar="DURATION", help="How long to wait; it goes on without you."
        ),
    ] = DEFAULT_TIMEOUT  # type: ignore[assignment]  # typer parses defaults as well
