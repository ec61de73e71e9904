"""What the commands of configs and secrets have in common: how one is made, and what is in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Protocol

import typer

from swarmpy import SyncClient
from swarmpy.cli import render
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
from swarmpy.core.file_versions import number_of
from swarmpy.pb.objects_pb2 import Config, Secret

PARTS: render.Columns[tuple[str, int]] = {
    "KEY": lambda part: part[0] or "(one file)",
    "SIZE": lambda part: f"{part[1]} B",
}


class Make(Protocol):
    """A method of the client that stores content under a name."""

    def __call__(
        self,
        client: SyncClient,
        name: str,
        data: bytes,
        /,
        *,
        entries: Mapping[str, bytes],
        template: bool,
        labels: Mapping[str, str],
    ) -> Config | Secret: ...


def add_making(app: typer.Typer, create: Make, update: Make) -> None:
    """Give a noun its `create` and `update`."""
    about = "Store a file, or keys, under a name."
    _add(app, "create", about, create, lambda _, made: made.id)
    about = "Make the next version; services that follow it roll, or change in place."
    _add(app, "update", about, update, lambda name, made: f"{name} is at version {number_of(made)}")


def _add(
    app: typer.Typer,
    verb: str,
    about: str,
    make: Make,
    said: Callable[[str, Config | Secret], str],
) -> None:
    @app.command(verb, help=about)
    def command(  # noqa: PLR0913, PLR0917  one for each flag
        name: Annotated[str, typer.Argument(metavar="NAME")],
        file: FileArgument = "",
        from_file: FromFileOption = None,
        from_literal: FromLiteralOption = None,
        from_env_file: FromEnvFileOption = None,
        template: TemplateOption = False,
        label: LabelOption = None,
    ) -> None:
        given = given_content(file, from_file, from_literal, from_env_file)
        with SyncClient.connect() as client:
            made = make(
                client,
                name,
                given.data,
                entries=given.entries,
                template=template,
                labels=pairs(label or []),
            )
        render.say(said(name, made))
