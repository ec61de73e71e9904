"""What an agent tells its neighbours, and what it hears from them, with a manager or without."""

from __future__ import annotations

from swarmpy.pb.dispatcher_pb2 import Backend, Frontend, LoadBalancer
from swarmpy.pb.gossip_pb2 import GossipEndpoint
from swarmpy.pb.types_pb2 import (
    TASK_STATE_RUNNING,
    GossipKey,
    GossipKeyRing,
    PortBinding,
    PortConfig,
)
from swarmpy.testing.fake_neighbours import FakeNeighbours
from tests.agent.bed import Bed, on_one_machine, task

RING = GossipKeyRing(keys=[GossipKey(id=1, key=bytes(32))], primary_id=1)
BALANCER = LoadBalancer(
    id="s",
    frontends=[
        Frontend(
            port=PortConfig(target=80, published=8080),
            backends=[
                Backend(task_id="a", node_id="n2", host="10.0.0.2", port=4000),
                Backend(task_id="b", node_id="n3", host="10.0.0.3", port=4000),
            ],
        )
    ],
)


def neighbour(bed: Bed, number: int) -> FakeNeighbours:
    other = FakeNeighbours(bed.gossip, f"n{number}", f"10.0.0.{number}:7947")
    other.set_keys(RING)
    return other


def answering(task_id: str) -> GossipEndpoint:
    ports = [PortBinding(target=80, host_port=5000)]
    return GossipEndpoint(network_id="mesh", task_id=task_id, service_id="s", ports=ports)


def tasks(bed: Bed) -> set[str]:
    return {endpoint.task_id for endpoint in bed.data_plane.reachable(8080)}


@on_one_machine
async def test_neighbours_are_told_of_tasks_while_they_run(bed: Bed) -> None:
    bed.neighbours.set_keys(RING)
    other = neighbour(bed, 2)
    await bed.start_manager()
    bed.manager.assign(task(port=80))
    bed.start_agent()
    await bed.until_state("t1", TASK_STATE_RUNNING)
    await bed.until(lambda: [one.task_id for one in other.picture.endpoints] == ["t1"])
    bed.runtime.kill("t1")
    await bed.until(lambda: not other.picture.endpoints)


@on_one_machine
async def test_routes_follow_neighbours_while_no_manager_answers(bed: Bed) -> None:
    bed.neighbours.set_keys(RING)
    second, third = neighbour(bed, 2), neighbour(bed, 3)
    second.put_all([answering("a")])
    third.put_all([answering("b")])
    await bed.start_manager()
    bed.manager.assign(BALANCER)
    bed.start_agent()
    await bed.until(lambda: tasks(bed) == {"a", "b"})
    await bed.stop_manager()

    third.put_all([])
    await bed.until(lambda: tasks(bed) == {"a"})
    third.put_all([answering("b"), answering("c")])
    await bed.until(lambda: tasks(bed) == {"a", "b", "c"})
    bed.gossip.kill("n2", certain=False)
    await bed.until(lambda: tasks(bed) == {"b", "c"})
    bed.gossip.revive("n2")
    await bed.until(lambda: tasks(bed) == {"a", "b", "c"})


@on_one_machine
async def test_what_managers_take_out_stays_out_though_it_still_answers(bed: Bed) -> None:
    bed.neighbours.set_keys(RING)
    neighbour(bed, 2).put_all([answering("a")])
    neighbour(bed, 3).put_all([answering("b")])
    await bed.start_manager()
    bed.manager.assign(BALANCER)
    bed.start_agent()
    await bed.until(lambda: tasks(bed) == {"a", "b"})
    fewer = LoadBalancer()
    fewer.CopyFrom(BALANCER)
    del fewer.frontends[0].backends[1]
    bed.manager.assign(fewer)
    await bed.until(lambda: tasks(bed) == {"a"})
    await bed.clock.sleep(5)
    assert tasks(bed) == {"a"}
