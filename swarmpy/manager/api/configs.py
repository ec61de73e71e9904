"""Configs: files that tasks are shown. What is in one never changes: it gets versions."""

from __future__ import annotations

from swarmpy.core.validate import validate_config
from swarmpy.manager.api.file_versions import (
    move_followers,
    newest,
    next_version,
    refuse_taken_name,
    versions,
)
from swarmpy.manager.api.users import refuse_if_file_used
from swarmpy.manager.seat import Seat
from swarmpy.pb.control_pb2 import (
    CreateConfigRequest,
    GetConfigRequest,
    ListConfigsRequest,
    ListConfigsResponse,
    RemoveConfigRequest,
    RemoveConfigResponse,
    UpdateConfigRequest,
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
            refuse_taken_name(tx.view.configs, request.spec.name)
            tx.configs.create(config)

        await self._seat.write(decide)
        return self._seat.store.view.configs.get(config.id)

    async def update_config(self, request: UpdateConfigRequest) -> Config:
        """Make another version; what follows the newest means it from now on."""
        validate_config(request.spec)
        config_id = self._seat.ids.new_id()

        def decide(tx: Editor) -> str:
            before, number = next_version(tx.view.configs, request.spec)
            if not number:
                return before.id
            config = Config(id=config_id, spec=request.spec, number=number)
            config.spec.name = f"{request.spec.name}.{number}"
            move_followers(self._seat, tx, [tx.configs.create(config)])
            return config_id

        made_id = await self._seat.write(decide)
        return self._seat.store.view.configs.get(made_id)

    async def get_config(self, request: GetConfigRequest) -> Config:
        return newest((await self._seat.read()).configs, request.config)

    async def list_configs(self, _request: ListConfigsRequest) -> ListConfigsResponse:
        return ListConfigsResponse(configs=list((await self._seat.read()).configs))

    async def remove_config(self, request: RemoveConfigRequest) -> RemoveConfigResponse:
        def decide(tx: Editor) -> None:
            rows = versions(tx.view.configs, request.config)
            refuse_if_file_used(tx.view, "config", rows)
            for row in rows:
                tx.configs.delete(row.id)

        await self._seat.write(decide)
        return RemoveConfigResponse()
