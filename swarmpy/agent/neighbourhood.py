"""Tells this node's neighbours where its tasks answer, and its routes what neighbours tell."""

from __future__ import annotations

from swarmpy.agent.routes import Routes
from swarmpy.agent.worker import Worker
from swarmpy.core.heard import Heard, endpoint_of
from swarmpy.pb.gossip_pb2 import GOSSIP_STATE_DEAD, GOSSIP_STATE_LEFT
from swarmpy.rpc.address import split_address
from swarmpy.seams import GossipPicture, Neighbours
from swarmpy.task_group import TaskGroup

AWAY = frozenset({GOSSIP_STATE_DEAD, GOSSIP_STATE_LEFT})


class Neighbourhood:
    """Works whether a manager answers or not."""

    def __init__(self, neighbours: Neighbours, worker: Worker, routes: Routes) -> None:
        self._neighbours = neighbours
        self._worker = worker
        self._routes = routes
        self._ever: set[str] = set()

    async def run(self) -> None:
        """Tell and hear until cancelled."""
        async with TaskGroup() as group:
            group.create_task(self._tell())
            group.create_task(self._hear())

    async def _tell(self) -> None:
        while True:
            tasks = await self._worker.tasks_changed()
            told = [endpoint for task in tasks if (endpoint := endpoint_of(task)) is not None]
            self._neighbours.put_all(told)

    async def _hear(self) -> None:
        async for picture in self._neighbours.watch():
            self._routes.hear(self._heard(picture))

    def _heard(self, picture: GossipPicture) -> Heard:
        endpoints = {endpoint.task_id: endpoint for endpoint in picture.endpoints}
        self._ever.update(endpoints)
        self._ever &= endpoints.keys() | self._routes.tasks
        return Heard(
            endpoints=endpoints,
            hosts={
                node_id: split_address(one.member.address)[0]
                for node_id, one in picture.members.items()
                if one.member.address
            },
            away={node_id for node_id, one in picture.members.items() if one.state in AWAY},
            ever=frozenset(self._ever),
        )
