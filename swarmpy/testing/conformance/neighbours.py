"""What a `seams.Neighbours` promises to a node's daemon."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import TypeAlias

from swarmpy.errors import NotFound
from swarmpy.pb.gossip_pb2 import (
    GOSSIP_HEALTH_HEALTHY,
    GOSSIP_STATE_ALIVE,
    GOSSIP_STATE_LEFT,
    GossipEndpoint,
)
from swarmpy.seams import GossipPicture, Neighbours

SOON_S = 20.0
"""Far more than anything takes to be known to two nodes."""


@dataclass(frozen=True, slots=True)
class Side:
    """One node's gossip, whose keys are set and which has joined the other's."""

    node_id: str
    neighbours: Neighbours

    async def sees(self, condition: Callable[[GossipPicture], bool]) -> GossipPicture:
        """Return the first picture that the condition holds for."""
        async with asyncio.timeout(SOON_S), aclosing(self.neighbours.watch()) as pictures:
            async for picture in pictures:
                if condition(picture):
                    return picture
        raise AssertionError("a watch ended")


Promise: TypeAlias = Callable[[Side, Side], Awaitable[None]]


def endpoint(task_id: str, address: str = "10.0.0.1") -> GossipEndpoint:
    return GossipEndpoint(
        network_id="net", task_id=task_id, address=address, health=GOSSIP_HEALTH_HEALTHY
    )


def tasks(picture: GossipPicture) -> list[tuple[str, str, str]]:
    return [(one.owner_id, one.task_id, one.address) for one in picture.endpoints]


def is_whole(picture: GossipPicture, *sides: Side) -> bool:
    return all(
        side.node_id in picture.members
        and picture.members[side.node_id].state == GOSSIP_STATE_ALIVE
        for side in sides
    )


async def both_know_both(a: Side, b: Side) -> None:
    for side in (a, b):
        picture = await side.sees(lambda seen: is_whole(seen, a, b))
        assert picture.members[side.node_id].age_s >= 0
        assert picture.members[side.node_id].certain


async def a_watch_begins_with_what_is_known(a: Side, b: Side) -> None:
    await a.sees(lambda seen: is_whole(seen, a, b))
    async with asyncio.timeout(SOON_S):
        async with aclosing(a.neighbours.watch()) as pictures:
            first = await anext(pictures)
    assert is_whole(first, a, b)


async def endpoints_are_seen_changed_and_gone_on_the_other_side(a: Side, b: Side) -> None:
    a.neighbours.put_all([endpoint("t1"), endpoint("t2")])
    await b.sees(
        lambda seen: tasks(seen) == [(a.node_id, "t1", "10.0.0.1"), (a.node_id, "t2", "10.0.0.1")]
    )
    a.neighbours.put_all([endpoint("t2", "10.0.0.2")])
    await b.sees(lambda seen: tasks(seen) == [(a.node_id, "t2", "10.0.0.2")])
    await a.sees(lambda seen: tasks(seen) == [(a.node_id, "t2", "10.0.0.2")])


async def equal_tables_have_equal_hashes(a: Side, b: Side) -> None:
    empty = a.neighbours.picture.table_hash
    a.neighbours.put_all([endpoint("t1")])
    b.neighbours.put_all([endpoint("t2")])
    here = await a.sees(lambda seen: len(seen.endpoints) == 2 and seen.table_hash != empty)
    await b.sees(lambda seen: seen.table_hash == here.table_hash)


async def what_a_node_says_of_managers_is_seen(a: Side, b: Side) -> None:
    a.neighbours.describe(api_address="10.1.1.1:4242", term=7, leader_id=b.node_id)
    picture = await b.sees(
        lambda seen: is_whole(seen, a) and seen.members[a.node_id].member.term == 7
    )
    said = picture.members[a.node_id].member
    assert (said.api_address, said.leader_id) == ("10.1.1.1:4242", b.node_id)


async def who_leaves_has_left_and_its_endpoints_are_hidden(a: Side, b: Side) -> None:
    a.neighbours.put_all([endpoint("t1")])
    await b.sees(lambda seen: len(seen.endpoints) == 1)
    await a.neighbours.leave()
    picture = await b.sees(
        lambda seen: (
            a.node_id in seen.members
            and seen.members[a.node_id].state == GOSSIP_STATE_LEFT
            and not seen.endpoints
        )
    )
    assert picture.members[b.node_id].state == GOSSIP_STATE_ALIVE


async def who_is_forgotten_is_not_known_any_more(a: Side, b: Side) -> None:
    await b.sees(lambda seen: is_whole(seen, a, b))
    await a.neighbours.leave()
    await b.sees(lambda seen: seen.members[a.node_id].state == GOSSIP_STATE_LEFT)
    b.neighbours.forget(a.node_id)
    await b.sees(lambda seen: a.node_id not in seen.members)


async def a_probe_tells_how_long_both_ways_take(a: Side, b: Side) -> None:
    await a.sees(lambda seen: is_whole(seen, b))
    async with asyncio.timeout(SOON_S):
        result = await a.neighbours.probe(b.node_id)
    assert result.datagram_s is not None
    assert result.stream_s is not None


async def a_probe_of_a_stranger_is_refused(a: Side, b: Side) -> None:
    await a.sees(lambda seen: is_whole(seen, b))
    try:
        await a.neighbours.probe("stranger")
    except NotFound:
        return
    raise AssertionError("a stranger was probed")


PROMISES: tuple[Promise, ...] = (
    both_know_both,
    a_watch_begins_with_what_is_known,
    endpoints_are_seen_changed_and_gone_on_the_other_side,
    equal_tables_have_equal_hashes,
    what_a_node_says_of_managers_is_seen,
    who_leaves_has_left_and_its_endpoints_are_hidden,
    who_is_forgotten_is_not_known_any_more,
    a_probe_tells_how_long_both_ways_take,
    a_probe_of_a_stranger_is_refused,
)
