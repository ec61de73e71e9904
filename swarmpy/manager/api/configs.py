"""Configs: files that tasks are shown. What is in one never changes."""

from __future__ import annotations

from swarmpy.core.validate import validate_config
from swarmpy.errors import AlreadyExists
from swarmpy.manager.api.users import refuse_if_file_used
from swarmpy.manager.seat import Seat
from swarmpy.pb.control_pb2 import (
    CreateConfigRequest,
    ListConfigsRequest,
    ListConfigsResponse,
    RemoveConfigRequest,
    RemoveConfigResponse,
)
from swarmpy.pb.objects_pb2 import Config
from swarmpy.store.editor import Editor


class Configs:
    def __init__(self, seat: Seat) -> None:
        self._seat = seat

    async def create_config(self, request: CreateConfigRequest) -> Config:
        validate_config(request.spec)
        config = Config(id=self._seat.ids.new_id(), spec=request.spec)

        def decide(tx: Editor) -> None:
            if tx.view.configs.by("name", request.spec.name):
                raise AlreadyExists.named("config", request.spec.name)
            tx.configs.create(config)

        await self._seat.write(decide)
        return self._seat.store.view.configs.get(config.id)

    async def list_configs(self, _request: ListConfigsRequest) -> ListConfigsResponse:
        return ListConfigsResponse(configs=list((await self._seat.read()).configs))

    async def remove_config(self, request: RemoveConfigRequest) -> RemoveConfigResponse:
        def decide(tx: Editor) -> None:
            config = tx.view.configs.resolve(request.config)
            refuse_if_file_used(tx.view, "config", config)
            tx.configs.delete(config.id)

        await self._seat.write(decide)
        return RemoveConfigResponse()
