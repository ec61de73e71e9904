"""Reads `.env` and `env_file` files: NAME=value lines, quotes, comments.

Source: https://docs.docker.com/compose/how-tos/environment-variables/variable-interpolation/
"""

from __future__ import annotations

import re

from swarmpy.errors import InvalidManifest

_LINE = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_.-]*)\s*(?:=\s*(.*))?")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "$": "$"}


def read_dotenv(text: str, file: str) -> dict[str, str | None]:
    """Return name -> value; None for a bare NAME, which means "as it is outside".

    Raises:
        InvalidManifest: naming the line that is none of these.
    """
    found: dict[str, str | None] = {}
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            raise InvalidManifest(f"{file}:{number}:1: expected NAME=value, found {line[:40]!r}")
        found[match[1]] = None if match[2] is None else _value(match[2], file, number)
    return found


def _value(text: str, file: str, number: int) -> str:
    quote = text[:1]
    if quote not in {'"', "'"}:
        return re.split(r"\s#", text, maxsplit=1)[0].strip()
    end = 1
    while end < len(text) and text[end] != quote:
        end += 2 if quote == '"' and text[end] == "\\" else 1
    if end >= len(text):
        raise InvalidManifest(f"{file}:{number}:1: a {quote} has no end on its line")
    inner = text[1:end]
    if quote == "'":
        return inner
    return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[0]), inner)
