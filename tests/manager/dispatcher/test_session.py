"""An agent first learns everything that it must hold, then only what changes."""

from __future__ import annotations

import pytest

from swarmpy.errors import InvalidInput, NotLeader, PermissionDenied, Unavailable, WrongState
from swarmpy.manager.dispatcher.session import DIFF_ENTRIES, REQUESTS_WAITING, Session
from swarmpy.manager.removal import remember_removed
from swarmpy.manager.seat import Seat
from swarmpy.pb.dispatcher_pb2 import ClosedPorts, ManagerMessage
from swarmpy.pb.objects_pb2 import ClosedPort
from swarmpy.pb.types_pb2 import (
    NODE_ROLE_MANAGER,
    NODE_ROLE_WORKER,
    PROTOCOL_TCP,
    TASK_STATE_ASSIGNED,
    TASK_STATE_FAILED,
    TASK_STATE_PENDING,
    TASK_STATE_RUNNING,
    TASK_STATE_SHUTDOWN,
    PortBinding,
    PortConfig,
)
from swarmpy.testing import builders
from tests.manager.fake_agent import FakeAgent, Swarm
from tests.manager.one_manager import manager_peer, put, worker
from tests.manager.stopped_clock import settle

DIFF_S = 0.03
WEB = builders.service(
    "s1", builders.service_spec("web", ports=[PortConfig(target=80, published=8080)])
)


async def assign(seat: Seat, task_id: str, node_id: str) -> None:
    await put(
        seat.store, tasks=[builders.task(task_id, of=WEB, on=node_id, state=TASK_STATE_ASSIGNED)]
    )


async def test_an_agent_hears_welcome_then_the_full_set_then_diffs(swarm: Swarm) -> None:
    await put(swarm.seat.store, services=[WEB])
    await assign(swarm.seat, "t1", "w1")
    await swarm.clock.advance(DIFF_S)
    agent = await swarm.connect("w1")
    assert agent.kinds()[:2] == ["welcome", "assignments"]
    assert agent.heard[0].welcome.heartbeat_s == 2.0
    first = agent.last("assignments")
    assert [item.WhichOneof("item") for item in first.items] == ["task", "load_balancer"]

    await assign(swarm.seat, "t2", "w1")
    await swarm.clock.advance(DIFF_S)
    diff = agent.last("diff")
    assert (diff.applies_to, diff.results_in) == (first.version, first.version + 1)
    assert [item.task.id for item in diff.changed] == ["t2"]


async def test_a_diff_waits_for_commits_that_come_close_together(swarm: Swarm) -> None:
    agent = await swarm.connect("w1")
    await swarm.clock.advance(DIFF_S)
    before = len(agent.heard)
    await assign(swarm.seat, "t1", "w1")
    await swarm.clock.advance(0.01)
    await assign(swarm.seat, "t2", "w1")
    await swarm.clock.advance(DIFF_S)
    assert agent.kinds()[before:] == ["diff"]
    assert {item.task.id for item in agent.last("diff").changed} == {"t1", "t2"}


async def test_tasks_of_other_nodes_and_unassigned_ones_are_not_told(swarm: Swarm) -> None:
    agent = await swarm.connect("w1")
    await swarm.clock.advance(DIFF_S)
    before = len(agent.heard)
    await assign(swarm.seat, "t1", "w2")
    await put(
        swarm.seat.store, tasks=[builders.task("t2", of=WEB, on="w1", state=TASK_STATE_PENDING)]
    )
    await swarm.clock.advance(DIFF_S)
    assert agent.kinds()[before:] == []


async def test_an_agents_own_status_is_not_told_back_to_it(swarm: Swarm) -> None:
    await assign(swarm.seat, "t1", "w1")
    agent = await swarm.connect("w1")
    await swarm.clock.advance(DIFF_S)
    before = len(agent.heard)
    agent.report("t1", TASK_STATE_RUNNING, sequence=1)
    await swarm.clock.advance(0.2)
    assert agent.kinds()[before:] == ["acknowledged"]
    async with swarm.seat.store.update() as tx:
        with tx.tasks.edit("t1") as task:
            task.desired_state = TASK_STATE_SHUTDOWN
    await swarm.clock.advance(DIFF_S)
    assert agent.last("diff").changed[0].task.desired_state == TASK_STATE_SHUTDOWN


async def test_a_deleted_task_is_removed_by_a_diff(swarm: Swarm) -> None:
    await assign(swarm.seat, "t1", "w1")
    agent = await swarm.connect("w1")
    async with swarm.seat.store.update() as tx:
        tx.tasks.delete("t1")
    await swarm.clock.advance(DIFF_S)
    assert [(gone.table, gone.id) for gone in agent.last("diff").removed] == [("tasks", "t1")]


async def test_every_node_learns_where_a_published_port_is_answered(swarm: Swarm) -> None:
    await put(swarm.seat.store, services=[WEB])
    await assign(swarm.seat, "t1", "w1")
    other = await swarm.connect("w2")
    async with swarm.seat.store.update() as tx:
        with tx.tasks.edit("t1") as task:
            task.status.state = TASK_STATE_RUNNING
            task.status.ports.append(PortBinding(target=80, host_port=40001))
    await swarm.clock.advance(DIFF_S)
    (item,) = other.last("diff").changed
    (frontend,) = item.load_balancer.frontends
    assert frontend.port.published == 8080
    assert [(b.host, b.port) for b in frontend.backends] == [("w1", 40001)]


async def test_an_agent_that_lags_is_told_the_newest_state_once(swarm: Swarm) -> None:
    agent = await swarm.connect("w1")
    await swarm.clock.advance(DIFF_S)
    agent.may_read.clear()
    await assign(swarm.seat, "t0", "w1")
    await swarm.clock.advance(DIFF_S)
    before = len(agent.heard)
    for number in range(1, 20):
        await assign(swarm.seat, f"t{number}", "w1")
        await swarm.clock.advance(DIFF_S)
    agent.may_read.set()
    await settle()
    assert agent.kinds()[before:] == ["diff", "diff"], "one that was under way, one for the rest"
    assert len(agent.last("diff").changed) == 19


async def test_an_agent_that_lags_far_behind_is_told_everything_anew(swarm: Swarm) -> None:
    many = DIFF_ENTRIES + 10
    for number in range(many):
        await assign(swarm.seat, f"old{number}", "w1")
    agent = await swarm.connect("w1")
    await swarm.clock.advance(DIFF_S)
    agent.may_read.clear()
    async with swarm.seat.store.update() as tx:
        for number in range(many):
            tx.tasks.delete(f"old{number}")
    for number in range(many):
        await assign(swarm.seat, f"new{number}", "w1")
    await swarm.clock.advance(DIFF_S)
    before = len(agent.heard)
    agent.may_read.set()
    await settle()
    assert agent.kinds()[before:] == ["assignments"]
    everything = agent.last("assignments")
    assert {item.task.id for item in everything.items} == {f"new{n}" for n in range(many)}


async def test_a_node_that_was_removed_is_refused(swarm: Swarm) -> None:
    agent = await swarm.connect("stranger")
    assert isinstance(agent.error, PermissionDenied)
    assert "swarmpy join" in agent.error.remedy


async def test_the_session_of_a_node_ends_when_it_is_removed(swarm: Swarm) -> None:
    agent = await swarm.connect("w1")
    async with swarm.seat.store.update() as tx:
        tx.nodes.delete("w1")
    await swarm.clock.advance(DIFF_S)
    assert isinstance(agent.error, PermissionDenied)


async def test_a_new_session_of_a_node_ends_its_older_one(swarm: Swarm) -> None:
    older = await swarm.connect("w1")
    newer = await swarm.connect("w1")
    assert isinstance(older.error, WrongState)
    assert not newer.ended
    assert "w1" in swarm.lead.roster


async def test_sessions_end_with_the_leaders_address_when_the_lead_is_lost(swarm: Swarm) -> None:
    agent = await swarm.connect("w1")
    swarm.lead.end()
    await settle()
    assert isinstance(agent.error, NotLeader)
    assert agent.error.leader == "m1:2378"


async def test_a_session_must_begin_with_hello(swarm: Swarm) -> None:
    agent = FakeAgent(worker("w1"))
    agent.beat(0)
    await agent.attend(swarm.agents, swarm.lead)
    assert isinstance(agent.error, InvalidInput)


async def test_what_a_node_says_of_itself_is_stored(swarm: Swarm) -> None:
    await swarm.connect("w1", peer=manager_peer("w1"))
    node = swarm.seat.store.view.nodes.get("w1")
    assert node.description.hostname == "w1"
    assert node.status.address == "w1"
    assert node.role == NODE_ROLE_MANAGER, "as its certificate says"


async def test_a_promoted_node_is_told_its_role(swarm: Swarm) -> None:
    agent = await swarm.connect("w1")
    async with swarm.seat.store.update() as tx:
        with tx.nodes.edit("w1") as node:
            node.spec.role = NODE_ROLE_MANAGER
    await swarm.clock.advance(DIFF_S)
    assert agent.heard[-1].role == NODE_ROLE_MANAGER


async def test_a_demoted_manager_is_told_only_when_it_has_left_the_quorum(swarm: Swarm) -> None:
    await put(swarm.seat.store, nodes=[builders.node("m2", role=NODE_ROLE_MANAGER)])
    async with swarm.seat.store.update() as tx:
        with tx.nodes.edit("m2") as node:
            node.manager.raft_address = "m2:2377"
            node.manager.api_address = "m2:2378"
    agent = await swarm.connect("m2", peer=manager_peer("m2"))
    async with swarm.seat.store.update() as tx:
        with tx.nodes.edit("m2") as node:
            node.spec.role = NODE_ROLE_WORKER
    await swarm.clock.advance(DIFF_S)
    assert "role" not in agent.kinds()
    await swarm.clock.advance(1.1)  # the quorum duty notes that m2 is no member
    assert agent.last("role") == NODE_ROLE_WORKER


async def test_every_agent_learns_the_managers_leader_first(swarm: Swarm) -> None:
    agent = await swarm.connect("w1")
    assert list(agent.last("managers").api_addresses) == ["m1:2378"]


def test_requests_for_an_agent_that_does_not_read_are_bounded() -> None:
    session = Session("w1", NODE_ROLE_WORKER)
    for _ in range(REQUESTS_WAITING):
        session.ask(ManagerMessage())
    with pytest.raises(Unavailable):
        session.ask(ManagerMessage())


async def test_ended_tasks_stay_until_their_row_is_deleted(swarm: Swarm) -> None:
    await put(
        swarm.seat.store,
        tasks=[builders.task("t1", of=WEB, on="w1", state=TASK_STATE_FAILED)],
    )
    agent = await swarm.connect("w1")
    assert [item.task.id for item in agent.last("assignments").items] == ["t1"]


async def test_a_port_that_does_not_answer_on_a_node_is_stored_and_told_once(swarm: Swarm) -> None:
    agent = await swarm.connect("w1")
    taken = ClosedPort(protocol=PROTOCOL_TCP, port=8080, reason="address already in use")
    for ports in ([taken], [taken], []):
        agent.say(closed_ports=ClosedPorts(ports=ports))
        await settle()
        assert list(swarm.seat.store.view.nodes.get("w1").status.closed_ports) == ports
    events = [event for event in swarm.seat.store.view.events if event.reason == "PortNotOpened"]
    assert [event.message for event in events] == [
        "port 8080/tcp does not answer here: address already in use"
    ]


async def test_every_agent_is_told_gossips_keys_and_whom_to_join_by(swarm: Swarm) -> None:
    await swarm.connect("w1")
    agent = await swarm.connect("w2")
    told = agent.last("gossip")
    assert told.keys == swarm.seat.store.view.cluster.gossip_keys
    assert list(told.addresses) == ["w1:7947"]
    assert agent.kinds().count("gossip") == 1


async def test_agents_hear_of_a_rotation_at_once(swarm: Swarm) -> None:
    agent = await swarm.connect("w1")
    async with swarm.seat.store.update() as tx:
        with tx.clusters.edit("c1") as cluster:
            cluster.gossip_keys.keys.add(id=2, key=bytes(32))
    await swarm.clock.advance(DIFF_S)
    assert [key.id for key in agent.last("gossip").keys.keys] == [1, 2]


async def test_agents_hear_at_once_of_a_node_that_is_removed(swarm: Swarm) -> None:
    agent = await swarm.connect("w1")
    async with swarm.seat.store.update() as tx:
        with tx.clusters.edit("c1") as cluster:
            remember_removed(cluster, "w9")
    await swarm.clock.advance(DIFF_S)
    assert list(agent.last("gossip").removed_node_ids) == ["w9"]


async def test_agents_hear_at_once_of_another_pace(swarm: Swarm) -> None:
    agent = await swarm.connect("w1")
    async with swarm.seat.store.update() as tx:
        with tx.clusters.edit("c1") as cluster:
            cluster.spec.gossip_profile = "lan"
    await swarm.clock.advance(DIFF_S)
    assert agent.last("gossip").profile == "lan"
