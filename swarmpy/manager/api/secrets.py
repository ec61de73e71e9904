"""Secrets: what goes in never comes out of this API, only to the nodes that need it."""

from __future__ import annotations

from swarmpy.core.validate import validate_config
from swarmpy.errors import AlreadyExists
from swarmpy.manager.api.users import refuse_if_file_used
from swarmpy.manager.seat import Seat
from swarmpy.pb.control_pb2 import (
    CreateSecretRequest,
    ListSecretsRequest,
    ListSecretsResponse,
    RemoveSecretRequest,
    RemoveSecretResponse,
)
from swarmpy.pb.objects_pb2 import Secret
from swarmpy.store.editor import Editor


class Secrets:
    def __init__(self, seat: Seat) -> None:
        self._seat = seat

    async def create_secret(self, request: CreateSecretRequest) -> Secret:
        validate_config(request.spec)
        secret = Secret(id=self._seat.ids.new_id(), spec=request.spec)

        def decide(tx: Editor) -> None:
            if tx.view.secrets.by("name", request.spec.name):
                raise AlreadyExists.named("secret", request.spec.name)
            tx.secrets.create(secret)

        await self._seat.write(decide)
        return without_data(self._seat.store.view.secrets.get(secret.id))

    async def list_secrets(self, _request: ListSecretsRequest) -> ListSecretsResponse:
        view = await self._seat.read()
        return ListSecretsResponse(secrets=[without_data(secret) for secret in view.secrets])

    async def remove_secret(self, request: RemoveSecretRequest) -> RemoveSecretResponse:
        def decide(tx: Editor) -> None:
            secret = tx.view.secrets.resolve(request.secret)
            refuse_if_file_used(tx.view, "secret", secret)
            tx.secrets.delete(secret.id)

        await self._seat.write(decide)
        return RemoveSecretResponse()


def without_data(secret: Secret) -> Secret:
    """Return what may be shown of a secret."""
    shown = Secret()
    shown.CopyFrom(secret)
    shown.spec.ClearField("data")
    return shown
