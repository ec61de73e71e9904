"""Any manager answers the control API; only the leader answers agents. Over real gRPC."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest

from swarmpy.errors import (
    InvalidInput,
    NoLeader,
    NotFound,
    NotLeader,
    OutcomeUnknown,
    PermissionDenied,
    WrongState,
)
from swarmpy.manager.bootstrap import bootstrap_cluster
from swarmpy.manager.settings import ManagerSettings
from swarmpy.pb.control_pb2 import (
    CreateServiceRequest,
    CreateTokenRequest,
    GetServiceRequest,
    ListNodesRequest,
    WatchRequest,
)
from swarmpy.pb.dispatcher_pb2 import AgentMessage, LogChunk
from swarmpy.pb.types_pb2 import NODE_ROLE_WORKER
from swarmpy.rpc.errors_on_the_wire import errors_from_the_wire
from swarmpy.testing import builders
from tests.manager.one_manager import AUTHORITY, hello
from tests.manager.two_managers import control, dispatcher, two_managers

CREATE = CreateServiceRequest(spec=builders.service_spec("web"))


async def test_a_write_at_a_follower_is_done_by_the_leader() -> None:
    async with two_managers() as managers, managers.channel("m2") as channel:
        calls = control(channel)
        service = await calls.CreateService(CREATE)
        assert service.id in managers.stores["m1"].view.services
        assert await calls.GetService(GetServiceRequest(service="web")) == service


async def test_errors_of_the_leader_come_through_as_they_are() -> None:
    async with two_managers() as managers, managers.channel("m2") as channel:
        calls = control(channel)
        with pytest.raises(NotFound, match="missing") as error, errors_from_the_wire():
            await calls.GetService(GetServiceRequest(service="missing"))
        assert error.value.remedy
        with pytest.raises(InvalidInput), errors_from_the_wire():
            await calls.CreateService(CreateServiceRequest())


async def test_a_watch_at_a_follower_is_the_leaders() -> None:
    async with two_managers() as managers, managers.channel("m2") as channel:
        calls = control(channel)
        batches = calls.Watch(WatchRequest(tables=["services"]))
        assert (await batches.read()).resync
        await calls.CreateService(CREATE)
        batch = await batches.read()
        assert [change.service.spec.name for change in batch.changes] == ["web"]
        batches.cancel()


async def test_a_watch_ends_when_its_leader_does_not_lead_any_more() -> None:
    async with two_managers() as managers, managers.channel("m1") as channel:
        batches = control(channel).Watch(WatchRequest())
        assert (await batches.read()).resync
        managers.quorum.lead("m2")
        with pytest.raises(NotLeader) as error, errors_from_the_wire():
            await batches.read()
        assert error.value.leader == managers.addresses["m2"]


async def test_a_call_waits_for_a_leader() -> None:
    async with two_managers() as managers, managers.channel("m2") as channel:
        managers.quorum.lead(None)
        async with asyncio.TaskGroup() as group:
            call = group.create_task(_create(channel))
            await asyncio.sleep(0.2)
            assert not call.done()
            managers.quorum.lead("m1")


async def _create(channel: grpc.aio.Channel) -> None:
    await control(channel).CreateService(CREATE)


async def test_without_a_leader_the_call_fails_in_the_end_and_counts_who_answers() -> None:
    settings = ManagerSettings(leader_wait_s=0.2)
    async with two_managers(settings) as managers, managers.channel("m2") as channel:
        managers.quorum.lead(None)
        managers.quorum.unreachable = {"m1"}
        with pytest.raises(NoLeader, match="1 of 2 managers answer"), errors_from_the_wire():
            await control(channel).ListNodes(ListNodesRequest())


async def test_a_call_that_was_forwarded_is_never_forwarded_again() -> None:
    async with two_managers() as managers, managers.channel("m2") as channel:
        marked = (("swarmpy-forwarded-by", "m1"),)
        with pytest.raises(NotLeader) as error, errors_from_the_wire():
            await control(channel).ListNodes(ListNodesRequest(), metadata=marked)
        assert error.value.leader == managers.addresses["m1"]


async def test_a_call_finds_the_new_leader_when_the_old_one_is_gone() -> None:
    async with two_managers() as managers, managers.channel("m2") as channel:
        calls = control(channel)
        await calls.ListNodes(ListNodesRequest())
        await managers.servers["m1"].stop(None)

        async def elect() -> None:
            await asyncio.sleep(0.3)
            managers.quorum.lead("m2")

        async with asyncio.TaskGroup() as group:
            group.create_task(elect())
            group.create_task(_create(channel))
        assert len(managers.stores["m2"].view.services) == 1


async def test_a_write_in_doubt_at_the_leader_is_in_doubt_at_the_follower() -> None:
    async with two_managers() as managers, managers.channel("m2") as channel:
        managers.quorum.failing = True
        with pytest.raises(OutcomeUnknown), errors_from_the_wire():
            await control(channel).CreateService(CREATE)


async def test_a_write_under_way_is_not_repeated_when_the_lead_is_lost() -> None:
    async with two_managers() as managers, managers.channel("m1") as channel:
        managers.quorum.proposing = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            call = group.create_task(_create_in_doubt(channel))
            await asyncio.sleep(0.1)
            managers.quorum.lead("m2")
            await asyncio.sleep(0.1)
            assert not call.done(), "only the log knows what became of it"
            managers.quorum.proposing.set()
        assert len(managers.stores["m2"].view.services) == 0


async def _create_in_doubt(channel: grpc.aio.Channel) -> None:
    with pytest.raises(OutcomeUnknown), errors_from_the_wire():
        await control(channel).CreateService(CREATE)


@pytest.mark.parametrize("at", ["m1", "m2"])
@pytest.mark.parametrize(
    "who", ["worker:w1", "manager:w1", "manager:stranger"], ids=["worker", "demoted", "removed"]
)
async def test_who_is_no_manager_is_refused_before_anything_is_forwarded(at: str, who: str) -> None:
    async with two_managers() as managers, managers.channel(at, who) as channel:
        request = CreateTokenRequest(role=NODE_ROLE_WORKER)
        with pytest.raises(PermissionDenied) as error, errors_from_the_wire():
            await control(channel).CreateToken(request)
        assert "promote" in error.value.remedy
        assert len(managers.stores["m1"].view.join_tokens) == 0


async def test_an_agent_talks_to_the_leader_over_its_session() -> None:
    async with two_managers() as managers, managers.channel("m1") as channel:
        session = dispatcher(channel).Session(metadata=(("who", "worker:w1"),))
        await session.write(AgentMessage(hello=hello("w1")))
        welcome, assignments = await session.read(), await session.read()
        assert welcome.welcome.node_id == "w1"
        assert assignments.HasField("assignments")
        await session.done_writing()
        await to_its_end(session)
        assert await session.code() == grpc.StatusCode.OK


@pytest.mark.parametrize("at", ["follower", "lost lead"])
async def test_a_session_ends_with_the_leaders_address(at: str) -> None:
    async with two_managers() as managers:
        asked, leader = ("m2", "m1") if at == "follower" else ("m1", "m2")
        async with managers.channel(asked) as channel:
            session = dispatcher(channel).Session(metadata=(("who", "worker:w1"),))
            await session.write(AgentMessage(hello=hello("w1")))
            if at == "lost lead":
                await session.read()
                managers.quorum.lead("m2")
            with pytest.raises(NotLeader) as error, errors_from_the_wire():
                await to_its_end(session)
            assert error.value.leader == managers.addresses[leader]


async def test_lines_that_nobody_asked_for_are_refused_at_once() -> None:
    async with two_managers() as managers, managers.channel("m1") as channel:
        publish = dispatcher(channel).PublishLogs(metadata=(("who", "worker:w1"),))
        await publish.write(LogChunk(request_id="nobody's"))
        with pytest.raises(NotFound), errors_from_the_wire():
            await publish


async def test_a_second_swarm_in_one_store_is_refused() -> None:
    async with two_managers() as managers:
        with pytest.raises(WrongState, match="already"):
            await bootstrap_cluster(
                managers.stores["m1"],
                AUTHORITY,
                cluster_id="c2",
                node_id="m1",
                hello=hello("m1", manager=True),
                gossip_key=bytes(32),
                now_ms=0,
            )


async def to_its_end(call: Any) -> None:
    while await call.read() is not grpc.aio.EOF:  # type: ignore[attr-defined]
        pass
