"""Duties run while a manager leads, and only then."""

from __future__ import annotations

import asyncio
import inspect
import random
import typing
from collections.abc import AsyncIterator, Iterable

import pytest

from swarmpy.core.actions import Decision
from swarmpy.errors import NotLeader
from swarmpy.ids import IdSource
from swarmpy.manager.api.nouns import control_parts
from swarmpy.manager.dispatcher.agents import Agents
from swarmpy.manager.dispatcher.membership import Membership
from swarmpy.manager.dispatcher.streams import Streams
from swarmpy.manager.expired_tokens import KEPT_MS, ExpiredTokens
from swarmpy.manager.lead import Lead
from swarmpy.manager.loop import ControlLoop
from swarmpy.manager.manager import RETRY_FIRST_S, Manager
from swarmpy.manager.seat import Seat
from swarmpy.manager.serving import methods, snake
from swarmpy.pb import control_pb2, dispatcher_pb2
from swarmpy.pb.objects_pb2 import JoinToken
from swarmpy.store.view import View
from swarmpy.store.watch import RowChange
from tests.manager.fake_quorum import FakeQuorum
from tests.manager.one_manager import leading_seat, new_store, put
from tests.manager.stopped_clock import StoppedClock, settle
from tests.manager.two_managers import Loopback


class Failing(ControlLoop):
    """Runs; fails when it is told to."""

    tables = ("nodes",)
    running = 0
    started = 0
    fails = False

    def keys(self, view: View) -> Iterable[str]:
        return ("one",)

    def touched(self, change: RowChange) -> Iterable[str]:
        return ("one",)

    def decide(self, view: View, key: str, now_ms: int) -> Decision:
        if Failing.fails:
            raise AssertionError("a bug in a duty")
        return Decision()

    async def run(self) -> None:
        Failing.running += 1
        Failing.started += 1
        try:
            await super().run()
        finally:
            Failing.running -= 1


class Running:
    def __init__(self, seat: Seat, quorum: FakeQuorum) -> None:
        self.quorum = quorum
        self.seat = seat
        assert isinstance(seat.clock, StoppedClock)
        self.clock = seat.clock
        self.manager = Manager(
            store=seat.store,
            consensus=seat.consensus,
            transport=Loopback("m1"),
            clock=seat.clock,
            ids=IdSource(random.Random(3)),
            rng=random.Random(4),
            neighbours=seat.neighbours,
            loops=(Failing,),
        )
        self.task = asyncio.create_task(self.manager.run())


@pytest.fixture
async def running() -> AsyncIterator[Running]:
    Failing.running = Failing.started = 0
    Failing.fails = False
    quorum = FakeQuorum()
    running = Running(await leading_seat(quorum=quorum), quorum)
    await settle()
    yield running
    running.task.cancel()
    await asyncio.wait([running.task])
    assert Failing.running == 0, "no duty outlives its manager"


async def test_gaining_the_lead_begins_every_duty_and_losing_it_ends_them(running: Running) -> None:
    assert Failing.running == 1
    assert isinstance(running.manager.lead(), Lead)
    running.quorum.lead("m2")
    await settle()
    assert Failing.running == 0
    with pytest.raises(NotLeader):
        running.manager.lead()
    running.quorum.lead("m1")
    await settle()
    assert (Failing.running, Failing.started) == (1, 2)


async def test_a_duty_that_fails_hands_the_lead_over(running: Running) -> None:
    Failing.fails = True
    await put(running.seat.store, nodes=[])
    async with running.seat.store.update() as tx:
        with tx.nodes.edit("m1") as node:
            node.spec.labels["a"] = "b"
    await settle()
    assert running.quorum.transfers == ["m1"]
    assert Failing.running == 0


async def test_with_nobody_to_hand_over_to_duties_begin_again_after_a_pause(
    running: Running,
) -> None:
    Failing.fails = True
    async with running.seat.store.update() as tx:
        with tx.nodes.edit("m1") as node:
            node.spec.labels["a"] = "b"
    await settle()
    Failing.fails = False
    await running.clock.advance(RETRY_FIRST_S + 0.1)
    assert (Failing.running, Failing.started) == (1, 2)
    assert running.seat.leads


async def test_every_rpc_is_answered_by_one_function_of_the_right_types() -> None:
    seat = await leading_seat()
    lead = Lead(seat, loops=())
    parts = {
        control_pb2.DESCRIPTOR.services_by_name["Control"]: control_parts(seat, lambda: lead),
        dispatcher_pb2.DESCRIPTOR.services_by_name["Dispatcher"]: [
            Agents(seat, lambda: lead),
            Membership(seat, lambda: lead),
            Streams(seat, lambda: lead),
        ],
    }
    for service, answering in parts.items():
        by_name = {method.name: method for method in methods(service, answering)}
        assert len(by_name) == len(service.methods)
        for described in service.methods:
            answer = by_name[described.name].answer
            hints = typing.get_type_hints(answer)
            returned = hints.pop("return")
            given = next(hints[name] for name in hints if name not in {"peer", "send"})
            if described.client_streaming:
                (given,) = typing.get_args(given)
            assert given.DESCRIPTOR is described.input_type, described.full_name
            if described.server_streaming:
                assert returned is type(None)
                assert "send" in inspect.signature(answer).parameters
            else:
                assert returned.DESCRIPTOR is described.output_type, described.full_name


@pytest.mark.parametrize(
    ("name", "expected"),
    [("ListNodes", "list_nodes"), ("Watch", "watch"), ("JoinQuorum", "join_quorum")],
)
def test_methods_are_named_as_the_rpcs(name: str, expected: str) -> None:
    assert snake(name) == expected


def test_a_token_is_forgotten_a_day_after_its_end() -> None:
    view = View()
    view.join_tokens.put("k1", JoinToken(id="k1", expires_at_ms=1000))
    clock = StoppedClock()
    loop = ExpiredTokens(new_store(clock), clock, IdSource(random.Random(1)))
    assert loop.decide(view, "k1", 2000).look_again_ms == 1000 + KEPT_MS
    (action,) = loop.decide(view, "k1", 1000 + KEPT_MS).actions
    assert action.row_id == "k1"  # type: ignore[union-attr]
    assert not loop.decide(view, "gone", 0).actions
