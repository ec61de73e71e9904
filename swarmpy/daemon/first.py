"""What the first manager of a swarm holds until the swarm itself holds it: the authority's key,
the unlock key when autolock is wanted, and the pace of its gossip. The file is sealed with the
node's own keys.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from swarmpy.pb.objects_pb2 import Cluster
from swarmpy.pb.specs_pb2 import ClusterSpec
from swarmpy.seams import Disk
from swarmpy.security.certificates import Authority
from swarmpy.security.sealed import Seal

NAME = "founding.pb"


@dataclass(frozen=True, slots=True)
class Founding:
    """A new swarm's id and authority. The file goes once they are in the replicated store."""

    cluster_id: str
    authority: Authority
    unlock_key: bytes = field(default=b"", repr=False)
    """Set: the swarm begins with autolock on."""
    gossip_profile: str = "default"

    def save(self, disk: Disk, state_dir: Path, seal: Seal) -> None:
        row = Cluster(
            id=self.cluster_id,
            ca_certificate_pem=self.authority.ca_certificate_pem,
            ca_key_pem=self.authority.ca_key_pem,
            unlock_key=self.unlock_key,
            spec=ClusterSpec(gossip_profile=self.gossip_profile),
        )
        disk.replace(_file(state_dir), seal.close(row.SerializeToString(), NAME))

    @staticmethod
    def load(disk: Disk, state_dir: Path, seal: Seal) -> Founding | None:
        """Return what was saved; None when the swarm holds it already.

        Raises:
            StorageCorrupt: it cannot be opened.
        """
        try:
            data = disk.read(_file(state_dir))
        except FileNotFoundError:
            return None
        row = Cluster.FromString(seal.open(data, NAME))
        authority = Authority(row.ca_certificate_pem, row.ca_key_pem)
        profile = row.spec.gossip_profile or "default"
        return Founding(row.id, authority, row.unlock_key, profile)

    @staticmethod
    def forget(disk: Disk, state_dir: Path) -> None:
        disk.remove(_file(state_dir))


def _file(state_dir: Path) -> Path:
    return state_dir / NAME
