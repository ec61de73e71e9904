"""Secrets: what goes in never comes out of this API, only to the nodes that need it."""

from __future__ import annotations

from swarmpy.core.file_versions import sizes
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
    CreateSecretRequest,
    GetSecretRequest,
    ListSecretsRequest,
    ListSecretsResponse,
    RemoveSecretRequest,
    RemoveSecretResponse,
    UpdateSecretRequest,
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
            refuse_taken_name(tx.view.secrets, request.spec.name)
            tx.secrets.create(secret)

        await self._seat.write(decide)
        return without_data(self._seat.store.view.secrets.get(secret.id))

    async def update_secret(self, request: UpdateSecretRequest) -> Secret:
        """Make another version; what follows the newest means it from now on."""
        validate_config(request.spec)
        secret_id = self._seat.ids.new_id()

        def decide(tx: Editor) -> str:
            before, number = next_version(tx.view.secrets, request.spec)
            if not number:
                return before.id
            secret = Secret(id=secret_id, spec=request.spec, number=number)
            secret.spec.name = f"{request.spec.name}.{number}"
            move_followers(self._seat, tx, [tx.secrets.create(secret)])
            return secret_id

        made_id = await self._seat.write(decide)
        return without_data(self._seat.store.view.secrets.get(made_id))

    async def get_secret(self, request: GetSecretRequest) -> Secret:
        return without_data(newest((await self._seat.read()).secrets, request.secret))

    async def list_secrets(self, _request: ListSecretsRequest) -> ListSecretsResponse:
        view = await self._seat.read()
        return ListSecretsResponse(secrets=[without_data(secret) for secret in view.secrets])

    async def remove_secret(self, request: RemoveSecretRequest) -> RemoveSecretResponse:
        def decide(tx: Editor) -> None:
            rows = versions(tx.view.secrets, request.secret)
            refuse_if_file_used(tx.view, "secret", rows)
            for row in rows:
                tx.secrets.delete(row.id)

        await self._seat.write(decide)
        return RemoveSecretResponse()


def without_data(secret: Secret) -> Secret:
    """Return what may be shown of a secret: how long it is, and not what."""
    shown = Secret()
    shown.CopyFrom(secret)
    shown.sizes.update(sizes(secret.spec))
    shown.spec.ClearField("data")
    shown.spec.ClearField("entries")
    return shown
