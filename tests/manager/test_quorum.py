"""The quorum follows the roles that are wanted, and is never given up by a demotion."""

from __future__ import annotations

import pytest

from swarmpy.errors import WrongState
from swarmpy.manager.quorum import QuorumDuty, survives
from swarmpy.manager.seat import Seat
from swarmpy.pb.control_pb2 import RemoveNodeRequest, UpdateNodeRequest
from swarmpy.pb.types_pb2 import (
    NODE_ROLE_MANAGER,
    NODE_ROLE_WORKER,
    NODE_STATE_DOWN,
    NODE_STATE_READY,
)
from swarmpy.testing import builders
from tests.manager.fake_quorum import FakeQuorum
from tests.manager.one_manager import leading_seat, new_store, nodes_of, put


async def of_managers(count: int) -> tuple[Seat, FakeQuorum]:
    quorum = FakeQuorum()
    seat = await leading_seat(quorum=quorum)
    for number in range(2, count + 1):
        node = builders.node(f"m{number}", role=NODE_ROLE_MANAGER)
        node.manager.raft_address = f"m{number}:2377"
        node.manager.api_address = f"m{number}:2378"
        await put(seat.store, nodes=[node])
        quorum.member(node.id, new_store(seat.clock))
    return seat, quorum


async def demote(seat: Seat, node_id: str) -> None:
    request = UpdateNodeRequest(node=node_id, role=NODE_ROLE_WORKER)
    await nodes_of(seat).update_node(request)


@pytest.mark.parametrize(
    ("members", "reachable", "gone", "expected"),
    [
        pytest.param("abc", "abc", "c", True, id="three to two"),
        pytest.param("abc", "ab", "c", True, id="the one that is down goes"),
        pytest.param("abc", "ab", "b", False, id="the one that is up goes, one is left of two"),
        pytest.param("ab", "ab", "b", True, id="two to one"),
        pytest.param("a", "a", "a", False, id="the last one"),
        pytest.param("abcde", "abc", "d", True, id="three of four"),
        pytest.param("abcde", "abc", "c", False, id="two of four"),
    ],
)
def test_a_quorum_survives_while_most_of_the_rest_answer(
    members: str, reachable: str, gone: str, expected: bool
) -> None:
    assert survives(members, reachable, gone) == expected


async def test_a_demoted_manager_leaves_the_quorum_first() -> None:
    seat, quorum = await of_managers(3)
    await demote(seat, "m3")
    assert "m3" in quorum.addresses
    await QuorumDuty(seat).look()
    assert "m3" not in quorum.addresses
    node = seat.store.view.nodes.get("m3")
    assert not node.HasField("manager")
    assert node.role == NODE_ROLE_MANAGER, "until it has another certificate"


async def test_a_demoted_leader_hands_over_and_is_removed_by_the_next() -> None:
    seat, quorum = await of_managers(3)
    await demote(seat, "m1")
    await QuorumDuty(seat).look()
    assert quorum.leader_id == "m2"
    assert "m1" in quorum.addresses


async def test_the_last_manager_cannot_be_demoted() -> None:
    seat, _ = await of_managers(1)
    with pytest.raises(WrongState, match="last manager") as refused:
        await demote(seat, "m1")
    assert "promote" in refused.value.remedy


async def test_a_demotion_that_would_lose_the_quorum_is_refused() -> None:
    seat, quorum = await of_managers(3)
    quorum.unreachable = {"m3"}
    with pytest.raises(WrongState, match="1 of 2 managers answer"):
        await demote(seat, "m2")
    await demote(seat, "m3")


async def test_demotions_that_are_under_way_count() -> None:
    seat, quorum = await of_managers(3)
    await demote(seat, "m2")
    await demote(seat, "m3")
    with pytest.raises(WrongState):
        await demote(seat, "m1")
    for _ in range(2):
        await QuorumDuty(seat).look()
    assert set(quorum.addresses) == {"m1"}


async def test_a_member_is_not_removed_when_the_rest_could_not_agree() -> None:
    seat, quorum = await of_managers(3)
    await demote(seat, "m2")
    quorum.unreachable = {"m3"}
    await QuorumDuty(seat).look()
    assert "m2" in quorum.addresses
    quorum.unreachable = set()
    await QuorumDuty(seat).look()
    assert "m2" not in quorum.addresses


async def test_a_manager_is_demoted_before_it_is_removed() -> None:
    seat, _ = await of_managers(3)
    request = RemoveNodeRequest(node="m3", force=True)
    with pytest.raises(WrongState, match="manager") as refused:
        await nodes_of(seat).remove_node(request)
    assert "demote" in refused.value.remedy
    await demote(seat, "m3")
    await QuorumDuty(seat).look()
    await nodes_of(seat).remove_node(request)
    assert "m3" not in seat.store.view.nodes


@pytest.mark.parametrize(
    ("state", "force", "goes"),
    [
        (NODE_STATE_DOWN, False, True),
        (NODE_STATE_READY, False, False),
        (NODE_STATE_READY, True, True),
    ],
    ids=["down", "up", "up, by force"],
)
async def test_a_node_is_removed_when_it_is_down_or_by_force(
    state: int, force: bool, goes: bool
) -> None:
    seat, _ = await of_managers(1)
    await put(seat.store, nodes=[builders.node("w1", state=state)])  # type: ignore[arg-type]
    request = RemoveNodeRequest(node="w1", force=force)
    if goes:
        await nodes_of(seat).remove_node(request)
        assert "w1" not in seat.store.view.nodes
        assert seat.store.view.events.by("object_id", "w1")[-1].reason == "NodeRemoved"
        assert list(seat.store.view.cluster.removed_node_ids) == ["w1"]
    else:
        with pytest.raises(WrongState, match="not down"):
            await nodes_of(seat).remove_node(request)
