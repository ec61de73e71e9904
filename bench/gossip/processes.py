"""Real gossip on loopback: `python -m bench.gossip.processes kill|many|stop [--nodes N]`; exit 1
when a goal is missed.

kill: the same node of three clusters is killed at once: ours, ours at lan's pace, Debian's serf.
stop: a node is stopped for five seconds; nobody may be declared dead.
many: so many encrypted sockets in this one process: what they cost, and what they wrongly say.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import gc
import math
import random
import resource
import shutil
import signal
import statistics
import sys
import time
from collections.abc import Sequence

from bench.gossip.agents import RING, Cluster, OurAgent, SerfAgent
from bench.gossip.report import MISSED, row, title
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
    title(f"Real processes, {nodes} of each kind, kill -9, median of {rounds}")
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
                label, wrong = cluster.label, len(set(cluster.dead) - set(names))
                row(f"{label}: first to know", _spread(firsts[label]), "", met=None)
                row(f"{label}: all know", _spread(lasts[label]), "", met=None)
                met = None if label == "serf" else wrong == 0
                row(f"{label}: wrongly dead", f"{wrong}", "0", met=met)
            if "serf" in firsts:
                peer = statistics.median(firsts["serf"])
                for label, goal in (("default", 0.65), ("lan", 1.1)):
                    ratio = statistics.median(firsts[label] or [math.inf]) / peer
                    met = ratio <= goal
                    row(f"{label}: first to know", f"{ratio:.2f} x serf", f"<= {goal} x", met=met)
        finally:
            for cluster in clusters:
                cluster.end()


def _spread(times: Sequence[float]) -> str:
    if not times:
        return "never"
    return f"{statistics.median(times):.2f} s ({min(times):.2f} to {max(times):.2f})"


async def stop(nodes: int, rounds: int, profile: str) -> None:
    """Print how many deaths were told while a node was stopped."""
    title(f"Real processes, one of {nodes} stopped for {STOP_S:g} s at a time")
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
                others = len(set(cluster.dead) - {name} - stopped)
                by = len(cluster.dead.get(name, {}))
                said = f"dead to {by}, and {others} others"
                row(f"{profile}: {name}", said, "dead to 0", met=not by and not others)
                stopped.add(name)
        finally:
            cluster.end()


async def many(nodes: int, seconds: float) -> None:
    """Print the CPU, the wrong events and the spread of one update."""
    title(f"{nodes:,} encrypted sockets in one process")
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
        row(f"idle for {seconds:g} s", f"{busy:.1%} of a core", "<= 35 %", met=busy <= 0.35)
        row("wrong events", f"{dict(counts) or 0}", "0", met=not counts)
        row("the loop's longest lag", f"{lag * 1000:.0f} ms", "", met=None)
        await _update(members[0], seen)
        at = members[-1].now()
        running[-1].cancel()
        await asyncio.sleep(0)
        counts.clear()
        while counts["dead"] < nodes - 1 and members[0].now() - at < 30:
            await asyncio.sleep(0.05)
        said = f"{members[0].now() - at:.1f} s"
        row(f"one that is gone is dead to {counts['dead']:,}", said, "", met=None)
        for task in running:
            task.cancel()


async def _update(member: Member, seen: dict[str, float]) -> None:
    """Print how long one endpoint takes to all."""
    at = member.now()
    member.core.put(GossipEndpoint(network_id="net", task_id="t1"), at)
    member.flush()
    await asyncio.sleep(4)
    times = sorted(when - at for when in seen.values())
    if times:
        most = times[int(len(times) * 0.999) - 1]
        row(f"one update to 99.9 % of {len(times):,}", f"{most:.2f} s", "", met=None)


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
    sys.exit(1 if MISSED else 0)


if __name__ == "__main__":
    main()
