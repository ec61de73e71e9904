"""Configs and secrets: what the file declares, and what a service is shown of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from swarmpy.manifest.compose.context import Context
from swarmpy.manifest.reader import Reader, as_text
from swarmpy.manifest.tree import Fields
from swarmpy.pb.types_pb2 import FileReference


@dataclass(frozen=True, slots=True)
class Declared:
    """One config or secret of the file."""

    name: str
    """In the swarm."""
    labels: Mapping[str, str]
    data: bytes | None
    """None for an external one, which is there already."""


def read_declared(file: Reader, kind: str, context: Context) -> dict[str, Declared]:
    """Return the file's names of its `kind` ("configs" or "secrets") -> what they are."""
    found: dict[str, Declared] = {}
    for name, section in file.sections(kind):
        external = section.boolean("external")
        given = section.text("name")
        data = None if external else _data(section, context)
        labels = {key: value or "" for key, value in section.pairs("labels").items()}
        section.done({"driver": "give file, content or environment", "template_driver": "fill in"})
        stored = given or (name if external else context.stored_name(name))
        found[name] = Declared(stored, labels, data)
    return found


def _data(section: Reader, context: Context) -> bytes | None:
    sources = [key for key in ("file", "content", "environment") if section.has(key)]
    if len(sources) != 1:
        what = "nothing says" if not sources else f"{' and '.join(sources)} both say"
        section.problems.add(
            section.place, section.path, f"{what} what it holds", "file, content or environment"
        )
        return None
    text = section.text(sources[0])
    match sources[0]:
        case "content":
            return text.encode()
        case "environment":
            if text not in context.environment:
                section.fault("environment", f"variable {text} is not set")
            return context.environment.get(text, "").encode()
        case _:
            try:
                return context.path(text).read_bytes()
            except OSError as error:
                section.fault("file", f"{text}: {error.strerror}")
                return None


def read_references(
    service: Reader, kind: str, declared: Mapping[str, Declared]
) -> list[FileReference]:
    """Return the files a service is shown; by default /NAME and /run/secrets/NAME."""
    root = "/run/secrets/" if kind == "secrets" else "/"
    references = []
    for path, item in service.items(kind):
        if isinstance(item, Fields):
            section = Reader(item, path, service.problems)
            source = section.text("source")
            reference = FileReference(
                target=section.text("target"),
                uid=section.integer("uid"),
                gid=section.integer("gid"),
                mode=_mode(section),
            )
            section.done()
        else:
            source = as_text(item, path, service.problems) or ""
            reference = FileReference()
        if source not in declared:
            remedy = f"add it under the file's {kind}"
            service.problems.add(item.place, path, f"{source!r} is not declared", remedy=remedy)
            continue
        reference.name = declared[source].name
        target = reference.target or source
        reference.target = target if target.startswith("/") else root + target
        references.append(reference)
    return references


def _mode(section: Reader) -> int:
    """Return permission bits, which people write in octal: 0440 and 0o440 alike."""
    text = section.text("mode")
    if not text:
        return 0
    digits = text.removeprefix("0o")
    if not digits or set(digits) - set("01234567") or int(digits, 8) > 0o777:
        section.fault("mode", f"found {text!r}", "octal permissions such as 0440")
        return 0
    return int(digits, 8)
