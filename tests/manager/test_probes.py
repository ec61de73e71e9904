"""Every node is asked to probe all others; whoever does not report in time is named."""

from __future__ import annotations

import asyncio

from swarmpy.manager.probe_broker import PATIENCE_S
from swarmpy.pb.control_pb2 import ExplainNetworkResponse
from swarmpy.pb.dispatcher_pb2 import NodeProbe, ProbeReport
from tests.manager.fake_agent import FakeAgent, Swarm
from tests.manager.stopped_clock import settle


async def asked(swarm: Swarm, *nodes: str) -> asyncio.Task[ExplainNetworkResponse]:
    task = asyncio.create_task(swarm.lead.probes.run(nodes))
    await settle()
    return task


def report(agent: FakeAgent, from_id: str, to_id: str) -> None:
    request_id = agent.last("probe").id
    probes = [NodeProbe(from_id=from_id, to_id=to_id, datagram_s=0.001)]
    agent.say(probes=ProbeReport(request_id=request_id, probes=probes))


async def test_the_answer_is_there_with_the_last_report(swarm: Swarm) -> None:
    one = await swarm.connect("w1")
    other = await swarm.connect("w2")
    answer = await asked(swarm, "w1", "w2")
    report(one, "w1", "w2")
    await settle()
    assert not answer.done()
    report(other, "w2", "w1")
    found = await answer
    assert [(probe.from_id, probe.to_id) for probe in found.probes] == [("w1", "w2"), ("w2", "w1")]
    assert not found.silent_ids


async def test_who_is_not_connected_or_does_not_report_is_named(swarm: Swarm) -> None:
    await swarm.connect("w1")
    answer = await asked(swarm, "w1", "gone")
    await swarm.clock.advance(PATIENCE_S + 0.1)
    assert list((await answer).silent_ids) == ["gone", "w1"]


async def test_nobody_is_waited_for_when_nobody_could_be_asked(swarm: Swarm) -> None:
    answer = await asked(swarm, "gone")
    assert list((await answer).silent_ids) == ["gone"]


async def test_a_node_reports_for_itself_only_and_once(swarm: Swarm) -> None:
    one = await swarm.connect("w1")
    answer = await asked(swarm, "w1")
    report(one, "w2", "w1")
    found = await answer
    assert not found.probes
    report(one, "w1", "w2")
    await settle()
