"""Keeps gossip's keys and some addresses, so that a node that restarts gossips without managers."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import structlog
from google.protobuf.message import DecodeError

from swarmpy.errors import StorageCorrupt
from swarmpy.pb.dispatcher_pb2 import GossipAccess
from swarmpy.seams import Disk
from swarmpy.security.sealed import Seal

log = structlog.get_logger()

NAME: Final = "gossip.pb"


class KnownGossip:
    """One file of the node's, sealed with its own keys."""

    def __init__(self, disk: Disk, state_dir: Path, seal: Seal) -> None:
        self._disk = disk
        self._path = state_dir / NAME
        self._seal = seal
        self._access = self._read()

    @property
    def access(self) -> GossipAccess:
        """What was heard last; empty when nothing was. Not to be changed."""
        return self._access

    def heard(self, access: GossipAccess) -> None:
        """Remember; nothing is written when it is known."""
        if access == self._access:
            return
        self._access = GossipAccess()
        self._access.CopyFrom(access)
        data = access.SerializeToString(deterministic=True)
        try:
            self._disk.replace(self._path, self._seal.close(data, NAME))
        except OSError as error:  # it is in memory, and managers tell it again
            log.warning("gossip_keys_not_kept", error=str(error))

    def met(self, addresses: list[str]) -> None:
        """Remember where other nodes answer, once none of those that are known does."""
        if addresses and not set(addresses) & set(self._access.addresses):
            access = GossipAccess()
            access.CopyFrom(self._access)
            del access.addresses[:]
            access.addresses.extend(addresses)
            self.heard(access)

    def _read(self) -> GossipAccess:
        """A file that cannot be used is as good as none: managers tell it again."""
        try:
            return GossipAccess.FromString(self._seal.open(self._disk.read(self._path), NAME))
        except (FileNotFoundError, StorageCorrupt, DecodeError):
            return GossipAccess()
