"""However two nodes came to differ, they end with the same tables."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarmpy.core.gossip.profile import DEFAULT
from swarmpy.testing.gossip_sim.swarm import GossipSwarm
from swarmpy.testing.gossip_sim.tasks import endpoint

CUT = {1: 1}


def put(swarm: GossipSwarm, index: int, number: int, address: str = "10.0.0.2") -> None:
    machine = swarm.machines[index]
    machine.gossip.put(endpoint(number, address), machine.local_s(swarm.now))
    swarm.settle(machine)


def remove(swarm: GossipSwarm, index: int, number: int) -> None:
    machine, gone = swarm.machines[index], endpoint(number)
    machine.gossip.remove((gone.network_id, gone.task_id), machine.local_s(swarm.now))
    swarm.settle(machine)


def tables(swarm: GossipSwarm) -> set[tuple[int, int]]:
    return {(len(list(m.gossip.endpoints())), m.gossip.table_hash) for m in swarm.machines}


@settings(max_examples=40, deadline=None)
@given(
    changes=st.lists(
        st.tuples(st.integers(0, 1), st.integers(0, 5), st.booleans()), min_size=1, max_size=12
    ),
    apart_s=st.sampled_from([1.0, 20.0, 100.0]),
)
def test_what_digests_bring_is_what_a_full_set_would(
    changes: list[tuple[int, int, bool]], apart_s: float
) -> None:
    swarm = GossipSwarm(2, 1)
    swarm.weather.groups = dict(CUT)
    truth: dict[tuple[int, int], None] = {}
    for index, number, is_put in changes:
        if is_put:
            put(swarm, index, 10 * index + number, f"10.0.0.{len(truth)}")
            truth[index, number] = None
        else:
            remove(swarm, index, 10 * index + number)
            truth.pop((index, number), None)
    swarm.run(apart_s)
    swarm.weather.groups = {}
    swarm.run(apart_s + 5.0)
    assert len(tables(swarm)) == 1
    assert len(list(swarm.machines[0].gossip.endpoints())) == len(truth)


@pytest.mark.parametrize(
    ("count", "apart_s"),
    [
        pytest.param(3, 10.0, id="lately"),
        pytest.param(500, 10.0, id="much-lately"),
        pytest.param(3, 2 * DEFAULT.recent_s, id="long-ago"),
        pytest.param(1500, 2 * DEFAULT.recent_s, id="much-long-ago"),
    ],
)
def test_a_partition_of_any_length_leaves_no_difference(count: int, apart_s: float) -> None:
    swarm = GossipSwarm(4, 2)
    swarm.run(1.0)
    swarm.weather.groups = dict(CUT)
    swarm.run(2.0)
    for number in range(count):
        put(swarm, number % 4, number)
    swarm.run(2.0 + apart_s)
    assert len(tables(swarm)) > 1
    swarm.weather.groups = {}
    swarm.run(swarm.now + 5.0)
    assert tables(swarm) == {(count, swarm.machines[0].gossip.table_hash)}


def test_who_joins_gets_everything_at_once() -> None:
    swarm = GossipSwarm(4, 3)
    for number in range(450):
        put(swarm, number % 3, number)
    swarm.run(3.0)
    swarm.crash(swarm.machines[3])
    swarm.restart(swarm.machines[3], swarm.machines[:1])
    swarm.run(swarm.now + 0.5)
    assert swarm.machines[3].gossip.alive == 4
    assert len(tables(swarm)) == 1


def test_equal_tables_cost_a_ping_and_an_ack() -> None:
    swarm = GossipSwarm(10, 4)
    for number in range(100):
        put(swarm, number % 10, number)
    swarm.run(20.0)
    before = sum(machine.bytes_sent for machine in swarm.machines)
    swarm.run(40.0)
    rate = (sum(machine.bytes_sent for machine in swarm.machines) - before) / 20 / 10
    assert rate < 350
