"""What services refer to by name: configs, secrets and networks."""

from __future__ import annotations

from collections.abc import Mapping

from swarmpy.client.calls import Calls
from swarmpy.pb.control_pb2 import (
    CreateConfigRequest,
    CreateNetworkRequest,
    CreateSecretRequest,
    ListConfigsRequest,
    ListNetworksRequest,
    ListSecretsRequest,
    RemoveConfigRequest,
    RemoveNetworkRequest,
    RemoveSecretRequest,
)
from swarmpy.pb.objects_pb2 import Config, Network, Secret
from swarmpy.pb.specs_pb2 import ConfigSpec, NetworkSpec, SecretSpec


class DependencyCalls(Calls):
    """Each is named by its id, a unique prefix of it, or its name; InUse while referred to."""

    async def create_config(
        self, name: str, data: bytes, *, labels: Mapping[str, str] | None = None
    ) -> Config:
        """Store a config. Raises AlreadyExists."""
        spec = ConfigSpec(name=name, data=data, labels=labels or {})
        return await self._connection.write(
            lambda c: c.CreateConfig, CreateConfigRequest(spec=spec)
        )

    async def configs(self) -> list[Config]:
        """Return every config with its data."""
        answer = await self._connection.read(lambda c: c.ListConfigs, ListConfigsRequest())
        return list(answer.configs)

    async def remove_config(self, ref: str) -> None:
        """Forget a config. Raises InUse."""
        await self._connection.write(lambda c: c.RemoveConfig, RemoveConfigRequest(config=ref))

    async def create_secret(
        self, name: str, data: bytes, *, labels: Mapping[str, str] | None = None
    ) -> Secret:
        """Store a secret. Its data never comes back. Raises AlreadyExists."""
        spec = SecretSpec(name=name, data=data, labels=labels or {})
        return await self._connection.write(
            lambda c: c.CreateSecret, CreateSecretRequest(spec=spec)
        )

    async def secrets(self) -> list[Secret]:
        """Return every secret without its data."""
        answer = await self._connection.read(lambda c: c.ListSecrets, ListSecretsRequest())
        return list(answer.secrets)

    async def remove_secret(self, ref: str) -> None:
        """Forget a secret. Raises InUse."""
        await self._connection.write(lambda c: c.RemoveSecret, RemoveSecretRequest(secret=ref))

    async def create_network(self, spec: NetworkSpec) -> Network:
        """Store a network; its subnet is chosen when the spec names none."""
        return await self._connection.write(
            lambda c: c.CreateNetwork, CreateNetworkRequest(spec=spec)
        )

    async def networks(self) -> list[Network]:
        """Return every network."""
        answer = await self._connection.read(lambda c: c.ListNetworks, ListNetworksRequest())
        return list(answer.networks)

    async def remove_network(self, ref: str) -> None:
        """Forget a network. Raises InUse."""
        await self._connection.write(lambda c: c.RemoveNetwork, RemoveNetworkRequest(network=ref))
