"""Reads what people type of configs and secrets: where they come from, how tasks see them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated

import typer

from swarmpy.cli.arguments import pairs
from swarmpy.cli.given_file import read_given
from swarmpy.errors import InvalidInput
from swarmpy.manifest.dotenv import read_dotenv
from swarmpy.pb.specs_pb2 import EnvironmentSource
from swarmpy.pb.types_pb2 import FILE_CHANGE_LIVE, FileReference

SHOWN = "NAME[:/PATH][,key=KEY][,version=N][,live][,uid=N][,gid=N][,mode=0440]"
FROM = "config|secret:NAME[,key=KEY,variable=NAME][,prefix=TEXT][,optional]"

FileArgument = Annotated[
    str, typer.Argument(metavar="[FILE]", help="- is stdin. Without it, keys are given.")
]
FromFileOption = Annotated[
    list[str] | None,
    typer.Option(metavar="[KEY=]PATH", help="A key out of a file, or one for each of a directory."),
]
FromLiteralOption = Annotated[
    list[str] | None, typer.Option(metavar="KEY=VALUE", help="A key, as it is typed.")
]
FromEnvFileOption = Annotated[
    list[str] | None, typer.Option(metavar="PATH", help="A key for each NAME=value in it.")
]
TemplateOption = Annotated[
    bool, typer.Option("--template", help="Filled in for each task: {{.Task.Slot}} and the like.")
]
LabelOption = Annotated[
    list[str] | None, typer.Option("--label", "-l", metavar="KEY=VALUE", show_default=False)
]


@dataclass(frozen=True, slots=True)
class Given:
    """What goes into a config or secret: `data`, or else `entries`."""

    data: bytes
    entries: dict[str, bytes]


def given_content(
    file: str,
    from_file: Sequence[str] | None,
    from_literal: Sequence[str] | None,
    from_env_file: Sequence[str] | None,
) -> Given:
    """Return what flags and argument say.

    Raises:
        typer.BadParameter: there is nothing, or both kinds.
        InvalidInput: a file cannot be read.
    """
    entries: dict[str, bytes] = {}
    for text in from_file or ():
        key, equals, path = text.rpartition("=")
        for one in _files(Path(path)) if not equals else [Path(path)]:
            entries[key or one.name] = read_given(str(one))
    for key, value in pairs(list(from_literal or [])).items():
        entries[key] = value.encode()
    for path in from_env_file or ():
        text = read_given(path).decode(errors="replace")
        for key, line in read_dotenv(text, path).items():
            entries[key] = (line or "").encode()
    if bool(file) == bool(entries):
        raise typer.BadParameter("give FILE, or keys by --from-file and the like")
    return Given(read_given(file) if file else b"", entries)


def _files(path: Path) -> list[Path]:
    """Return the files of a directory, or the one file itself."""
    if not path.is_dir():
        return [path]
    found = sorted(one for one in path.iterdir() if one.is_file())
    if not found:
        raise InvalidInput(f"{path}: there are no files in it")
    return found


def config_reference(text: str) -> FileReference:
    """A config without a target lies in the container's root."""
    return file_reference(text, "")


def secret_reference(text: str) -> FileReference:
    """A secret without a target lies in /run/secrets."""
    return file_reference(text, "/run/secrets")


def file_reference(text: str, directory: str) -> FileReference:
    """Return the file of `NAME[:/TARGET][,...]`; without a target it lies in `directory`."""
    whole, *options = text.split(",")
    name, _, target = whole.partition(":")
    target = target or f"{directory}/{name}"
    if not name or not PurePosixPath(target).is_absolute():
        raise typer.BadParameter(f"{text!r} is not {SHOWN}")
    reference = FileReference(name=name, target=target)
    for option in options:
        key, _, value = option.partition("=")
        match key:
            case "key":
                reference.key = value
            case "version" | "uid" | "gid" if value.isascii() and value.isdecimal():
                setattr(reference, key, min(int(value), 2**32 - 1))
            case "mode" if value and not set(value) - set("01234567") and len(value) <= 5:
                reference.mode = int(value, 8)
            case "live" if not value:
                reference.on_change = FILE_CHANGE_LIVE
            case _:
                raise typer.BadParameter(f"{text!r}: {option!r} is none of {SHOWN}")
    return reference


def environment_source(text: str) -> EnvironmentSource:
    """Return the variables of `config:NAME,...` or `secret:NAME,...`."""
    whole, *options = text.split(",")
    kind, _, name = whole.partition(":")
    if kind not in {"config", "secret"} or not name:
        raise typer.BadParameter(f"{text!r} is not {FROM}")
    source = EnvironmentSource()
    reference = source.config if kind == "config" else source.secret
    reference.name = name
    for option in options:
        key, _, value = option.partition("=")
        match key:
            case "key":
                reference.key = value
            case "variable" | "prefix":
                setattr(source, key, value)
            case "optional" if not value:
                source.optional = True
            case _:
                raise typer.BadParameter(f"{text!r}: {option!r} is none of {FROM}")
    if reference.key and not source.variable:
        source.variable = reference.key
    return source
