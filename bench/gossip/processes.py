"""Real gossip on loopback: `python -m bench.gossip.processes [kill|stop|many] [--nodes N]`.

kill: the same node of three clusters is killed at once: ours, ours at lan's pace, Debian's serf.
stop: a node is stopped for five seconds; nobody may be declared dead.
many: so many encrypted sockets in this one process: what they cost, and what they wrongly say.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import gc
import random
import resource
import shutil
import signal
import statistics
import time
from collections.abc import Sequence

from bench.gossip.agents import RING, Cluster, OurAgent, SerfAgent
from swarmpy.core.gossip.events import EndpointChanged, Event, MemberDead, MemberSuspected
from swarmpy.core.gossip.gossip import Gossip
from swarmpy.core.gossip.profile import DEFAULT
from swarmpy.gossip.member import Member
from swarmpy.gossip.wire import Wire
from swarmpy.pb.gossip_pb2 import GossipEndpoint, GossipMember
from tests.gossip.ports import free_address

KNOWN_S = 40.0
STOP_S = 5.0


async def kill(nodes: int, rounds: int) -> None:
    """Print how long each cluster takes to find deaths, side by side."""
    clusters = [
        Cluster("default", nodes, lambda name, told: OurAgent(name, "default", told)),
        Cluster("lan", nodes, lambda name, told: OurAgent(name, "lan", told)),
    ]
    if shutil.which("serf"):
        clusters.append(Cluster("serf", nodes, SerfAgent))
    else:
        print("no serf here (apt-get install serf): no ratio")
    firsts: dict[str, list[float]] = collections.defaultdict(list)
    lasts: dict[str, list[float]] = collections.defaultdict(list)
    async with asyncio.TaskGroup() as tasks:
        try:
            for cluster in clusters:
                await cluster.started(tasks)
            await asyncio.sleep(5)
            names = random.Random(time.time_ns()).sample(list(clusters[0].agents), rounds)
            for number, victim in enumerate(names):
                began = [cluster.kill(victim) for cluster in clusters]
                left = nodes - number - 1
                for cluster, at in zip(clusters, began, strict=True):
                    known = await cluster.known(victim, left, KNOWN_S)
                    if not known:
                        print(f"{cluster.label}: {victim} is not known as dead to all")
                        continue
                    firsts[cluster.label].append(known[0] - at)
                    lasts[cluster.label].append(known[-1] - at)
                await asyncio.sleep(2)
            for cluster in clusters:
                label = cluster.label
                print(
                    f"{label:8} first dead {_spread(firsts[label])}, all know "
                    f"{_spread(lasts[label])}, wrongly dead {len(set(cluster.dead) - set(names))}"
                )
            if "serf" in firsts:
                peer = statistics.median(firsts["serf"])
                for label, goal in (("default", 0.65), ("lan", 1.1)):
                    ratio = statistics.median(firsts[label]) / peer
                    print(f"{label:8} {ratio:.2f} x serf (goal {goal})")
        finally:
            for cluster in clusters:
                cluster.end()


def _spread(times: Sequence[float]) -> str:
    if not times:
        return "never"
    return f"{statistics.median(times):.2f} s median ({min(times):.2f} to {max(times):.2f})"


async def stop(nodes: int, rounds: int, profile: str) -> None:
    """Print how many deaths were told while a node was stopped."""
    cluster = Cluster(profile, nodes, lambda name, told: OurAgent(name, profile, told))
    async with asyncio.TaskGroup() as tasks:
        try:
            await cluster.started(tasks)
            stopped: set[str] = set()
            for name in list(cluster.agents)[1 : rounds + 1]:
                process = cluster.agents[name].process
                process.send_signal(signal.SIGSTOP)
                await asyncio.sleep(STOP_S)
                process.send_signal(signal.SIGCONT)
                await asyncio.sleep(8)
                others = sorted(set(cluster.dead) - {name} - stopped)
                print(
                    f"{profile}: {name} stopped for {STOP_S:.0f} s: declared dead by "
                    f"{len(cluster.dead.get(name, {}))}, others declared dead: {others}"
                )
                stopped.add(name)
        finally:
            cluster.end()


async def many(nodes: int, seconds: float) -> None:
    """Print the CPU, the wrong events and the spread of one update."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    counts: collections.Counter[str] = collections.Counter()
    seen: dict[str, float] = {}
    members = [_member(f"n{number:04}", counts, seen) for number in range(nodes)]
    everybody = [member.core.me for member in members]
    gc.collect()
    gc.freeze()
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(member.run()) for member in members]
        for member in members:
            member.core.join(everybody, member.now(), ask=False)
            member.flush()
            await asyncio.sleep(0)
        await asyncio.sleep(15)
        counts.clear()
        began, cpu, lag = time.monotonic(), time.process_time(), 0.0
        while time.monotonic() - began < seconds:
            before = time.monotonic()
            await asyncio.sleep(0.1)
            lag = max(lag, time.monotonic() - before - 0.1)
        busy = (time.process_time() - cpu) / (time.monotonic() - began)
        print(
            f"{nodes} sockets: {busy * 100:.1f} % of a core over {seconds:.0f} s (goal 35), "
            f"wrong events {dict(counts)} (goal none), longest lag {lag * 1000:.0f} ms"
        )
        at = members[0].now()
        members[0].core.put(GossipEndpoint(network_id="net", task_id="t1"), at)
        members[0].flush()
        await asyncio.sleep(4)
        times = sorted(when - at for when in seen.values())
        if times:
            most = times[int(len(times) * 0.999) - 1]
            print(f"one update is at {len(times)} of {nodes} after {most:.2f} s (99.9 %)")
        at = members[-1].now()
        running[-1].cancel()
        await asyncio.sleep(0)
        counts.clear()
        while counts["dead"] < nodes - 1 and members[0].now() - at < 30:
            await asyncio.sleep(0.05)
        print(f"one that is gone is dead to {counts['dead']} after {members[0].now() - at:.1f} s")
        for task in running:
            task.cancel()


def _member(name: str, counts: collections.Counter[str], seen: dict[str, float]) -> Member:
    wire = Wire("bench", random.SystemRandom(), 0.0)
    wire.set_keys(RING)

    def core(address: str, now: float) -> Gossip:
        me = GossipMember(node_id=name, address=address, epoch=1)
        return Gossip(me, DEFAULT, random.Random(name), now)

    member = Member(free_address(), wire, None, "bench", core)

    def heard(events: Sequence[Event]) -> None:
        for event in events:
            match event:
                case MemberDead():
                    counts["dead"] += 1
                case MemberSuspected():
                    counts["suspected"] += 1
                case EndpointChanged():
                    seen[name] = member.now()
                case _:
                    pass

    member.on_events = heard
    return member


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["kill", "stop", "many"])
    parser.add_argument("--nodes", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--profile", default="default", help="of stop")
    parser.add_argument("--seconds", type=float, default=60.0)
    wanted = parser.parse_args()
    match wanted.what:
        case "kill":
            asyncio.run(kill(wanted.nodes or 20, wanted.rounds))
        case "stop":
            asyncio.run(stop(wanted.nodes or 20, wanted.rounds, wanted.profile))
        case _:
            asyncio.run(many(wanted.nodes or 1000, wanted.seconds))


if __name__ == "__main__":
    main()
