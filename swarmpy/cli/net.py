"""`swarmpy net`: the links between nodes."""

from __future__ import annotations

import typer

from swarmpy import SyncClient
from swarmpy.cli import render
from swarmpy.cli.noun import noun
from swarmpy.cli.options import Format, FormatOption
from swarmpy.cli.plain import plain
from swarmpy.pb.control_pb2 import ExplainNetworkResponse
from swarmpy.pb.dispatcher_pb2 import NodeProbe

app = noun("Links between nodes.")


@app.command("doctor")
def doctor(output: FormatOption = Format.TABLE) -> None:
    """Let every node probe every other one. Exit code 1 when some do not reach each other."""
    with SyncClient.connect() as client:
        answer = client.explain_network()
        names = {node.id: node.description.hostname or node.id for node in client.nodes().nodes}
    broken = [probe for probe in answer.probes if _lacks(probe)]
    if output is Format.TABLE:
        _print(answer, broken, names)
    else:
        render.dump([plain(probe) for probe in answer.probes], output)
    if broken or answer.silent_ids:
        raise typer.Exit(1)


def _lacks(probe: NodeProbe) -> str:
    """Return what does not arrive; "" when all does."""
    datagrams, streams = probe.HasField("datagram_s"), probe.HasField("stream_s")
    if datagrams and streams:
        return ""
    if not datagrams and not streams:
        return "nothing arrives"
    return "streams (TCP) do not arrive" if datagrams else "datagrams (UDP) do not arrive"


def _print(answer: ExplainNetworkResponse, broken: list[NodeProbe], names: dict[str, str]) -> None:
    for node_id in answer.silent_ids:
        render.say(f"✘ {names.get(node_id, node_id)} did not report what it reaches")
    for probe in broken:
        pair = f"{names.get(probe.from_id, probe.from_id)} → {names.get(probe.to_id, probe.to_id)}"
        render.say(f"✘ {pair}: {_lacks(probe)}")
    if broken:
        render.say(
            "  → open the gossip port (7947 unless --gossip-port says otherwise), UDP and TCP"
        )
    well = len(answer.probes) - len(broken)
    slowest = max((probe.datagram_s for probe in answer.probes), default=0.0)
    mark = "✘" if broken or answer.silent_ids else "✔"
    render.say(
        f"{mark} {well} of {len(answer.probes)} ways between nodes are well; "
        f"the slowest answer took {slowest * 1000:.1f} ms"
    )
