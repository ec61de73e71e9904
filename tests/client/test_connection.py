"""Writes happen at most once; reads are asked again; leaders are followed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest

from swarmpy.client.client import Client
from swarmpy.client.connection import Connection
from swarmpy.client.dialing import dial_local
from swarmpy.errors import (
    DaemonUnreachable,
    EngineUnavailable,
    NoLeader,
    NotLeader,
    OutcomeUnknown,
    SwarmPyError,
    Unavailable,
)
from tests.client.fake_control import FakeControl, serving
from tests.client.specs import web


@pytest.mark.parametrize(
    "error",
    [NotLeader.ask(""), NoLeader.counted(1, 3), OutcomeUnknown("it is not known"), Unavailable("")],
    ids=lambda error: type(error).__name__,
)
async def test_a_read_is_asked_again_when_the_managers_are_not_available(
    client: Client, control: FakeControl, error: SwarmPyError
) -> None:
    control.failures["ListNodes"] = [error, error]
    assert len((await client.nodes()).nodes) == 2
    assert control.calls == ["ListNodes"] * 3


@pytest.mark.parametrize(
    "error",
    [NotLeader.ask(""), NoLeader.counted(1, 3)],
    ids=lambda error: type(error).__name__,
)
async def test_a_write_is_sent_again_when_nothing_was_written(
    client: Client, control: FakeControl, error: SwarmPyError
) -> None:
    control.failures["CreateService"] = [error]
    await client.create_service(web())
    assert control.calls == ["CreateService"] * 2


async def test_a_write_whose_outcome_is_unknown_is_not_sent_again(
    client: Client, control: FakeControl
) -> None:
    control.failures["CreateService"] = [OutcomeUnknown("leadership was lost meanwhile")]
    with pytest.raises(OutcomeUnknown, match="leadership was lost"):
        await client.create_service(web())
    assert control.calls == ["CreateService"]


async def test_a_write_whose_connection_breaks_may_have_happened(
    client: Client, control: FakeControl
) -> None:
    control.failures["CreateService"] = [Unavailable("socket closed")]
    with pytest.raises(OutcomeUnknown, match="socket closed") as caught:
        await client.create_service(web())
    assert "look" in caught.value.remedy
    assert control.calls == ["CreateService"]


async def test_an_engine_that_is_away_is_told_at_once(client: Client, control: FakeControl) -> None:
    control.failures["ListNodes"] = [EngineUnavailable("no docker here")]
    with pytest.raises(EngineUnavailable):
        await client.nodes()
    assert control.calls == ["ListNodes"]


async def test_patience_ends(address: str, control: FakeControl) -> None:
    control.failures["ListNodes"] = [NoLeader.counted(1, 3) for _ in range(100)]
    target = address.replace("unix://", "unix:")
    async with Client(Connection([target], dial_local, patience_s=0.2)) as client:
        with pytest.raises(NoLeader, match="1 of 3 managers"):
            await client.nodes()
    assert 1 < len(control.calls) < 10


async def test_nobody_listening_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(DaemonUnreachable, match=r"none\.sock") as caught:
        await asyncio.wait_for(Client.connect(f"unix://{tmp_path}/none.sock"), 2)
    assert "swarmpy init" in caught.value.remedy


async def test_a_dead_socket_file_is_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "dead.sock"
    path.write_bytes(b"")
    with pytest.raises(DaemonUnreachable, match=r"dead\.sock"):
        await asyncio.wait_for(Client.connect(f"unix://{path}"), 2)


async def test_a_daemon_that_restarts_is_found_again(control: FakeControl, tmp_path: Path) -> None:
    path = tmp_path / "s.sock"
    async with serving(control, path) as address:
        client = await Client.connect(address)

    async def restart() -> None:
        async with serving(control, path):
            await asyncio.sleep(2)

    async with client, asyncio.timeout(5), asyncio.TaskGroup() as group:
        restarted = group.create_task(restart())
        assert len((await client.nodes()).nodes) == 2
        restarted.cancel()


@pytest.fixture
async def two_managers(
    control: FakeControl, tmp_path: Path
) -> AsyncIterator[tuple[Client, FakeControl, FakeControl]]:
    """Two managers that are dialled by name; the first is `control`."""
    leader = FakeControl()

    def dial(name: str) -> grpc.aio.Channel:
        return dial_local(f"unix:{tmp_path}/{name}.sock")

    async with (
        serving(control, tmp_path / "follower.sock"),
        serving(leader, tmp_path / "leader.sock"),
        Client(Connection(["away", "follower"], dial)) as client,
    ):
        yield client, control, leader


async def test_the_next_address_is_asked_when_one_is_away(
    two_managers: tuple[Client, FakeControl, FakeControl],
) -> None:
    client, follower, _ = two_managers
    await client.create_service(web())
    assert follower.calls == ["CreateService"]


async def test_the_leader_that_was_named_is_followed_and_remembered(
    two_managers: tuple[Client, FakeControl, FakeControl],
) -> None:
    client, follower, leader = two_managers
    follower.failures["CreateService"] = [NotLeader.ask("leader")]
    await client.create_service(web())
    await client.nodes()
    assert follower.calls == ["CreateService"]
    assert leader.calls == ["CreateService", "ListNodes"]


async def test_a_watch_starts_over_when_its_manager_goes(
    client: Client, control: FakeControl
) -> None:
    seen = []
    async for changes in client.watch(["nodes"]):
        seen.append((changes.resync, len(changes.rows)))
        if len(seen) == 1:
            control.end_watches(NotLeader.ask(""))
        elif len(seen) == 2:
            control.drop("nodes", control.find("nodes", "beta").id)
        else:
            assert [gone.table for gone in changes.removed] == ["nodes"]
            break
    assert seen == [(True, 2), (True, 2), (False, 0)]


async def test_leaving_a_watch_ends_it_at_the_manager(client: Client, control: FakeControl) -> None:
    watch = client.watch()
    await anext(watch)
    assert control.watchers == 1
    await watch.aclose()
    async with asyncio.timeout(2):
        while control.watchers:
            await asyncio.sleep(0.01)
