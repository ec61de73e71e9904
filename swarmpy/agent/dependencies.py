"""What the tasks of this node refer to: configs, secrets, networks, volumes. In memory only."""

from __future__ import annotations

from swarmpy.core.pod import all_containers
from swarmpy.pb.objects_pb2 import Config, Network, Secret, Task, Volume
from swarmpy.seams import Dependencies


class HeldDependencies:
    """What managers gave this node to hold."""

    def __init__(self) -> None:
        self.configs: dict[str, Config] = {}
        self.secrets: dict[str, Secret] = {}
        self.networks: dict[str, Network] = {}
        self.volumes: dict[str, Volume] = {}

    def missing(self, task: Task) -> list[str]:
        """Return what `task` refers to that is not here, in words; [] when all of it is."""
        absent = []
        for container in all_containers(task.spec):
            absent += [f"config {one.name}" for one in container.configs if not self._has(one.id)]
            absent += [f"secret {one.name}" for one in container.secrets if not self._has(one.id)]
        names = {network.spec.name for network in self.networks.values()}
        absent += [
            f"network {one.network}"
            for one in task.spec.networks
            if one.network not in names and one.network not in self.networks
        ]
        absent += [
            f"volume {source}"
            for source, volume_id in task.volumes.items()
            if volume_id not in self.volumes
        ]
        return absent

    def of(self, task: Task) -> Dependencies:
        """Return what `task` refers to, and nothing that it does not."""
        files = {
            reference.id
            for container in all_containers(task.spec)
            for reference in (*container.configs, *container.secrets)
        }
        named = {attachment.network for attachment in task.spec.networks}
        addressed = {address.network_id for address in task.addresses}
        return Dependencies(
            configs={key: one for key, one in self.configs.items() if key in files},
            secrets={key: one for key, one in self.secrets.items() if key in files},
            networks={
                key: one
                for key, one in self.networks.items()
                if key in addressed or key in named or one.spec.name in named
            },
            volumes={
                source: self.volumes[volume_id]
                for source, volume_id in task.volumes.items()
                if volume_id in self.volumes
            },
        )

    def _has(self, row_id: str) -> bool:
        return row_id in self.configs or row_id in self.secrets
