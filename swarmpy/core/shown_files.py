"""What a container is shown of configs and secrets: files and environment variables. Pure."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from swarmpy.core.file_versions import contents, is_live
from swarmpy.core.pod import all_containers
from swarmpy.core.template import is_template, render
from swarmpy.errors import InvalidInput, TaskRefused
from swarmpy.pb.objects_pb2 import Task
from swarmpy.pb.specs_pb2 import ConfigSpec, ContainerSpec, EnvironmentSource, SecretSpec
from swarmpy.pb.types_pb2 import FileReference

MODE = 0o444

Find: TypeAlias = Callable[[str, FileReference], ConfigSpec | SecretSpec | None]
"""Returns what a reference of a kind ("config" or "secret") means now."""


@dataclass(frozen=True, slots=True)
class ShownFile:
    """One file in a container."""

    target: str
    data: bytes
    uid: int
    gid: int
    mode: int
    directory: str = ""
    """The directory that is mounted as a whole; empty: only the file is."""
    live: bool = False
    """It changes in place."""
    secret: bool = False


def shown_files(container: ContainerSpec, find: Find, values: Mapping[str, str]) -> list[ShownFile]:
    """Return every file of an expanded container. `values` are the template's, for its task.

    Raises:
        TaskRefused: what is referred to is not there, or cannot be filled in.
    """
    return [
        file
        for kind, references in (("config", container.configs), ("secret", container.secrets))
        for reference in references
        for file in _files(kind, reference, container, find, values)
    ]


def expanded(task: Task, find: Find, values: Mapping[str, str]) -> Task:
    """Return the task with its containers' environment out of configs and secrets filled in, and
    every template of environment, host name and mounts.

    Raises:
        TaskRefused: as `shown_files`.
    """
    copy = Task()
    copy.CopyFrom(task)
    for container in all_containers(copy.spec):
        given = dict(container.environment)
        for source in container.environment_from:
            for name, value in _variables(source, find):
                if name not in given:
                    container.environment[name] = value
        for name, value in given.items():
            container.environment[name] = _filled(f"environment {name}", value, values)
        container.hostname = _filled("hostname", container.hostname, values)
        for mount in container.mounts:
            mount.source = _filled("mount source", mount.source, values)
            mount.target = _filled("mount target", mount.target, values)
    return copy


def uses_templates(task: Task) -> bool:
    """Say whether `expanded` needs `values` for it, as far as its spec tells."""
    return any(
        is_template(text)
        for container in all_containers(task.spec)
        for text in (
            *container.environment.values(),
            container.hostname,
            *(mount.source for mount in container.mounts),
            *(mount.target for mount in container.mounts),
        )
    )


def _files(
    kind: str,
    reference: FileReference,
    container: ContainerSpec,
    find: Find,
    values: Mapping[str, str],
) -> Iterator[ShownFile]:
    spec = _found(kind, reference, find)
    parts = _parts(kind, reference, spec)
    is_directory = not reference.key and "" not in parts
    directory = reference.target if is_directory else ""
    if is_live(reference) and not is_directory:
        directory = posixpath.dirname(reference.target)
    for key, data in parts.items():
        target = posixpath.join(reference.target, key) if is_directory else reference.target
        if spec.template:
            data = _rendered(kind, reference, data, container, find, values)  # noqa: PLW2901
        yield ShownFile(
            target,
            data,
            reference.uid,
            reference.gid,
            reference.mode or MODE,
            directory,
            is_live(reference),
            kind == "secret",
        )


def _found(kind: str, reference: FileReference, find: Find) -> ConfigSpec | SecretSpec:
    spec = find(kind, reference)
    if spec is None:
        raise TaskRefused(f"{kind} {reference.name!r} did not come with the task")
    return spec


def _parts(
    kind: str, reference: FileReference, spec: ConfigSpec | SecretSpec
) -> Mapping[str, bytes]:
    """Return key -> data of what a reference asks for."""
    if not reference.key:
        return contents(spec)
    if reference.key not in spec.entries:
        raise TaskRefused(f"{kind} {reference.name!r} has no key {reference.key!r}")
    return {reference.key: spec.entries[reference.key]}


def _variables(source: EnvironmentSource, find: Find) -> Iterator[tuple[str, str]]:
    """Yield (name, value) of the variables of one source."""
    kind = source.WhichOneof("source") or "config"
    reference = source.config if kind == "config" else source.secret
    try:
        parts = _parts(kind, reference, _found(kind, reference, find))
    except TaskRefused:
        if source.optional:
            return
        raise
    if source.variable and len(parts) > 1:
        raise TaskRefused(
            f"variable {source.variable} is to be one key of {kind} {reference.name!r}, "
            f"which has {len(parts)}",
            remedy="name the key",
        )
    for key, data in parts.items():
        name = source.variable or source.prefix + (key or reference.name)
        yield name, _text(f"variable {name}", data)


def _rendered(
    kind: str,
    reference: FileReference,
    data: bytes,
    container: ContainerSpec,
    find: Find,
    values: Mapping[str, str],
) -> bytes:
    """Return a file's data with its template filled in: it sees what its container does."""

    def other(of_kind: str, name: str) -> str:
        references = container.configs if of_kind == "config" else container.secrets
        for one in references:
            if name in {one.name, one.target, posixpath.basename(one.target)}:
                parts = _parts(of_kind, one, _found(of_kind, one, find))
                if len(parts) == 1:
                    return _text(f"{of_kind} {name!r}", next(iter(parts.values())))
        raise TaskRefused(
            f"{kind} {reference.name!r} has {{{{{of_kind} {name!r}}}}}, "
            f"and its container has no {of_kind} of this name that is one file"
        )

    what = f"{kind} {reference.name!r}"
    functions = {
        "env": lambda name: container.environment.get(name, ""),
        "config": lambda name: other("config", name),
        "secret": lambda name: other("secret", name),
    }
    try:
        return render(_text(what, data), values, functions).encode()
    except InvalidInput as wrong:
        raise TaskRefused(f"{what} {wrong.message}", remedy=wrong.remedy) from wrong


def _filled(what: str, text: str, values: Mapping[str, str]) -> str:
    if not is_template(text):
        return text
    try:
        return render(text, values, {})
    except InvalidInput as wrong:
        raise TaskRefused(f"{what} {wrong.message}", remedy=wrong.remedy) from wrong


def _text(what: str, data: bytes) -> str:
    try:
        text = data.decode()
    except UnicodeDecodeError as wrong:
        raise TaskRefused(f"{what} is no text: {wrong.reason} at byte {wrong.start}") from wrong
    if "\0" in text:
        raise TaskRefused(f"{what} has a zero byte, which no text has")
    return text
