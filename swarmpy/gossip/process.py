"""The gossip process: one member, obeying its daemon for as long as the pipe is open.

It is apart from the daemon so that nothing the daemon does makes acks late, and small, for every
node has one: it loads neither gRPC nor the store nor a container engine.
"""

from __future__ import annotations

import asyncio
import random
import socket
from typing import Final, assert_never

from swarmpy.core.gossip.events import Event
from swarmpy.core.gossip.gossip import Gossip
from swarmpy.core.gossip.profile import PROFILES
from swarmpy.errors import SwarmPyError
from swarmpy.gossip import pipe
from swarmpy.gossip.member import Member
from swarmpy.gossip.report import Report
from swarmpy.gossip.wire import Wire
from swarmpy.pb.gossip_local_pb2 import (
    GossipChanges,
    GossipLeft,
    GossipOrder,
    GossipProbe,
    GossipProbed,
    GossipRefusal,
    GossipReport,
    GossipStart,
    GossipStarted,
)
from swarmpy.pb.gossip_pb2 import GossipMember
from swarmpy.task_group import TaskGroup

REPORT_EVERY_S: Final = 0.1
PULSE_EVERY_S: Final = 1.0
"""How often counters are told when nothing else is."""
LEAVE_S: Final = 1.0
"""How long a good-bye is told."""
PROBES_AT_ONCE: Final = 16


async def run(end: socket.socket) -> None:
    """Serve the daemon at the other end until it closes the socket."""
    reader, writer = await asyncio.open_connection(sock=end)
    try:
        start = (await pipe.read_order(reader)).start
        try:
            process = Process(start, writer)
        except SwarmPyError as error:
            refusal = GossipRefusal(message=error.message, remedy=error.remedy)
            pipe.put(writer, GossipReport(refusal=refusal))
            await writer.drain()
            return
        await process.run(reader)
    except (asyncio.IncompleteReadError, OSError):
        return  # the daemon is gone
    finally:
        writer.close()


class Process:
    """One member and the reports about it."""

    def __init__(self, start: GossipStart, writer: asyncio.StreamWriter) -> None:
        """Raises WrongState: the address is taken; InvalidInput: the keys cannot be used."""
        rng = random.SystemRandom()
        wire = Wire(start.cluster_id, rng, asyncio.get_running_loop().time())
        wire.set_keys(start.keys)
        papers = start.papers if start.papers.certificate_pem else None

        def core(address: str, now: float) -> Gossip:
            me = GossipMember()
            me.CopyFrom(start.me)
            me.address = me.address or address
            # Whom it asks need not be secret, and SystemRandom asks the kernel each time.
            chance = random.Random(rng.random())  # noqa: S311
            return Gossip(me, PROFILES[start.profile or "default"], chance, now)

        self._member = Member(start.listen_address, wire, papers, start.cluster_id, core)
        self._member.on_events = self._on_events
        self._report = Report(self._member.core)
        self._writer = writer
        self._news = asyncio.Event()
        self._news.set()
        self._probes = asyncio.Semaphore(PROBES_AT_ONCE)
        self._leaving = False

    async def run(self, reader: asyncio.StreamReader) -> None:
        """Obey until the pipe closes, or good-bye is said."""
        pipe.put(self._writer, GossipReport(started=GossipStarted(address=self._member.address)))
        async with TaskGroup() as tasks:
            parts = [
                tasks.create_task(self._member.run(), name="member"),
                tasks.create_task(self._tell(), name="reports"),
            ]
            while not self._leaving:
                try:
                    order = await pipe.read_order(reader)
                except asyncio.IncompleteReadError:
                    break
                self._obey(order, tasks)
            if self._leaving:
                await self._leave()
            for part in parts:
                part.cancel()

    def _obey(self, order: GossipOrder, tasks: TaskGroup) -> None:
        member = self._member
        core, now = member.core, member.now()
        which = order.WhichOneof("order")
        match which:
            case "papers":
                member.streams.set_papers(order.papers)
            case "keys":
                member.wire.set_keys(order.keys)
            case "join":
                core.join(order.join.members, now)
            case "changes":
                self._change(order.changes, now)
            case "description":
                said = order.description
                core.describe(
                    now, api_address=said.api_address, term=said.term, leader_id=said.leader_id
                )
                self._report.look_at(core.me.node_id)
            case "forget":
                core.forget(order.forget, now)
                self._report.look_at(order.forget)
            case "leave":
                self._leaving = True
                core.leave(now)
            case "probe":
                tasks.create_task(self._probe(order.probe))
            case "start" | None:
                return
            case _:
                assert_never(which)
        member.flush()
        self._news.set()

    def _change(self, changes: GossipChanges, now: float) -> None:
        core = self._member.core
        for endpoint in changes.put:
            core.put(endpoint, now)
        for key in changes.gone:
            core.remove((key.network_id, key.task_id), now)
        if changes.whole:
            core.settle(now)

    async def _probe(self, wanted: GossipProbe) -> None:
        probed = GossipProbed(number=wanted.number)
        view = self._member.core.member(wanted.node_id, self._member.now())
        if view is not None:
            async with self._probes:
                datagram_s, stream_s = await self._member.probe(view.member)
            if datagram_s is not None:
                probed.datagram_s = datagram_s
            if stream_s is not None:
                probed.stream_s = stream_s
        pipe.put(self._writer, GossipReport(probed=probed))

    async def _leave(self) -> None:
        await asyncio.sleep(LEAVE_S)
        pipe.put(self._writer, GossipReport(left=GossipLeft()))
        await self._writer.drain()

    # --- reports

    def _on_events(self, events: tuple[Event, ...]) -> None:
        self._report.heard(events)
        self._news.set()

    async def _tell(self) -> None:
        """Tell the daemon what is new, at most ten times a second, as fast as it listens."""
        while True:
            self._news.clear()
            for piece in self._report.pieces(self._member.now(), self._member.wire.dropped):
                pipe.put(self._writer, piece)
                await self._writer.drain()
                await asyncio.sleep(0)
            await asyncio.sleep(REPORT_EVERY_S)
            try:
                async with asyncio.timeout(PULSE_EVERY_S):
                    await self._news.wait()
            except TimeoutError:
                continue
