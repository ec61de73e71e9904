"""Checks configs and secrets, and what a spec says about how a container is shown them."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable

from swarmpy.core.template import FUNCTIONS, check_template
from swarmpy.core.validate_faults import NAME, Faults
from swarmpy.pb.specs_pb2 import ConfigSpec, ContainerSpec, SecretSpec
from swarmpy.pb.types_pb2 import FILE_CHANGE_LIVE, FILE_CHANGE_ROLL, FileChange, FileReference

DATA_MAX_BYTES = 500 * 1024
"""Of all keys together: it is kept by every manager, and goes into one entry of the log."""
KEYS_MAX = 1000
_KEY = re.compile(r"(?!\.\.)[A-Za-z0-9._-]{1,253}")


def check_data(spec: ConfigSpec | SecretSpec, faults: Faults) -> None:
    """Note what is wrong with a config or secret."""
    faults.check_name("name", spec.name)
    if spec.data and spec.entries:
        faults.add("data", "is given, and keys are too", "one of them", "remove the other")
    for key in sorted(spec.entries):
        if not _KEY.fullmatch(key) or key == ".":
            expected = "letters, digits, '-', '_' and '.', not '..' first"
            faults.add("entries", f"has the key {key!r}", expected, "rename it")
    if len(spec.entries) > KEYS_MAX:
        faults.add("entries", f"has {len(spec.entries)} keys", f"at most {KEYS_MAX}", "split it")
    size = len(spec.data) + sum(map(len, spec.entries.values()))
    if size > DATA_MAX_BYTES:
        faults.add("data", f"has {size} bytes", f"at most {DATA_MAX_BYTES}", "use a volume")
    if spec.template:
        for key, data in {"data": spec.data, **spec.entries}.items():
            path = "data" if key == "data" else f"entries[{key}]"
            _check_template(path, data, faults)


def check_files(field: str, files: Iterable[FileReference], faults: Faults) -> None:
    """Note what is wrong with the references under `field`: "configs" or "secrets"."""
    targets: list[str] = []
    for i, file in enumerate(files):
        at = faults.under(f"{field}[{i}]")
        targets.append(file.target)
        check_reference(field, file, at)
        if not file.target.startswith("/") or file.target == "/":
            at.add("target", f"is {file.target!r}", "an absolute path", "begin with /")
        if file.mode > 0o7777:
            at.add("mode", f"is {file.mode:#o}", "permission bits up to 0o7777", "change it")
        if file.on_change not in FileChange.values():
            at.add("on_change", f"is {file.on_change}", "roll or live", "correct it")
        if file.on_change == FILE_CHANGE_LIVE:
            _check_live(file, at)
    faults.check_unique(field, targets)


def check_reference(field: str, file: FileReference, faults: Faults) -> None:
    """Note what is wrong with how a reference says what it means."""
    if not NAME.match(file.name):
        faults.add("name", f"is {file.name!r}", f"the name of one of the {field}", "write it")
    if file.key and not _KEY.fullmatch(file.key):
        faults.add("key", f"is {file.key!r}", "one of its keys", "correct it")


def check_environment_from(container: ContainerSpec, faults: Faults) -> None:
    """Note what is wrong with the environment that comes out of configs and secrets."""
    for i, source in enumerate(container.environment_from):
        at = faults.under(f"environment_from[{i}]")
        kind = source.WhichOneof("source")
        if kind is None:
            at.add("source", "is missing", "a config or a secret", "name one")
            continue
        reference = source.config if kind == "config" else source.secret
        check_reference(f"{kind}s", reference, at.under(kind))
        if reference.on_change != FILE_CHANGE_ROLL:
            what = "is live, and a running process keeps its environment"
            at.add(f"{kind}.on_change", what, "roll", "show it as a file, or let tasks roll")
        for field in ("variable", "prefix"):
            name = getattr(source, field)
            if "=" in name or "\0" in name:
                at.add(field, f"is {name!r}", "a name without '='", "rename it")
        if source.variable and source.prefix:
            at.add("prefix", "is given for one variable", "none", "remove it")
        if reference.key and not source.variable:
            at.add("variable", "is empty, and a key is named", "a variable's name", "write it")


def _check_live(file: FileReference, faults: Faults) -> None:
    if file.version:
        faults.add("version", "is pinned, and it follows the newest", "0", "choose one of both")
    if posixpath.dirname(file.target) == "/" and file.key:
        faults.add(
            "target",
            f"is {file.target!r}, and what changes in place is mounted with its directory",
            "a file in a directory of its own",
            f"use {posixpath.join('/config', file.target.lstrip('/'))}",
        )
    if posixpath.basename(file.target).startswith(".."):
        faults.add("target", f"is {file.target!r}", "a name that begins otherwise", "rename it")


def _check_template(path: str, data: bytes, faults: Faults) -> None:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        faults.add(path, "is no text", "a template", "leave template out")
    else:
        faults.check_read(path, lambda: check_template(text, FUNCTIONS))
