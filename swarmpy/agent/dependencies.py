"""What the tasks of this node refer to: configs, secrets, networks, volumes. In memory only."""

from __future__ import annotations

from typing import Any

from swarmpy.core.file_versions import config_references, is_live, newest_id, secret_references
from swarmpy.core.image_name import images_of, registry_of
from swarmpy.core.shown_files import expanded, uses_templates
from swarmpy.core.template import values_of
from swarmpy.pb.dispatcher_pb2 import NewestFile
from swarmpy.pb.objects_pb2 import (
    Config,
    Network,
    NodeDescription,
    RegistryCredential,
    Secret,
    Task,
    Volume,
)
from swarmpy.pb.types_pb2 import FileReference
from swarmpy.seams import Dependencies, Runtime


class HeldDependencies:
    """What managers gave this node to hold."""

    def __init__(self) -> None:
        self.configs: dict[str, Config] = {}
        self.secrets: dict[str, Secret] = {}
        self.networks: dict[str, Network] = {}
        self.volumes: dict[str, Volume] = {}
        self.newest: dict[str, NewestFile] = {}
        self.registries: dict[str, RegistryCredential] = {}
        self.node: NodeDescription | None = None
        """What this node is, for templates; None until its engine has said so."""

    def tables(self) -> tuple[dict[str, Any], ...]:
        """Return all that managers gave, by kind."""
        of_files = (self.configs, self.secrets, self.newest)
        return *of_files, self.networks, self.volumes, self.registries

    def missing(self, task: Task) -> list[str]:
        """Return what `task` refers to that is not here, in words; [] when all of it is."""
        absent = [
            f"{table.removesuffix('s')} {reference.name}"
            for table, reference in _references(task)
            if (reference.id or is_live(reference)) and not self._has(table, reference)
        ]
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
        if self.node is None and uses_templates(task):
            absent.append("what this node is")
        return absent

    def of(self, task: Task) -> Dependencies:
        """Return what `task` refers to, and nothing that it does not."""
        files = {self._row_id(*one) for one in _references(task)}
        named = {attachment.network for attachment in task.spec.networks}
        addressed = {address.network_id for address in task.addresses}
        newest = {
            newest_id(table, reference): self._row_id(table, reference)
            for table, reference in _references(task)
            if is_live(reference)
        }
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
            newest=newest,
            registries={
                one.registry: one
                for one in self.registries.values()
                if one.registry in {registry_of(image) for image in images_of(task.spec)}
            },
            values=values_of(task, self.node or NodeDescription()),
        )

    def _has(self, table: str, reference: FileReference) -> bool:
        row_id = self._row_id(table, reference)
        return row_id in self.configs or row_id in self.secrets

    def _row_id(self, table: str, reference: FileReference) -> str:
        if not is_live(reference):
            return reference.id
        newest = self.newest.get(newest_id(table, reference))
        return "" if newest is None else newest.row_id


async def prepare(runtime: Runtime, held: HeldDependencies, task: Task) -> None:
    """Have a runtime prepare a task whose environment and templates are filled in.

    Raises:
        TaskRefused: they cannot be; and as `Runtime.prepare`.
    """
    needs = held.of(task)
    await runtime.prepare(expanded(task, needs.find, needs.values), needs)


async def refresh(runtime: Runtime, held: HeldDependencies, task: Task) -> None:
    """Have a runtime show a task what its files are now. Raises as `prepare`."""
    needs = held.of(task)
    await runtime.refresh(expanded(task, needs.find, needs.values), needs)


def _references(task: Task) -> list[tuple[str, FileReference]]:
    """Return (table, reference) of every file that a task refers to."""
    configs = [("configs", one) for one in config_references(task.spec)]
    return configs + [("secrets", one) for one in secret_references(task.spec)]
