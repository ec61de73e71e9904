"""Networks: subnets are cut for them by the allocator."""

from __future__ import annotations

from swarmpy.core.allocate.subnets import clashing_network
from swarmpy.core.validate import validate_network
from swarmpy.errors import AlreadyExists, Clash
from swarmpy.manager.api.users import refuse_if_network_used
from swarmpy.manager.seat import Seat
from swarmpy.pb.control_pb2 import (
    CreateNetworkRequest,
    ListNetworksRequest,
    ListNetworksResponse,
    RemoveNetworkRequest,
    RemoveNetworkResponse,
)
from swarmpy.pb.objects_pb2 import Network
from swarmpy.store.editor import Editor


class Networks:
    def __init__(self, seat: Seat) -> None:
        self._seat = seat

    async def create_network(self, request: CreateNetworkRequest) -> Network:
        validate_network(request.spec)
        network = Network(id=self._seat.ids.new_id(), spec=request.spec)

        def decide(tx: Editor) -> None:
            if tx.view.networks.by("name", request.spec.name):
                raise AlreadyExists.named("network", request.spec.name)
            other = clashing_network(request.spec, tx.view.networks)
            if other is not None:
                raise Clash(
                    f"subnet {request.spec.subnet} overlaps with network {other.spec.name!r}",
                    remedy="choose another subnet, or none to get a free one",
                )
            tx.networks.create(network)

        await self._seat.write(decide)
        return self._seat.store.view.networks.get(network.id)

    async def list_networks(self, _request: ListNetworksRequest) -> ListNetworksResponse:
        return ListNetworksResponse(networks=list((await self._seat.read()).networks))

    async def remove_network(self, request: RemoveNetworkRequest) -> RemoveNetworkResponse:
        def decide(tx: Editor) -> None:
            network = tx.view.networks.resolve(request.network)
            refuse_if_network_used(tx.view, network)
            tx.networks.delete(network.id)

        await self._seat.write(decide)
        return RemoveNetworkResponse()
