"""Registries: how nodes log in to them."""

from __future__ import annotations

from swarmpy.client.calls import Calls
from swarmpy.pb.control_pb2 import (
    ListRegistriesRequest,
    LoginRegistryRequest,
    LogoutRegistryRequest,
)
from swarmpy.pb.objects_pb2 import RegistryCredential


class RegistryCalls(Calls):
    """A registry is named by its host, with its port if it has one of its own."""

    async def login_registry(
        self, registry: str, username: str, password: str
    ) -> RegistryCredential:
        """Keep how to log in to a registry, for every node that pulls from it. The password never
        comes back. Raises InvalidInput.
        """
        request = LoginRegistryRequest(
            registry=registry, username=username, password=password.encode()
        )
        return await self._connection.write(lambda c: c.LoginRegistry, request)

    async def registries(self) -> list[RegistryCredential]:
        """Return the registries that nodes know how to log in to, without passwords."""
        answer = await self._connection.read(lambda c: c.ListRegistries, ListRegistriesRequest())
        return list(answer.registries)

    async def logout_registry(self, registry: str) -> None:
        """Forget how to log in to a registry. Raises NotFound."""
        request = LogoutRegistryRequest(registry=registry)
        await self._connection.write(lambda c: c.LogoutRegistry, request)
