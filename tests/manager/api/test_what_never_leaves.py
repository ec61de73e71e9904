"""Secrets, token hashes and the authority's key are in no answer of the control API."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from swarmpy.errors import AlreadyExists, InUse, InvalidInput, NotFound
from swarmpy.manager.api.cluster import Clusters
from swarmpy.manager.api.configs import Configs
from swarmpy.manager.api.secrets import Secrets
from swarmpy.manager.api.services import Services
from swarmpy.manager.api.stacks import Stacks
from swarmpy.manager.api.tokens import Tokens
from swarmpy.manager.api.watch import Watch
from swarmpy.manager.seat import Seat
from swarmpy.pb.control_pb2 import (
    CreateConfigRequest,
    CreateSecretRequest,
    CreateServiceRequest,
    CreateTokenRequest,
    DeployStackRequest,
    GetClusterRequest,
    GetStackRequest,
    ListConfigsRequest,
    ListSecretsRequest,
    ListServicesRequest,
    ListTokensRequest,
    RemoveConfigRequest,
    RemoveSecretRequest,
    RevokeTokenRequest,
    WatchRequest,
)
from swarmpy.pb.specs_pb2 import ConfigSpec, SecretSpec, StackSpec
from swarmpy.pb.types_pb2 import NODE_ROLE_MANAGER, NODE_ROLE_WORKER, FileReference
from swarmpy.security.tokens import hash_secret, parse
from swarmpy.testing import builders
from tests.manager.one_manager import AUTHORITY, Sent, leading_seat
from tests.manager.stopped_clock import settle

CANARY = b"canary-4711"


async def with_secret(seat: Seat) -> None:
    spec = SecretSpec(name="key", data=CANARY)
    await Secrets(seat).create_secret(CreateSecretRequest(spec=spec))


async def test_a_secret_that_was_stored_is_in_no_answer() -> None:
    seat = await leading_seat()
    sent = Sent()
    watching = asyncio.create_task(Watch(seat).watch(WatchRequest(), sent))
    answers: list[Any] = [
        await Secrets(seat).create_secret(
            CreateSecretRequest(spec=SecretSpec(name="key", data=CANARY))
        )
    ]
    stack = StackSpec(name="shop", secrets=[SecretSpec(name="shop_key", data=CANARY)])
    stack.services.append(builders.service_spec("shop_web"))
    reference = FileReference(name="shop_key", target="/key")
    stack.services[0].task.containers[0].secrets.append(reference)
    answers.append(await Stacks(seat).deploy_stack(DeployStackRequest(spec=stack)))
    answers.append(await Stacks(seat).get_stack(GetStackRequest(stack="shop")))
    answers.append(await Secrets(seat).list_secrets(ListSecretsRequest()))
    answers.append(await Services(seat).list_services(ListServicesRequest()))
    await settle()
    watching.cancel()
    late = Sent()
    resync = asyncio.create_task(Watch(seat).watch(WatchRequest(tables=["secrets"]), late))
    await settle()
    resync.cancel()
    answers.extend((*sent.messages, *late.messages))
    assert any(batch.changes for batch in late.messages), "the secrets were shown, without data"
    assert all(CANARY not in answer.SerializeToString() for answer in answers)
    assert [row.spec.data for row in seat.store.view.secrets] == [CANARY, CANARY]


async def test_the_authoritys_key_is_not_returned() -> None:
    seat = await leading_seat()
    cluster = await Clusters(seat).get_cluster(GetClusterRequest())
    assert cluster.ca_certificate_pem == AUTHORITY.ca_certificate_pem
    assert not cluster.ca_key_pem
    assert seat.store.view.cluster.ca_key_pem, "but it is still there"


async def test_the_keys_of_gossip_are_not_returned() -> None:
    seat = await leading_seat()
    cluster = await Clusters(seat).get_cluster(GetClusterRequest())
    assert not cluster.HasField("gossip_keys")
    assert seat.store.view.cluster.gossip_keys.keys, "but they are still there"


async def test_a_tokens_secret_is_shown_once_and_stored_hashed() -> None:
    seat = await leading_seat()
    made = await Tokens(seat).create_token(CreateTokenRequest(role=NODE_ROLE_WORKER))
    token = parse(made.secret)
    assert token.ca_digest == AUTHORITY.digest
    assert list(made.join_addresses) == ["m1:2377"]
    (stored,) = seat.store.view.join_tokens
    assert stored.secret_hash == hash_secret(token.secret)
    assert token.secret not in stored.SerializeToString()
    (listed,) = (await Tokens(seat).list_tokens(ListTokensRequest())).tokens
    assert not listed.secret_hash
    assert not made.token.secret_hash
    assert (listed.uses_left, listed.expires_at_ms) == (1, seat.now_ms + 3_600_000)


async def test_a_revoked_token_is_gone() -> None:
    seat = await leading_seat()
    made = await Tokens(seat).create_token(CreateTokenRequest(role=NODE_ROLE_MANAGER, uses=5))
    await Tokens(seat).revoke_token(RevokeTokenRequest(id=made.token.id))
    assert len(seat.store.view.join_tokens) == 0
    with pytest.raises(NotFound):
        await Tokens(seat).revoke_token(RevokeTokenRequest(id=made.token.id))


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(CreateTokenRequest(), id="no role"),
        pytest.param(CreateTokenRequest(role=NODE_ROLE_WORKER, ttl_s=-1), id="ended already"),
        pytest.param(CreateTokenRequest(role=NODE_ROLE_WORKER, ttl_s=1e12), id="almost for ever"),
        pytest.param(CreateTokenRequest(role=NODE_ROLE_WORKER, ttl_s=float("nan")), id="no number"),
        pytest.param(CreateTokenRequest(role=NODE_ROLE_WORKER, uses=10**6), id="for everybody"),
    ],
)
async def test_a_token_without_an_end_is_refused(request_: CreateTokenRequest) -> None:
    with pytest.raises(InvalidInput):
        await Tokens(await leading_seat()).create_token(request_)


async def test_two_tokens_never_share_a_secret() -> None:
    seat = await leading_seat()
    assert isinstance(seat.rng, random.Random)
    request = CreateTokenRequest(role=NODE_ROLE_WORKER)
    made = [await Tokens(seat).create_token(request) for _ in range(2)]
    assert parse(made[0].secret).secret != parse(made[1].secret).secret


async def test_what_a_service_uses_cannot_be_removed() -> None:
    seat = await leading_seat()
    await with_secret(seat)
    config = ConfigSpec(name="conf", data=b"a")
    await Configs(seat).create_config(CreateConfigRequest(spec=config))
    spec = builders.service_spec("web")
    spec.task.containers[0].secrets.append(FileReference(name="key", target="/key"))
    spec.task.containers[0].configs.append(FileReference(name="conf", target="/conf"))
    await Services(seat).create_service(CreateServiceRequest(spec=spec))
    with pytest.raises(InUse, match="web"):
        await Secrets(seat).remove_secret(RemoveSecretRequest(secret="key"))
    with pytest.raises(InUse, match="web"):
        await Configs(seat).remove_config(RemoveConfigRequest(config="conf"))


async def test_names_are_unique_and_what_nobody_uses_can_go() -> None:
    seat = await leading_seat()
    await with_secret(seat)
    with pytest.raises(AlreadyExists):
        await with_secret(seat)
    await Secrets(seat).remove_secret(RemoveSecretRequest(secret="key"))
    request = CreateConfigRequest(spec=ConfigSpec(name="conf", data=b"a"))
    await Configs(seat).create_config(request)
    with pytest.raises(AlreadyExists):
        await Configs(seat).create_config(request)
    (listed,) = (await Configs(seat).list_configs(ListConfigsRequest())).configs
    assert listed.spec.data == b"a", "configs are no secrets"
    await Configs(seat).remove_config(RemoveConfigRequest(config="conf"))
    assert len(seat.store.view.configs) == len(seat.store.view.secrets) == 0
