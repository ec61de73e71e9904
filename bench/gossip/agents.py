"""Real agents on loopback, ours and Debian's serf, and what they say of each other."""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections import Counter
from collections.abc import Callable

from swarmpy.gossip import pipe
from swarmpy.pb.gossip_local_pb2 import GossipJoin, GossipOrder, GossipPapers, GossipStart
from swarmpy.pb.gossip_pb2 import GOSSIP_STATE_ALIVE, GOSSIP_STATE_DEAD, GossipMember
from swarmpy.pb.types_pb2 import NODE_ROLE_WORKER, GossipKey, GossipKeyRing
from tests.conformance.identities import CLUSTER_ID, SwarmIdentities
from tests.gossip.ports import free_address

RING = GossipKeyRing(keys=[GossipKey(id=1, key=bytes(range(32)))], primary_id=1)
JOIN_S = 60.0
IDENTITIES = SwarmIdentities()

Told = Callable[[str, str, str, float], None]
"""(who says it, "alive" or "dead", of whom, when)."""


class OurAgent:
    """One gossip process; this process is its daemon."""

    def __init__(self, name: str, profile: str, told: Told) -> None:
        self.name, self.address = name, free_address()
        self.alive: set[str] = set()
        self._profile = profile
        self._told = told

    async def start(self, join: str) -> None:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            argv = [sys.executable, "-m", "swarmpy.gossip", "0"]
            self.process = await asyncio.create_subprocess_exec(*argv, stdin=theirs.fileno())
        self._reader, self._writer = await asyncio.open_connection(sock=ours)
        identity = IDENTITIES.of(self.name, NODE_ROLE_WORKER)
        start = GossipStart(
            me=GossipMember(node_id=self.name, address=self.address, epoch=1),
            listen_address=self.address,
            cluster_id=CLUSTER_ID,
            profile=self._profile,
            papers=GossipPapers(
                certificate_pem=identity.certificate_pem,
                key_pem=identity.key_pem,
                ca_certificate_pem=identity.ca_certificate_pem,
            ),
            keys=RING,
        )
        pipe.put(self._writer, GossipOrder(start=start))
        if join:
            members = [GossipMember(address=join)]
            pipe.put(self._writer, GossipOrder(join=GossipJoin(members=members)))

    async def listen(self) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                report = await pipe.read_report(self._reader)
                now = asyncio.get_running_loop().time()
                for one in report.sighting.members:
                    if one.state == GOSSIP_STATE_ALIVE:
                        self.alive.add(one.member.node_id)
                        self._told(self.name, "alive", one.member.node_id, now)
                    elif one.state == GOSSIP_STATE_DEAD:
                        self.alive.discard(one.member.node_id)
                        self._told(self.name, "dead", one.member.node_id, now)


class SerfAgent:
    """One agent of Debian's serf, profile lan, with encryption."""

    EVENT = re.compile(rb"serf: EventMember(Join|Failed): (\S+)")

    def __init__(self, name: str, told: Told) -> None:
        self.name, self.address = name, free_address()
        self.alive = {name}
        self._told = told

    async def start(self, join: str) -> None:
        argv = [
            "serf", "agent", f"-node={self.name}", f"-bind={self.address}",
            f"-rpc-addr={free_address()}", "-profile=lan", "-log-level=info",
            "-encrypt=AAECAwQFBgcICQoLDA0ODw==", *([f"-retry-join={join}"] if join else []),
            "-retry-interval=1s",
        ]  # fmt: skip
        self.process = await asyncio.create_subprocess_exec(*argv, stdout=PIPE, stderr=DEVNULL)

    async def listen(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            if found := self.EVENT.search(line):
                now = asyncio.get_running_loop().time()
                kind, name = found[1].decode(), found[2].decode()
                (self.alive.add if kind == "Join" else self.alive.discard)(name)
                self._told(self.name, "alive" if kind == "Join" else "dead", name, now)


class Cluster:
    """Some agents of one kind, that all know each other once `started`."""

    def __init__(
        self, label: str, agents: int, make: Callable[[str, Told], OurAgent | SerfAgent]
    ) -> None:
        self.label = label
        self._started: list[OurAgent | SerfAgent] = []
        self.dead: dict[str, dict[str, float]] = {}
        """Of whom -> who says so -> since when."""
        self.agents = {name: make(name, self._told) for name in (f"n{i:02}" for i in range(agents))}

    def _told(self, by: str, kind: str, of: str, now: float) -> None:
        if kind == "dead":
            self.dead.setdefault(of, {}).setdefault(by, now)

    async def started(self, tasks: asyncio.TaskGroup) -> None:
        join = ""
        for agent in self.agents.values():
            await agent.start(join)
            self._started.append(agent)
            tasks.create_task(agent.listen())
            join = join or agent.address
        try:
            async with asyncio.timeout(JOIN_S):
                while any(len(agent.alive) < len(self.agents) for agent in self.agents.values()):
                    await asyncio.sleep(0.1)
        except TimeoutError:
            known = Counter(len(agent.alive) for agent in self.agents.values())
            raise SystemExit(f"{self.label}: not all know all: {known}") from None

    def kill(self, name: str) -> float:
        """Kill -9 an agent; return when."""
        self.agents[name].process.send_signal(signal.SIGKILL)
        return asyncio.get_running_loop().time()

    async def known(self, victim: str, by: int, timeout_s: float) -> list[float]:
        """Return when each of so many learned of a death, in order; [] when not all did."""
        try:
            async with asyncio.timeout(timeout_s):
                while len(self.dead.get(victim, {})) < by:
                    await asyncio.sleep(0.02)
        except TimeoutError:
            return []
        return sorted(self.dead[victim].values())

    def end(self) -> None:
        for agent in self._started:
            with contextlib.suppress(ProcessLookupError):
                agent.process.kill()
