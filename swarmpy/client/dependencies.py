"""What services refer to by name: configs, secrets and networks."""

from __future__ import annotations

from collections.abc import Mapping

from swarmpy.client.calls import Calls
from swarmpy.pb.control_pb2 import (
    CreateConfigRequest,
    CreateNetworkRequest,
    CreateSecretRequest,
    GetConfigRequest,
    GetSecretRequest,
    ListConfigsRequest,
    ListNetworksRequest,
    ListSecretsRequest,
    RemoveConfigRequest,
    RemoveNetworkRequest,
    RemoveSecretRequest,
    UpdateConfigRequest,
    UpdateSecretRequest,
)
from swarmpy.pb.objects_pb2 import Config, Network, Secret
from swarmpy.pb.specs_pb2 import ConfigSpec, NetworkSpec, SecretSpec


class DependencyCalls(Calls):
    """Each is named by its id, a unique prefix of it, or its name; InUse while referred to."""

    async def create_config(
        self,
        name: str,
        data: bytes = b"",
        *,
        entries: Mapping[str, bytes] | None = None,
        template: bool = False,
        labels: Mapping[str, str] | None = None,
    ) -> Config:
        """Store a config: one file, or `entries`, which are its keys. Raises AlreadyExists.

        A template is filled in for each task: see docs/configs-and-secrets.md.
        """
        spec = ConfigSpec(
            name=name, data=data, entries=entries or {}, template=template, labels=labels or {}
        )
        return await self._connection.write(
            lambda c: c.CreateConfig, CreateConfigRequest(spec=spec)
        )

    async def update_config(
        self,
        name: str,
        data: bytes = b"",
        *,
        entries: Mapping[str, bytes] | None = None,
        template: bool = False,
        labels: Mapping[str, str] | None = None,
    ) -> Config:
        """Make the next version of a config, which is all of it: what follows it rolls, or changes
        in place. The same content makes none.

        Raises:
            NotFound: there is none of this name.
            InUse: it is a stack's.
            InvalidInput: a service names a key that it would not have any more.
        """
        spec = ConfigSpec(
            name=name, data=data, entries=entries or {}, template=template, labels=labels or {}
        )
        return await self._connection.write(
            lambda c: c.UpdateConfig, UpdateConfigRequest(spec=spec)
        )

    async def config(self, ref: str) -> Config:
        """Return the newest version of a config. Raises NotFound."""
        return await self._connection.read(lambda c: c.GetConfig, GetConfigRequest(config=ref))

    async def configs(self) -> list[Config]:
        """Return every version of every config, with its data."""
        answer = await self._connection.read(lambda c: c.ListConfigs, ListConfigsRequest())
        return list(answer.configs)

    async def remove_config(self, ref: str) -> None:
        """Forget a config, all versions of it. Raises InUse."""
        await self._connection.write(lambda c: c.RemoveConfig, RemoveConfigRequest(config=ref))

    async def create_secret(
        self,
        name: str,
        data: bytes = b"",
        *,
        entries: Mapping[str, bytes] | None = None,
        template: bool = False,
        labels: Mapping[str, str] | None = None,
    ) -> Secret:
        """Store a secret: one file, or `entries`, which are its keys. Its data never comes back.

        A template is filled in for each task: see docs/configs-and-secrets.md.

        Raises:
            AlreadyExists: there is one of this name.
        """
        spec = SecretSpec(
            name=name, data=data, entries=entries or {}, template=template, labels=labels or {}
        )
        return await self._connection.write(
            lambda c: c.CreateSecret, CreateSecretRequest(spec=spec)
        )

    async def update_secret(
        self,
        name: str,
        data: bytes = b"",
        *,
        entries: Mapping[str, bytes] | None = None,
        template: bool = False,
        labels: Mapping[str, str] | None = None,
    ) -> Secret:
        """Make the next version of a secret, which is all of it: what follows it rolls, or changes
        in place. The same content makes none.

        Raises:
            NotFound: there is none of this name.
            InUse: it is a stack's.
            InvalidInput: a service names a key that it would not have any more.
        """
        spec = SecretSpec(
            name=name, data=data, entries=entries or {}, template=template, labels=labels or {}
        )
        return await self._connection.write(
            lambda c: c.UpdateSecret, UpdateSecretRequest(spec=spec)
        )

    async def secret(self, ref: str) -> Secret:
        """Return how long each key of the newest version of a secret is. Raises NotFound."""
        return await self._connection.read(lambda c: c.GetSecret, GetSecretRequest(secret=ref))

    async def secrets(self) -> list[Secret]:
        """Return every version of every secret, without its data."""
        answer = await self._connection.read(lambda c: c.ListSecrets, ListSecretsRequest())
        return list(answer.secrets)

    async def remove_secret(self, ref: str) -> None:
        """Forget a secret, all versions of it. Raises InUse."""
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
