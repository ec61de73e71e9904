"""Keys that people keep: the swarm's unlock key, a node's key, the key of a backup.

    SWMKEY-1-<base 32 of 32 random bytes and 4 bytes of checksum>

One word, so a double click selects it whole. The checksum tells a typo from a wrong key.
"""

from __future__ import annotations

import base64
import hashlib
import random
import re
from dataclasses import dataclass
from typing import Final

from swarmpy.errors import InvalidInput

KEY_BYTES: Final = 32
CHECKSUM_BYTES: Final = 4
LENGTH_MAX: Final = 256


@dataclass(frozen=True, slots=True)
class KeyKind:
    """One kind of key; its prefix keeps it from being taken for another."""

    prefix: str
    name: str

    def create(self, rng: random.Random) -> bytes:
        return rng.randbytes(KEY_BYTES)

    def shown(self, key: bytes) -> str:
        """Return a key as people see it."""
        assert len(key) == KEY_BYTES, len(key)
        text = base64.b32encode(key + self._checksum(key)).decode().rstrip("=").lower()
        return f"{self.prefix}-1-{text}"

    def parse(self, text: str) -> bytes:
        """Return the key that was typed.

        Raises:
            InvalidInput: it is of another kind, cut short, or mistyped.
        """
        text = text.strip()
        if not text.startswith(f"{self.prefix}-"):
            raise InvalidInput(
                f"this is no {self.name}: it lacks {self.prefix}-1 in front",
                remedy=f"copy the whole key, beginning with {self.prefix}",
            )
        if not text.startswith(f"{self.prefix}-1-"):
            raise InvalidInput(
                f"this {self.name} is of a newer kind than this swarmpy knows",
                remedy="install the version of swarmpy that made it",
            )
        data = _decoded(text.removeprefix(f"{self.prefix}-1-"))
        if data is None:
            raise InvalidInput(
                f"this {self.name} is not complete", remedy="copy the whole key again"
            )
        key, checksum = data[:KEY_BYTES], data[KEY_BYTES:]
        if checksum != self._checksum(key):
            raise InvalidInput(
                f"this {self.name} has a typo: its checksum does not fit",
                remedy="copy the whole key again",
            )
        return key

    def _checksum(self, key: bytes) -> bytes:
        return hashlib.sha256(self.prefix.encode() + key).digest()[:CHECKSUM_BYTES]


UNLOCK_KEY: Final = KeyKind("SWMKEY", "unlock key")
"""Of the swarm: opens every manager while autolock is on."""
NODE_KEY: Final = KeyKind("SWMNODE", "node key")
"""Of one node whose key source is the kernel's keyring."""
RECOVERY_KEY: Final = KeyKind("SWMBAK", "recovery key")
"""Of one backup."""

_LETTERS: Final = (KEY_BYTES + CHECKSUM_BYTES) * 8 // 5 + 1
_SHAPE: Final = re.compile(rf"[a-z2-7]{{{_LETTERS}}}")


def _decoded(text: str) -> bytes | None:
    if len(text) > LENGTH_MAX or not _SHAPE.fullmatch(text):
        return None
    data = base64.b32decode(text.upper() + "=" * (-len(text) % 8))
    # The last letter has bits to spare: they must be as they were written.
    is_written_so = base64.b32encode(data).decode().rstrip("=").lower() == text
    return data if is_written_so else None
