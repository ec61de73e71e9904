# ruff: noqa: N802  gRPC names its methods
"""The registries of the make-believe swarm."""

from __future__ import annotations

from typing import Any

from swarmpy.errors import NotFound
from swarmpy.pb import control_pb2 as api
from swarmpy.pb.objects_pb2 import RegistryCredential
from tests.client.fake_swarm import FakeSwarm


class FakeRegistries(FakeSwarm):
    async def LoginRegistry(self, request: Any, context: Any) -> RegistryCredential:
        self.called("LoginRegistry")
        row = RegistryCredential(registry=request.registry, username=request.username)
        self.registries[request.registry] = row
        self.passwords.append(request.password)
        return row

    async def ListRegistries(self, request: Any, context: Any) -> api.ListRegistriesResponse:
        self.called("ListRegistries")
        return api.ListRegistriesResponse(registries=self.registries.values())

    async def LogoutRegistry(self, request: Any, context: Any) -> api.LogoutRegistryResponse:
        self.called("LogoutRegistry")
        if self.registries.pop(request.registry, None) is None:
            raise NotFound.named("registry", request.registry)
        return api.LogoutRegistryResponse()
