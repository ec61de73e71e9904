"""Seals gossip's packets, and opens those that a node of the same swarm sealed, once each.

    1 byte    version (high half) and the key's id modulo 16 (low half)
    8 bytes   the sender's life: random, made when its process starts
    4 bytes   number of the packet in that life, from 0
    ...       the packet, AES-256-GCM; 16 bytes of tag at the end

The twelve bytes in the middle are the nonce. All nodes share one key, so it must be unlike that
of every other node: of 10,000 lives under one key two have the same random part with a probability
of 3 in 10^12. The number never goes back; a life that has used all of them takes a new random part.
The swarm's id and the first byte are sealed in, though they are not sent.

What is refused is counted by reason and leaves nothing behind: no memory is taken for a sender
before one of its packets has opened. A sender's numbers are remembered for as long as its life is
among the last `LIVES_MAX`; a packet that is older than that would be taken in again, which does
no harm: everything in it has a version.
"""

from __future__ import annotations

import random
import struct
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, TypeAlias, TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from swarmpy.errors import InvalidInput
from swarmpy.gossip.rate import A_PEER, STRANGERS, Bucket, Rate
from swarmpy.gossip.replay import ReplayWindow
from swarmpy.pb.types_pb2 import GossipKeyRing

K = TypeVar("K")
V = TypeVar("V")

VERSION: Final = 1
KEYS_MAX: Final = 3
KEY_BYTES: Final = 32
LIFE_BYTES: Final = 8
NONCE_BYTES: Final = 12
OVERHEAD_BYTES: Final = 1 + NONCE_BYTES + 16
DATAGRAM_MAX_BYTES: Final = 1400 - 28
"""With the headers of IPv4 and UDP 1,400: what every tunnel in use lets through whole."""
PLAIN_MAX_BYTES: Final = DATAGRAM_MAX_BYTES - OVERHEAD_BYTES
PEERS_MAX: Final = 32_768
LIVES_MAX: Final = 65_536
NUMBERS: Final = 1 << 32

Source: TypeAlias = tuple[str, int]
"""Host and port that a packet says it comes from."""


class Refusal(StrEnum):
    """Why a packet was not opened, or not sent."""

    SIZE = "size"
    """Too short to be one of ours, or too long."""
    FOREIGN = "foreign"
    """Another version, or a key that this node does not have."""
    FORGED = "forged"
    """Not sealed with that key, or in another swarm, or damaged."""
    REPLAYED = "replayed"
    RATE = "rate"
    """Its sender sends too much."""
    MEANINGLESS = "meaningless"
    """Authentic, but no message."""
    UNSENT = "unsent"
    """The system did not take it."""


@dataclass(frozen=True, slots=True)
class _Key:
    aead: AESGCM = field(repr=False)
    first: bytes
    bound: bytes


class Wire:
    """One process's end. `now` is any clock that never goes back."""

    def __init__(
        self,
        cluster_id: str,
        rng: random.Random,
        now: float,
        *,
        a_peer: Rate = A_PEER,
        strangers: Rate = STRANGERS,
    ) -> None:
        """`rng` makes the random part of nonces: in production a `random.SystemRandom`."""
        self.dropped: dict[str, int] = {reason.value: 0 for reason in Refusal}
        self._cluster_id = cluster_id
        self._rng = rng
        self._a_peer = a_peer
        self._strangers = Bucket(strangers, now)
        self._keys: dict[int, _Key] = {}
        self._primary: _Key | None = None
        self._life = rng.randbytes(LIFE_BYTES)
        self._number = 0
        self._windows: dict[bytes, ReplayWindow] = {}
        self._peers: dict[Source, Bucket] = {}

    def set_keys(self, ring: GossipKeyRing) -> None:
        """Seal with the ring's primary key from now on, and open with any of its keys.

        Raises:
            InvalidInput: the ring cannot be used; the keys stay as they were.
        """
        check(ring)
        keys = {key.id % 16: self._key(key.id, key.key) for key in ring.keys}
        self._keys, self._primary = keys, keys.get(ring.primary_id % 16)

    def _key(self, key_id: int, key: bytes) -> _Key:
        first = bytes([VERSION << 4 | key_id % 16])
        bound = b"swarmpy gossip\0" + self._cluster_id.encode() + b"\0" + first
        return _Key(AESGCM(key), first, bound)

    @property
    def has_key(self) -> bool:
        return self._primary is not None

    def seal(self, plain: bytes) -> bytes | None:
        """Return what may be sent; None, and it counts as dropped, without a key or when it is
        too long.
        """
        key = self._primary
        if key is None or len(plain) > PLAIN_MAX_BYTES:
            self.refuse(Refusal.UNSENT if key is None else Refusal.SIZE)
            return None
        if self._number == NUMBERS:
            self._life, self._number = self._rng.randbytes(LIFE_BYTES), 0
        nonce = self._life + _NUMBER.pack(self._number)
        self._number += 1
        return key.first + nonce + key.aead.encrypt(nonce, plain, key.bound)

    def open(self, data: bytes, source: Source, now: float) -> bytes | None:
        """Return what was sealed; None, and it counts as dropped, when it is not to be heard."""
        opened = self._open(data, source, now)
        if isinstance(opened, Refusal):
            self.refuse(opened)
            return None
        return opened

    def _open(self, data: bytes, source: Source, now: float) -> bytes | Refusal:
        if not OVERHEAD_BYTES <= len(data) <= DATAGRAM_MAX_BYTES:
            return Refusal.SIZE
        key = self._keys.get(data[0] & 15)
        if key is None or data[0] != key.first[0]:
            return Refusal.FOREIGN
        bucket = self._peers.get(source)
        if not (bucket or self._strangers).take(now):
            return Refusal.RATE
        nonce = data[1 : 1 + NONCE_BYTES]
        try:
            plain = key.aead.decrypt(nonce, data[1 + NONCE_BYTES :], key.bound)
        except InvalidTag:
            return Refusal.FORGED
        if not self._is_new(nonce):
            return Refusal.REPLAYED
        if bucket is None:
            _make_room(self._peers, PEERS_MAX)
            self._peers[source] = Bucket(self._a_peer, now)
        return plain

    def refuse(self, reason: Refusal) -> None:
        """Count a packet that was dropped."""
        self.dropped[reason.value] += 1

    def _is_new(self, nonce: bytes) -> bool:
        life = nonce[:LIFE_BYTES]
        if life == self._life:
            return False  # our own, sent back at us
        window = self._windows.get(life)
        if window is None:
            _make_room(self._windows, LIVES_MAX)
            window = self._windows[life] = ReplayWindow()
        return window.admit(int.from_bytes(nonce[LIFE_BYTES:]))


_NUMBER: Final = struct.Struct(">I")


def check(ring: GossipKeyRing) -> None:
    """Return when a ring can be used; one without keys can, it closes every mouth and ear.

    Raises:
        InvalidInput: it cannot.
    """
    ids = [key.id for key in ring.keys]
    fits = len(ids) <= KEYS_MAX and len({one % 16 for one in ids}) == len(ids)
    if not fits or any(len(key.key) != KEY_BYTES for key in ring.keys):
        raise InvalidInput(f"a ring of gossip keys holds up to {KEYS_MAX} of {KEY_BYTES} bytes")
    if ids and ring.primary_id not in ids:
        raise InvalidInput(f"key {ring.primary_id}, which shall seal, is not in the ring")


def _make_room(table: dict[K, V], most: int) -> None:
    """Let the entry go that came first, when the table is full."""
    if len(table) >= most:
        del table[next(iter(table))]
