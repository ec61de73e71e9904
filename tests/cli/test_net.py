"""Links between nodes from the command line: what gossip says, and which pairs do not meet."""

from __future__ import annotations

import json

import yaml

from swarmpy.pb.control_pb2 import NodeGossip
from swarmpy.pb.dispatcher_pb2 import NodeProbe
from swarmpy.pb.gossip_pb2 import GOSSIP_STATE_SUSPECT
from tests.cli.conftest import Run
from tests.client.fake_control import FakeControl


def ids(control: FakeControl) -> list[str]:
    return list(control.rows["nodes"])


def test_all_is_well_when_every_pair_answers(run: Run, control: FakeControl) -> None:
    a, b = ids(control)
    control.probes = [
        NodeProbe(from_id=a, to_id=b, datagram_s=0.0012, stream_s=0.003),
        NodeProbe(from_id=b, to_id=a, datagram_s=0.0008, stream_s=0.002),
    ]
    said = run("net", "doctor")
    assert said.exit_code == 0
    assert said.stdout == ("✔ 2 of 2 ways between nodes are well; the slowest answer took 1.2 ms\n")


def test_broken_pairs_and_silent_nodes_are_named_and_fail_the_command(
    run: Run, control: FakeControl
) -> None:
    a, b = ids(control)
    control.probes = [NodeProbe(from_id=a, to_id=b, stream_s=0.003)]
    control.silent_ids = [b]
    said = run("net", "doctor")
    assert said.exit_code == 1
    assert "✘ alpha → beta: datagrams (UDP) do not arrive" in said.stdout
    assert "✘ beta did not report what it reaches" in said.stdout
    assert "open the gossip port" in said.stdout


def test_probes_can_be_read_by_programs(run: Run, control: FakeControl) -> None:
    a, b = ids(control)
    control.probes = [NodeProbe(from_id=a, to_id=b)]
    said = run("net", "doctor", "--format", "json")
    assert said.exit_code == 1
    assert json.loads(said.stdout) == [{"from_id": a, "to_id": b}]


def test_node_ls_and_inspect_show_what_gossip_says(run: Run, control: FakeControl) -> None:
    _, b = ids(control)
    control.gossip = [
        NodeGossip(node_id=b, state=GOSSIP_STATE_SUSPECT, age_s=125, table_hash=0xABC)
    ]
    lines = run("node", "ls").stdout.splitlines()
    assert "suspect 2m" in next(line for line in lines if "beta" in line)
    shown = yaml.safe_load(run("node", "inspect", "beta").stdout)
    assert shown["gossip"]["state"] == "suspect"
    assert shown["gossip"]["table_hash"] == "0000000000000abc"
    assert yaml.safe_load(run("node", "inspect", "alpha").stdout)["gossip"] is None
