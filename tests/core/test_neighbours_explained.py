"""Where neighbours are in the way, `why` names them and what would help."""

from __future__ import annotations

import pytest

from swarmpy.core.schedule.explain import Situation, explain_task
from swarmpy.pb.specs_pb2 import Placement
from tests.core.placement_rows import node, task
from tests.core.test_neighbours import SERVICES, ZONE, away, even, near, on, zoned


@pytest.mark.parametrize(
    ("placement", "said", "help_"),
    [
        (
            near("db", ZONE),
            "needs a task of db on its node.labels.zone; none is on zone x",
            "run db there, or give the affinity a weight",
        ),
        (
            near(tier="front"),
            "needs a task of services with tier=front on its node.hostname; "
            "none is on hostname host-a",
            "run services with tier=front there, or give the affinity a weight",
        ),
        (
            away("cache", ZONE),
            "needs no task of cache on its node.labels.zone; one is on zone x",
            "move cache elsewhere, or give the anti-affinity a weight",
        ),
        (
            Placement(constraints=["node.id==a"]),
            "queue on hostname host-a keeps web away",
            "move queue elsewhere, or give the anti-affinity a weight",
        ),
        (
            even(ZONE),
            "allows a skew of 1 over node.labels.zone; x has 1 tasks and the lowest 0",
            "make room where there are fewer, raise max_skew, or set schedule_anyway",
        ),
    ],
    ids=["affinity", "labels", "anti-affinity", "repelled", "skew"],
)
def test_what_is_missing_is_named_and_what_would_help(
    placement: Placement, said: str, help_: str
) -> None:
    placement.constraints.extend([] if placement.topology_spread else ["node.id==a"])
    others = [on("a", "cache"), on("a", "queue", placement=away("web")), on("a", "web")]
    if said.startswith(("needs", "allows")):
        del others[1]
    nodes = [*zoned("x"), node("b", labels={"zone": "y"}, cpus=1)]
    row = task("t", placement=placement, cpus=2)
    situation = Situation(nodes, list(SERVICES.values()), [*others, row], 0)
    [told] = explain_task(row, situation).tasks
    failed = {v.hostname: [f.reason for f in v.filters if not f.passed] for v in told.nodes}
    assert failed["host-a"] == [said]
    assert told.nearest_miss == f"host-a: {help_}"


def test_a_node_without_the_label_of_a_skew_is_told_how_to_get_it() -> None:
    row = task("t", placement=even(ZONE))
    [told] = explain_task(row, Situation(zoned(""), [], [row], 0)).tasks
    assert told.nearest_miss == "host-a: swarmpy node update --label zone=VALUE host-a"
