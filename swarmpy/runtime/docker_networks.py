"""Keeps one bridge network of the engine for each of the swarm's networks that tasks here use.

Several nodes may share one engine; they then share its networks. So a network is removed only
when no container is attached to it, running or not.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from functools import partial

import structlog
from docker import APIClient
from docker.errors import APIError, NotFound

from swarmpy.errors import TaskRefused
from swarmpy.pb.objects_pb2 import Network
from swarmpy.runtime.container_config import Json
from swarmpy.runtime.docker_engine import Engine
from swarmpy.runtime.network_config import (
    NETWORK_LABEL,
    is_host,
    network_body,
    network_name,
    overlap,
)
from swarmpy.seams import Clock

log = structlog.get_logger()

ATTEMPTS = 5
PAUSE_S = 0.2


class Networks:
    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._made: set[str] = set()
        """Ids of the networks that are known to be there."""
        self._brought: dict[str, Network] = {}
        """Each that was ever brought, by its name at the engine."""

    async def bring(self, network: Network) -> None:
        """Return when the engine has the network.

        Raises:
            TaskRefused: the engine refuses it, e.g. another network has the subnet.
            EngineUnavailable: the engine does not answer.
        """
        if network.id in self._made or is_host(network):
            return
        self._brought[network_name(network.id)] = network
        what = f"make network {network.spec.name}"
        for _ in range(ATTEMPTS):
            if await self._engine.change(what, lambda client: _make(client, network)):
                self._made.add(network.id)
                return
            # Another node is making the same one, or one that is gone from the swarm is left.
            await self._clock.sleep(PAUSE_S)
            await self._engine.ask(what, lambda client: _remove_unused(client, network.subnet))
        raise TaskRefused(
            f"could not {what}: another network of this engine holds {network.subnet}",
            remedy="docker network ls, and remove it, or give the network another subnet",
        )

    async def bring_back(self, names: Iterable[str]) -> bool:
        """Make those anew that are gone, and tell whether any was.

        A node that shares the engine may remove a network just before it is used.
        """
        self.forget()
        wanted = [self._brought[name] for name in names if name in self._brought]
        what = "look for networks"
        gone = [
            network
            for network in wanted
            if not await self._engine.ask(what, partial(_is_there, network=network))
        ]
        for network in gone:
            await self.bring(network)
        return bool(gone)

    def forget(self) -> None:
        """Look for every network again when it is needed next."""
        self._made.clear()

    async def remove_unused(self) -> None:
        """Remove the swarm's networks that no container is attached to."""
        self.forget()
        await self._engine.ask("remove unused networks", _remove_unused)


def connect(client: APIClient, container_id: str, further_networks: dict[str, Json]) -> None:
    """Connect a container to networks beyond its first; those it has already stay."""
    for name, endpoint in further_networks.items():
        with contextlib.suppress(_AlreadyThere):
            _connect(client, container_id, name, endpoint)


class _AlreadyThere(Exception):
    """Two did the same at once; it is done."""


def _connect(client: APIClient, container_id: str, name: str, endpoint: Json) -> None:
    try:
        client.connect_container_to_network(
            container_id,
            name,
            aliases=endpoint["Aliases"],
            ipv4_address=endpoint.get("IPAMConfig", {}).get("IPv4Address"),
        )
    except APIError as error:
        if "already exists in network" in str(error.explanation):
            raise _AlreadyThere from error
        raise


def _make(client: APIClient, network: Network) -> bool:
    """Create the network unless it is there; False when something else holds its subnet."""
    if _is_there(client, network):
        return True
    try:
        _create(client, network)
    except APIError as error:
        words = str(error.explanation)
        if "overlaps" not in words and "already exists" not in words:
            raise
        return _is_there(client, network)
    return True


def _is_there(client: APIClient, network: Network) -> bool:
    try:
        client.inspect_network(network_name(network.id))
    except NotFound:
        return False
    return True


def _create(client: APIClient, network: Network) -> None:
    body = network_body(network)
    client.create_network(
        body["Name"],
        driver=body["Driver"],
        ipam=body.get("IPAM"),
        check_duplicate=body["CheckDuplicate"],
        internal=body["Internal"],
        labels=body["Labels"],
    )
    log.info("network_made", network=network.spec.name, name=body["Name"], subnet=network.subnet)


def _remove_unused(client: APIClient, subnet: str = "") -> None:
    """Remove the swarm's networks without containers; with a subnet, only those that hold it."""
    for network in client.networks(filters={"label": NETWORK_LABEL}):
        held = [config["Subnet"] for config in network["IPAM"]["Config"] or ()]
        if subnet and not any(map(partial(overlap, subnet), held)):
            continue
        # By name: a container that was never started knows no network's id yet.
        if not client.containers(all=True, quiet=True, filters={"network": network["Name"]}):
            with contextlib.suppress(APIError):  # somebody has just begun to use it
                client.remove_network(network["Id"])
