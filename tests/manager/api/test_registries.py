"""How to log in to a registry is kept, given to nodes that need it, and never shown."""

from __future__ import annotations

import asyncio

import pytest

from swarmpy.errors import InvalidInput, NotFound
from swarmpy.manager.api.registries import Registries
from swarmpy.manager.api.watch import Watch
from swarmpy.manager.dispatcher.assignments import held_by
from swarmpy.manager.seat import Seat
from swarmpy.pb.control_pb2 import (
    ListRegistriesRequest,
    LoginRegistryRequest,
    LogoutRegistryRequest,
    WatchRequest,
)
from swarmpy.pb.objects_pb2 import RegistryCredential
from swarmpy.pb.types_pb2 import TASK_STATE_FAILED, TASK_STATE_RUNNING, TaskState
from swarmpy.testing import builders
from tests.manager.one_manager import Sent, leading_seat, put
from tests.manager.stopped_clock import settle

CANARY = b"canary-4711"


async def login(seat: Seat, registry: str, password: bytes = CANARY) -> RegistryCredential:
    request = LoginRegistryRequest(registry=registry, username="me", password=password)
    return await Registries(seat).login_registry(request)


async def test_a_password_is_in_no_answer() -> None:
    seat = await leading_seat()
    sent = Sent()
    watching = asyncio.create_task(Watch(seat).watch(WatchRequest(), sent))
    made = await login(seat, "r.example")
    listed = await Registries(seat).list_registries(ListRegistriesRequest())
    await settle()
    watching.cancel()
    assert [row.username for row in listed.registries] == ["me"]
    assert all(
        CANARY not in answer.SerializeToString() for answer in (made, listed, *sent.messages)
    )
    with pytest.raises(InvalidInput):
        await Watch(seat).watch(WatchRequest(tables=["registry_credentials"]), Sent())


async def test_a_second_login_replaces_the_first() -> None:
    seat = await leading_seat()
    await login(seat, "https://r.example/")
    await login(seat, "r.example", b"other")
    (row,) = seat.store.view.registry_credentials
    assert (row.registry, row.password) == ("r.example", b"other")


async def test_what_was_forgotten_is_not_there() -> None:
    seat = await leading_seat()
    await login(seat, "r.example")
    await Registries(seat).logout_registry(LogoutRegistryRequest(registry="r.example"))
    with pytest.raises(NotFound, match="no registry is named"):
        await Registries(seat).logout_registry(LogoutRegistryRequest(registry="r.example"))


@pytest.mark.parametrize(
    ("image", "state", "is_given"),
    [
        ("r.example/app:1", TASK_STATE_RUNNING, True),
        ("r.example:5000/app:1", TASK_STATE_RUNNING, False),
        ("app:1", TASK_STATE_RUNNING, False),
        ("r.example/app:1", TASK_STATE_FAILED, False),
    ],
    ids=["its image is there", "at another port", "somewhere else", "it has ended"],
)
async def test_only_nodes_that_pull_from_a_registry_learn_its_password(
    image: str, state: TaskState.ValueType, is_given: bool
) -> None:
    seat = await leading_seat()
    made = await login(seat, "r.example")
    task = builders.task("t1", on="w1")
    task.status.state = state
    task.spec.containers[0].image = image
    await put(seat.store, tasks=[task])
    view = seat.store.view
    assert (("registry_credentials", made.id) in held_by("w1", view, [])) is is_given
    assert ("registry_credentials", made.id) not in held_by("w2", view, [])
