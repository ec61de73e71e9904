"""Reads the certificate that a client shows to managers on other machines."""

from __future__ import annotations

import re
from pathlib import Path

from swarmpy.errors import InvalidInput
from swarmpy.security.certificates import IDENTITY_FILE, NodeIdentity

PEM_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \1-----\n?", re.DOTALL)
FILE_BYTES = 64 * 1024


def read_identity(directory: Path) -> NodeIdentity:
    """Return the identity in `directory`, as a node keeps it in its state directory.

    Raises:
        InvalidInput: there is none, or it cannot be used.
    """
    path = directory / IDENTITY_FILE
    try:
        with path.open("rb") as file:
            data = file.read(FILE_BYTES)
    except OSError as error:
        raise InvalidInput(
            f"{path}: {error.strerror}",
            remedy=f"SWARMPY_IDENTITY names a directory that holds {IDENTITY_FILE}",
        ) from error
    blocks = [(match[1], match[0]) for match in PEM_BLOCK.finditer(data)]
    keys = [block for kind, block in blocks if kind.endswith(b"PRIVATE KEY")]
    certificates = [block for kind, block in blocks if kind == b"CERTIFICATE"]
    if len(keys) != 1 or len(certificates) != 2:
        raise InvalidInput(
            f"{path}: expected a key, its certificate and the authority's certificate",
            remedy="copy the file again from a node of the swarm",
        )
    return NodeIdentity.read(certificates[0], keys[0], certificates[1])
