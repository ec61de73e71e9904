"""Registries: how nodes log in to them. Passwords go to the nodes that pull from there, and
never come out of this API.
"""

from __future__ import annotations

from swarmpy.core.image_name import registry_name
from swarmpy.core.validate_registry import validate_login
from swarmpy.errors import NotFound
from swarmpy.manager.seat import Seat
from swarmpy.pb.control_pb2 import (
    ListRegistriesRequest,
    ListRegistriesResponse,
    LoginRegistryRequest,
    LogoutRegistryRequest,
    LogoutRegistryResponse,
)
from swarmpy.pb.objects_pb2 import RegistryCredential
from swarmpy.store.editor import Editor


class Registries:
    def __init__(self, seat: Seat) -> None:
        self._seat = seat

    async def login_registry(self, request: LoginRegistryRequest) -> RegistryCredential:
        """Keep how to log in to a registry, instead of what was kept of it. Whether the registry
        takes it is seen by the node that pulls first: managers may not reach it.
        """
        validate_login(request)
        name = registry_name(request.registry)
        new_id = self._seat.ids.new_id()

        def decide(tx: Editor) -> str:
            known = tx.view.registry_credentials.by("registry", name)
            if not known:
                tx.registry_credentials.create(
                    RegistryCredential(
                        id=new_id,
                        registry=name,
                        username=request.username,
                        password=request.password,
                    )
                )
                return new_id
            with tx.registry_credentials.edit(known[0].id) as row:
                row.username, row.password = request.username, request.password
            return known[0].id

        row_id = await self._seat.write(decide)
        return without_password(self._seat.store.view.registry_credentials.get(row_id))

    async def list_registries(self, _request: ListRegistriesRequest) -> ListRegistriesResponse:
        rows = (await self._seat.read()).registry_credentials
        return ListRegistriesResponse(registries=[without_password(row) for row in rows])

    async def logout_registry(self, request: LogoutRegistryRequest) -> LogoutRegistryResponse:
        """Forget how to log in to a registry. What was pulled stays where it is."""

        def decide(tx: Editor) -> None:
            name = registry_name(request.registry)
            known = tx.view.registry_credentials.by("registry", name)
            if not known:
                raise NotFound.named("registry", request.registry)
            tx.registry_credentials.delete(known[0].id)

        await self._seat.write(decide)
        return LogoutRegistryResponse()


def without_password(row: RegistryCredential) -> RegistryCredential:
    """Return what may be shown."""
    shown = RegistryCredential()
    shown.CopyFrom(row)
    shown.ClearField("password")
    return shown
