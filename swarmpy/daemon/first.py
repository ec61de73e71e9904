"""What the first manager of a swarm holds until the swarm itself holds it: the authority's key."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from swarmpy.pb.objects_pb2 import Cluster
from swarmpy.seams import Disk
from swarmpy.security.certificates import Authority


@dataclass(frozen=True, slots=True)
class Founding:
    """A new swarm's id and authority. The file goes once they are in the replicated store."""

    cluster_id: str
    authority: Authority

    def save(self, disk: Disk, state_dir: Path) -> None:
        row = Cluster(
            id=self.cluster_id,
            ca_certificate_pem=self.authority.ca_certificate_pem,
            ca_key_pem=self.authority.ca_key_pem,
        )
        disk.replace(_file(state_dir), row.SerializeToString())

    @staticmethod
    def load(disk: Disk, state_dir: Path) -> Founding | None:
        """Return what was saved; None when the swarm holds it already."""
        try:
            row = Cluster.FromString(disk.read(_file(state_dir)))
        except FileNotFoundError:
            return None
        return Founding(row.id, Authority(row.ca_certificate_pem, row.ca_key_pem))

    @staticmethod
    def forget(disk: Disk, state_dir: Path) -> None:
        disk.remove(_file(state_dir))


def _file(state_dir: Path) -> Path:
    return state_dir / "founding.pb"
