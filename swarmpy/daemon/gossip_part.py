"""A node's part in gossip, for as long as its daemon lives: keys in, managers out."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

import structlog

from swarmpy.daemon.farewell import Farewell
from swarmpy.daemon.known_gossip import KnownGossip
from swarmpy.daemon.known_managers import KnownManagers
from swarmpy.daemon.settings import Settings
from swarmpy.errors import InvalidInput
from swarmpy.gossip.epoch import EpochFile
from swarmpy.gossip.neighbours import Place, ProcessNeighbours
from swarmpy.pb.dispatcher_pb2 import GossipAccess
from swarmpy.pb.gossip_pb2 import GOSSIP_STATE_ALIVE
from swarmpy.rpc.address import join_address
from swarmpy.seams import Clock, Consensus, Disk, GossipPicture, Neighbours
from swarmpy.security.certificates import NodeIdentity
from swarmpy.security.sealed import Seal
from swarmpy.task_group import TaskGroup

log = structlog.get_logger()

ADDRESSES_KEPT = 16


class GossipPart:
    """Knows what a restarted node must know, and keeps it up to date."""

    def __init__(
        self,
        settings: Settings,
        identity: Callable[[], NodeIdentity],
        disk: Disk,
        clock: Clock,
        managers: KnownManagers,
        seal: Seal,
    ) -> None:
        self._managers = managers
        self._known = KnownGossip(disk, settings.state_dir, seal)
        self._farewell = Farewell(disk, settings.state_dir)
        me = identity()
        self._node_id = me.node_id
        place = Place(
            node_id=me.node_id,
            cluster_id=me.cluster_id,
            listen_address=join_address(settings.listen_address, settings.gossip_port),
            address=settings.gossip_address,
        )
        epochs = EpochFile(disk, settings.state_dir / "gossip-epoch", clock)
        self._neighbours = ProcessNeighbours(place, identity, epochs, clock, random.SystemRandom())
        self._use(self._known.access)

    @property
    def neighbours(self) -> Neighbours:
        return self._neighbours

    def heard(self, access: GossipAccess) -> None:
        """Use what a manager has told, and remember it."""
        self._use(access)
        self._known.heard(access)

    def papers_changed(self) -> None:
        """Show the node's new certificate from now on."""
        self._neighbours.papers_changed()

    async def run(self) -> None:
        """Take part until cancelled; say good-bye then, if this node leaves the swarm."""
        self._farewell.forget()
        async with TaskGroup() as group:
            group.create_task(self._neighbours.run())
            group.create_task(self._look())
            try:
                await asyncio.Event().wait()
            finally:
                if self._farewell.is_wanted:
                    await self._neighbours.leave()

    def _use(self, access: GossipAccess) -> None:
        try:
            self._neighbours.set_profile(access.profile or "default")
            self._neighbours.set_keys(access.keys)
        except InvalidInput as error:
            log.warning("gossip_access_unusable", error=error.message)
        for node_id in access.removed_node_ids:
            if node_id != self._node_id:
                self._neighbours.forget(node_id)
        self._neighbours.join(access.addresses)

    async def _look(self) -> None:
        """Follow what gossip sees: where managers are, and whom to ask after a restart."""
        async for picture in self._neighbours.watch():
            self._managers.met(picture)
            self._known.met(self._others(picture))

    def _others(self, picture: GossipPicture) -> list[str]:
        alive = [
            one.member.address
            for node_id, one in picture.members.items()
            if one.state == GOSSIP_STATE_ALIVE and node_id != self._node_id
        ]
        return alive[:ADDRESSES_KEPT]


async def tell_of_managers(neighbours: Neighbours, consensus: Consensus, api_address: str) -> None:
    """Tell all who leads, for as long as this node is a manager; then that it is none."""
    try:
        async for leadership in consensus.watch_leadership():
            neighbours.describe(
                api_address=api_address,
                term=leadership.term,
                leader_id=leadership.leader_id or "",
            )
    finally:
        neighbours.describe(api_address="", term=0, leader_id="")
