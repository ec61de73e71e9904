# ruff: noqa: N802  gRPC names its methods
"""The configs, secrets and networks of the make-believe swarm."""

from __future__ import annotations

from typing import Any

from swarmpy.pb import control_pb2 as api
from swarmpy.pb.objects_pb2 import Config, Network, Secret
from tests.client.fake_swarm import FakeSwarm


class FakeDependencies(FakeSwarm):
    async def CreateConfig(self, request: Any, context: Any) -> Config:
        self.called("CreateConfig")
        return self.put("configs", Config(spec=request.spec))  # type: ignore[no-any-return]

    async def UpdateConfig(self, request: Any, context: Any) -> Config:
        self.called("UpdateConfig")
        row: Config = self.find("configs", request.spec.name)
        row.spec.CopyFrom(request.spec)
        return self.put("configs", row)  # type: ignore[no-any-return]

    async def GetConfig(self, request: Any, context: Any) -> Config:
        self.called("GetConfig")
        return self.find("configs", request.config)  # type: ignore[no-any-return]

    async def ListConfigs(self, request: Any, context: Any) -> api.ListConfigsResponse:
        self.called("ListConfigs")
        return api.ListConfigsResponse(configs=self.rows["configs"].values())

    async def RemoveConfig(self, request: Any, context: Any) -> api.RemoveConfigResponse:
        self.called("RemoveConfig")
        self.drop("configs", self.find("configs", request.config).id)
        return api.RemoveConfigResponse()

    async def CreateSecret(self, request: Any, context: Any) -> Secret:
        self.called("CreateSecret")
        secret = Secret(spec=request.spec)
        secret.spec.ClearField("data")
        return self.put("secrets", secret)  # type: ignore[no-any-return]

    async def UpdateSecret(self, request: Any, context: Any) -> Secret:
        self.called("UpdateSecret")
        row: Secret = self.find("secrets", request.spec.name)
        row.spec.CopyFrom(request.spec)
        row.spec.ClearField("data")
        row.spec.ClearField("entries")
        return self.put("secrets", row)  # type: ignore[no-any-return]

    async def GetSecret(self, request: Any, context: Any) -> Secret:
        self.called("GetSecret")
        return self.find("secrets", request.secret)  # type: ignore[no-any-return]

    async def ListSecrets(self, request: Any, context: Any) -> api.ListSecretsResponse:
        self.called("ListSecrets")
        return api.ListSecretsResponse(secrets=self.rows["secrets"].values())

    async def RemoveSecret(self, request: Any, context: Any) -> api.RemoveSecretResponse:
        self.called("RemoveSecret")
        self.drop("secrets", self.find("secrets", request.secret).id)
        return api.RemoveSecretResponse()

    async def CreateNetwork(self, request: Any, context: Any) -> Network:
        self.called("CreateNetwork")
        network = Network(spec=request.spec, subnet=request.spec.subnet or "10.128.0.0/24")
        return self.put("networks", network)  # type: ignore[no-any-return]

    async def ListNetworks(self, request: Any, context: Any) -> api.ListNetworksResponse:
        self.called("ListNetworks")
        return api.ListNetworksResponse(networks=self.rows["networks"].values())

    async def RemoveNetwork(self, request: Any, context: Any) -> api.RemoveNetworkResponse:
        self.called("RemoveNetwork")
        self.drop("networks", self.find("networks", request.network).id)
        return api.RemoveNetworkResponse()
