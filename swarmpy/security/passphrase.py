"""Turns a passphrase into a key, slowly, so that guessing is slow too."""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from swarmpy.errors import InvalidInput
from swarmpy.security.data_keys import KEY_BYTES

SALT_BYTES: Final = 16
LENGTH_MIN: Final = 8
LENGTH_MAX: Final = 1024
COST: Final = 1 << 15
"""scrypt's n, with r = 8: 32 MiB and a tenth of a second for each guess. Source: RFC 7914."""


def key_of(passphrase: str, salt: bytes) -> bytes:
    """Return 32 bytes. Raises InvalidInput for a passphrase that is too short or too long."""
    if not LENGTH_MIN <= len(passphrase) <= LENGTH_MAX:
        raise InvalidInput(
            f"a passphrase of {len(passphrase)} characters: expected {LENGTH_MIN} to {LENGTH_MAX}"
        )
    return Scrypt(salt=salt, length=KEY_BYTES, n=COST, r=8, p=1).derive(passphrase.encode())
