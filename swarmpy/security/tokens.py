"""Join tokens: what a person carries from a manager to a new node.

    SWMPY-1-worker-<CA digest>-<token id>-<secret>

The digest (SHA-256 of the authority's certificate) lets the new node recognise the right
swarm before it shows its secret. Numbers are in base 36, so a double click selects no less
than a word and nothing needs quoting. The role is for people: what a token allows is what
the managers stored with its id.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from typing import Final

from swarmpy.errors import TokenRefused
from swarmpy.ids import ALPHABET
from swarmpy.pb.types_pb2 import NODE_ROLE_MANAGER, NODE_ROLE_WORKER, NodeRole

SECRET_BYTES: Final = 16
"""Enough that guessing is hopeless; the hash needs no salt and no stretching then."""
LENGTH_MAX: Final = 256

_WORDS: Final = {NODE_ROLE_WORKER: "worker", NODE_ROLE_MANAGER: "manager"}
_DIGEST_WIDTH: Final = 50
_SECRET_WIDTH: Final = 25
_SHAPE: Final = re.compile(
    rf"SWMPY-1-(worker|manager)-([0-9a-z]{{{_DIGEST_WIDTH}}})-([0-9a-z]{{1,64}})"
    rf"-([0-9a-z]{{{_SECRET_WIDTH}}})"
)
_REMEDY: Final = "copy the whole token again, or make one on a manager: swarmpy token create"


@dataclass(frozen=True, slots=True)
class Token:
    """A token taken apart."""

    ca_digest: str
    """64 hex digits."""
    token_id: str
    secret: bytes = field(repr=False)
    role: NodeRole.ValueType = NODE_ROLE_WORKER
    """What its maker said it is for; the managers decide."""


def mint(role: NodeRole.ValueType, ca_digest: str, token_id: str, secret: bytes) -> str:
    """Return the token as people see it. `ca_digest` is 64 hex digits, `secret` 16 bytes."""
    assert len(secret) == SECRET_BYTES, f"a secret has {SECRET_BYTES} bytes"
    assert len(ca_digest) == 64, "a digest has 64 hex digits"
    digest = _base36(int(ca_digest, 16), _DIGEST_WIDTH)
    proof = _base36(int.from_bytes(secret, "big"), _SECRET_WIDTH)
    return f"SWMPY-1-{_WORDS[role]}-{digest}-{token_id}-{proof}"


def parse(text: str) -> Token:
    """Take a token apart.

    Raises:
        TokenRefused: it is not one, or not whole.
    """
    text = text.strip()
    if not text.startswith("SWMPY-"):
        raise TokenRefused("this is no join token: it lacks SWMPY-1 in front", remedy=_REMEDY)
    if not text.startswith("SWMPY-1-"):
        raise TokenRefused(
            "this join token is of a newer kind than this swarmpy knows",
            remedy="install the version of swarmpy that the managers run",
        )
    match = _SHAPE.fullmatch(text) if len(text) <= LENGTH_MAX else None
    if match is None:
        raise TokenRefused("this join token is not complete", remedy=_REMEDY)
    word, digest, token_id, proof = match.groups()
    try:
        ca_digest = int(digest, 36).to_bytes(32, "big").hex()
        secret = int(proof, 36).to_bytes(SECRET_BYTES, "big")
    except OverflowError as error:
        raise TokenRefused("this join token was changed on its way", remedy=_REMEDY) from error
    role = NODE_ROLE_MANAGER if word == "manager" else NODE_ROLE_WORKER
    return Token(ca_digest, token_id, secret, role)


def hash_secret(secret: bytes) -> bytes:
    """Return what is stored instead of a secret: its SHA-256."""
    return hashlib.sha256(secret).digest()


def matches(secret: bytes, secret_hash: bytes) -> bool:
    """Return whether a secret is the one stored; takes as long for a wrong one."""
    return hmac.compare_digest(hash_secret(secret), secret_hash)


def _base36(number: int, width: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = ALPHABET[digit] + digits
    return digits.rjust(width, "0")
