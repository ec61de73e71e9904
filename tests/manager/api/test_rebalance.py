"""Somebody asks for better spread tasks, or for a node to be maintained."""

from __future__ import annotations

from typing import Any

import pytest

from swarmpy.errors import InvalidInput
from swarmpy.manager.api.cluster import Clusters
from swarmpy.manager.api.rebalance import Rebalance
from swarmpy.manager.loops.rebalance import BALANCE, INTERVAL_S, RebalanceLoop
from swarmpy.manager.seat import Seat
from swarmpy.pb.control_pb2 import RebalanceRequest, UpdateClusterRequest, UpdateNodeRequest
from swarmpy.pb.types_pb2 import TASK_STATE_RUNNING, MaintenanceWindow, RebalancePolicy
from swarmpy.testing import builders
from tests.manager.one_manager import leading_seat, nodes_of, put

WEB = builders.service("s1", builders.service_spec("web", replicas=4))


async def lopsided() -> Seat:
    """Return a swarm with four tasks on one of its two workers."""
    seat = await leading_seat()
    await put(
        seat.store,
        nodes=[builders.node("w1"), builders.node("w2")],
        services=[WEB],
        tasks=[
            builders.task(f"t{slot}", of=WEB, slot=slot, on="w1", state=TASK_STATE_RUNNING)
            for slot in (1, 2, 3, 4)
        ],
    )
    return seat


def evicted(seat: Seat) -> list[str]:
    return [task.id for task in seat.store.view.tasks if task.HasField("eviction")]


async def test_a_dry_run_says_what_would_move_and_moves_nothing() -> None:
    seat = await lopsided()
    answer = await Rebalance(seat).rebalance(RebalanceRequest(dry_run=True))
    assert [move.to_node_id for move in answer.moves] == ["w2", "w2"]
    assert not evicted(seat)


@pytest.mark.parametrize(("most", "count"), [(0, 2), (1, 1)], ids=["all", "at most one"])
async def test_tasks_are_asked_to_leave(most: int, count: int) -> None:
    seat = await lopsided()
    answer = await Rebalance(seat).rebalance(RebalanceRequest(most=most))
    assert evicted(seat) == sorted(move.task.id for move in answer.moves)
    assert len(answer.moves) == count
    again = await Rebalance(seat).rebalance(RebalanceRequest())
    assert not again.moves, "nothing is planned while something moves"


async def test_a_swarm_that_balances_itself_moves_a_few_at_a_time() -> None:
    seat = await lopsided()
    loop = RebalanceLoop(seat.store, seat.clock, seat.ids)
    assert not loop.decide(seat.store.view, BALANCE, 0).actions
    policy = RebalancePolicy(automatic=True)
    await Clusters(seat).update_cluster(UpdateClusterRequest(rebalance=policy))
    decision = loop.decide(seat.store.view, BALANCE, 0)
    assert len(decision.actions) == 1
    assert decision.look_again_ms == INTERVAL_S * 1000


@pytest.mark.parametrize(
    ("policy", "field"),
    [({"moves_at_once": 5000}, "rebalance.moves_at_once"), ({"interval_s": 1}, "interval_s")],
    ids=["too many", "too often"],
)
async def test_a_policy_that_cannot_be_kept_is_refused(policy: dict[str, Any], field: str) -> None:
    seat = await leading_seat()
    request = UpdateClusterRequest(rebalance=RebalancePolicy(automatic=True, **policy))
    with pytest.raises(InvalidInput, match=field):
        await Clusters(seat).update_cluster(request)


async def test_a_maintenance_window_is_kept_with_the_node_and_can_be_called_off() -> None:
    seat = await lopsided()
    nodes = nodes_of(seat)
    window = MaintenanceWindow(starts_at_ms=1000, ends_at_ms=2000)
    node = await nodes.update_node(UpdateNodeRequest(node="w1", maintenance=window))
    assert node.spec.maintenance == window
    node = await nodes.update_node(UpdateNodeRequest(node="w1", labels_add={"disk": "ssd"}))
    assert node.spec.maintenance == window
    node = await nodes.update_node(UpdateNodeRequest(node="w1", maintenance=MaintenanceWindow()))
    assert not node.spec.HasField("maintenance")


@pytest.mark.parametrize(
    ("starts_at_ms", "ends_at_ms"),
    [(2000, 2000), (2000, 1000), (0, 1000), (1, 8 * 86_400_000)],
    ids=["no time", "backwards", "no start", "more than a week"],
)
async def test_a_window_that_makes_no_sense_is_refused(starts_at_ms: int, ends_at_ms: int) -> None:
    seat = await lopsided()
    window = MaintenanceWindow(starts_at_ms=starts_at_ms, ends_at_ms=ends_at_ms)
    with pytest.raises(InvalidInput, match=r"maintenance\.ends_at_ms"):
        await nodes_of(seat).update_node(UpdateNodeRequest(node="w1", maintenance=window))
