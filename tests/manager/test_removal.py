"""What a swarm remembers of those that it removed."""

from __future__ import annotations

from swarmpy.core.gossip_keys import first_ring
from swarmpy.manager.removal import REMOVED_MAX, remember_removed
from swarmpy.pb.objects_pb2 import Cluster


def test_the_last_ones_are_remembered_once_each_the_newest_last() -> None:
    cluster = Cluster(gossip_keys=first_ring(bytes(32), 0))
    for number in range(REMOVED_MAX + 5):
        remember_removed(cluster, f"n{number}")
    remember_removed(cluster, "n99")
    assert len(cluster.removed_node_ids) == len(set(cluster.removed_node_ids)) == REMOVED_MAX
    assert list(cluster.removed_node_ids[-2:]) == [f"n{REMOVED_MAX + 4}", "n99"]
    assert cluster.removed_node_ids[0] == "n5"


def test_a_swarm_from_before_there_was_gossip_has_nothing_to_distrust() -> None:
    cluster = Cluster()
    remember_removed(cluster, "n1")
    assert not cluster.gossip_keys.distrusted_id
