"""Configs and secrets: what the file declares, and what a service is shown of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from swarmpy.manifest.compose.context import Context
from swarmpy.manifest.reader import EXTENSION, Reader, as_text
from swarmpy.manifest.tree import Fields
from swarmpy.pb.specs_pb2 import EnvironmentSource
from swarmpy.pb.types_pb2 import FILE_CHANGE_LIVE, FILE_CHANGE_ROLL, FileReference

CHANGES = {"roll": FILE_CHANGE_ROLL, "live": FILE_CHANGE_LIVE}


@dataclass(frozen=True, slots=True)
class Declared:
    """One config or secret of the file."""

    name: str
    """In the swarm."""
    labels: Mapping[str, str]
    data: bytes | None
    """None for an external one, which is there already."""
    entries: Mapping[str, bytes] = field(default_factory=dict)
    template: bool = False


def read_declared(file: Reader, kind: str, context: Context) -> dict[str, Declared]:
    """Return the file's names of its `kind` ("configs" or "secrets") -> what they are."""
    found: dict[str, Declared] = {}
    for name, section in file.sections(kind):
        external = section.boolean("external")
        given = section.text("name")
        extension = section.section(EXTENSION)
        entries = _entries(extension, context) if extension else {}
        data = None
        if not external:
            data = b"" if entries else _data(section, context)
        if kind == "secrets":
            _note_written(name, section, context)
        template = section.choice("template_driver", {"golang": True}, default=False)
        labels = {key: value or "" for key, value in section.pairs("labels").items()}
        section.done({"driver": "give file, content or environment"})
        stored = given or (name if external else context.stored_name(name))
        found[name] = Declared(stored, labels, data, entries, template)
    return found


def _note_written(name: str, section: Reader, context: Context) -> None:
    """Warn of a secret that stands in the file itself: the file's text is then not kept."""
    extension = section.section(EXTENSION)
    keys = extension.section("keys") if extension else None
    written = [key for key in keys.names() if _is_written(keys, key)] if keys else []
    if section.has("content") or written:
        context.written_secrets.append(name)
        what = "is written in the file, so the stack is kept without the file's text"
        section.problems.warn(section.place, section.path, what)


def _is_written(keys: Reader, key: str) -> bool:
    value = keys.value(key)
    return not isinstance(value, Fields) or "content" in value.entries


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


def _entries(extension: Reader, context: Context) -> dict[str, bytes]:
    """Return key -> data of `keys`: texts, or as a whole config is given."""
    entries: dict[str, bytes] = {}
    keys = extension.section("keys")
    for key in keys.names() if keys else ():
        value = keys.value(key) if keys else None
        if keys and isinstance(value, Fields):
            section = Reader(value, keys.path_of(key), keys.problems)
            entries[key] = _data(section, context) or b""
            section.done()
        elif keys:
            entries[key] = keys.text(key).encode()
    extension.done()
    return entries


def read_sources(
    service: Reader, configs: Mapping[str, Declared], secrets: Mapping[str, Declared]
) -> list[EnvironmentSource]:
    """Return the environment that `x-swarmpy.environment_from` takes from configs and secrets."""
    extension = service.section(EXTENSION)
    sources = []
    for path, item in extension.items("environment_from") if extension else ():
        section = Reader(item, path, service.problems)
        kinds = [kind for kind in ("config", "secret") if section.has(kind)]
        if len(kinds) != 1:
            section.fault("config", "or secret is missing, or both are there", "one of them")
        source = EnvironmentSource(
            variable=section.text("variable"),
            prefix=section.text("prefix"),
            optional=section.boolean("optional"),
        )
        for kind, declared in (("config", configs), ("secret", secrets)):
            if kind in kinds:
                reference = source.config if kind == "config" else source.secret
                name = section.text(kind)
                if name not in declared:
                    section.fault(kind, f"{name!r} is not declared")
                    continue
                reference.name, reference.key = declared[name].name, section.text("key")
        section.done()
        sources.append(source)
    return sources


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
            if (extension := section.section(EXTENSION)) is not None:
                reference.key = extension.text("key")
                reference.version = extension.integer("version")
                reference.on_change = extension.choice("update", CHANGES, FILE_CHANGE_ROLL)
                extension.done()
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
