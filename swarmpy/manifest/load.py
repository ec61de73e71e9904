"""From files to a stack: YAML -> one tree -> variables -> StackSpec, all faults at once."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

from swarmpy.errors import InvalidInput, InvalidManifest
from swarmpy.manifest.compose.context import Context
from swarmpy.manifest.compose.file import read_stack
from swarmpy.manifest.dotenv import read_dotenv
from swarmpy.manifest.interpolate import interpolate
from swarmpy.manifest.merge import merge
from swarmpy.manifest.problems import Problems
from swarmpy.manifest.reader import Reader
from swarmpy.manifest.tree import Fields, Scalar, Value
from swarmpy.manifest.yaml_tree import BYTES_MAX, read_yaml
from swarmpy.pb.specs_pb2 import StackSpec

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]{0,62}")


@dataclass(frozen=True, slots=True)
class LoadedStack:
    spec: StackSpec
    warnings: list[str]
    """`file:line:col path: message`, for people; none of them stops a deployment."""


def load_stack(
    paths: Sequence[Path], *, name: str | None, environment: Mapping[str, str]
) -> LoadedStack:
    """Return the stack that one or more Compose files describe.

    Later files are laid over earlier ones. Variables come from `environment`, then from `.env`
    beside the first file. `name` wins over the file's own.

    Raises:
        InvalidManifest: every fault with its place.
        InvalidInput: no file, or no name.
    """
    if not paths:
        raise InvalidInput("no manifest was given", remedy="-c FILE")
    directory = paths[0].absolute().parent
    variables = {**_dotenv(directory), **environment}
    texts = [_read(path) for path in paths]
    trees = [read_yaml(text, str(path)) for text, path in zip(texts, paths, strict=True)]
    problems = Problems()
    tree = interpolate(reduce(merge, trees), variables, problems)
    stack = name or _own_name(tree)
    if not _NAME.fullmatch(stack):
        raise InvalidInput(
            f"stack name {stack!r}: expected 1 to 63 letters, digits, - and _",
            remedy="give one: swarmpy stack deploy -c FILE NAME",
        )
    context = Context(stack, directory, variables, problems)
    spec = read_stack(Reader(tree, "", problems), context)
    problems.raise_if_any()
    if not context.written_secrets:  # whoever may read a stack may read its source
        spec.source = "\n---\n".join(texts)
    return LoadedStack(spec, problems.warnings)


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(BYTES_MAX + 1)
        return raw.decode()
    except OSError as error:
        raise InvalidManifest(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise InvalidManifest(f"{path}: byte {error.start} is not UTF-8") from None


def _dotenv(directory: Path) -> dict[str, str]:
    path = directory / ".env"
    if not path.is_file():
        return {}
    found = read_dotenv(_read(path), str(path))
    return {key: value for key, value in found.items() if value is not None}


def _own_name(tree: Value) -> str:
    entry = tree.entries.get("name") if isinstance(tree, Fields) else None
    return entry.value.text if entry and isinstance(entry.value, Scalar) else ""
