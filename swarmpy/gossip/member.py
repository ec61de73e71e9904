"""One member on real sockets: the pure core, told of packets, frames and time, and obeyed.

    UDP ──> Wire.open ──> Gossip.receive ─┐
    streams ────> Gossip.receive_stream ──┼──> outbox ──> Wire.seal ──> UDP; streams
    loop.call_at(wake_at) ──> tick ───────┘    events ──> on_events

Nothing here waits for anything but the loop.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from google.protobuf.message import DecodeError

from swarmpy.core.gossip import fingerprint
from swarmpy.core.gossip.events import Event
from swarmpy.core.gossip.gossip import Gossip
from swarmpy.gossip.listener import Listener
from swarmpy.gossip.streams import Ending, Streams
from swarmpy.gossip.udp import UdpSocket
from swarmpy.gossip.wire import Refusal, Wire
from swarmpy.pb.gossip_pb2 import GossipFrame, GossipMember, GossipPacket, GossipPing
from swarmpy.security.tls_context import Papers
from swarmpy.task_group import TaskGroup

DIALLED_MAX: Final = 16
"""Streams that this node opens at once; more are not opened, and the core asks again."""
PROBE_S: Final = 2.0
PROBES_FROM: Final = 1 << 31
"""Numbers of pings that are ours and not the core's."""
TICK_MIN_S: Final = 0.001


class Member:
    """Bound when made; `run` until cancelled."""

    def __init__(
        self,
        address: str,
        wire: Wire,
        papers: Papers | None,
        cluster_id: str,
        make_core: Callable[[str, float], Gossip],
    ) -> None:
        """`make_core` gets the address that was bound and the time. Without `papers` there is
        no TLS, which is for tests on loopback alone.

        Raises:
            WrongState: the address is taken, or not this machine's.
        """
        self._loop = asyncio.get_running_loop()
        self._udp = UdpSocket(address)
        try:
            self._listener = Listener(self._udp.address)
        except BaseException:
            self._udp.close()
            raise
        self.wire: Final = wire
        self.streams: Final = Streams(cluster_id, papers, self._receive_stream)
        self.core: Final = make_core(self._udp.address, self.now())
        self.on_events: Callable[[tuple[Event, ...]], None] = lambda _events: None
        self._timer: asyncio.TimerHandle | None = None
        self._dialled: set[asyncio.Task[None]] = set()
        self._tasks: TaskGroup | None = None
        self._probes: dict[int, asyncio.Future[None]] = {}
        self._probe_numbers = itertools.count(PROBES_FROM)

    @property
    def address(self) -> str:
        """host:port, for datagrams and streams alike."""
        return self._udp.address

    def now(self) -> float:
        """The core's time."""
        return self._loop.time()

    async def run(self) -> None:
        """Take part until cancelled."""
        try:
            async with TaskGroup() as self._tasks:
                self._udp.open(self._on_datagram)
                self._tasks.create_task(
                    self._listener.run(self.streams.serve, self.streams.server_context)
                )
                self.flush()
        finally:
            self.close()

    def close(self) -> None:
        """Give the sockets back. Nothing happens when that is done already."""
        self._tasks = None
        if self._timer is not None:
            self._timer.cancel()
        self._udp.close()
        self._listener.close()

    # --- what comes in

    def _on_datagram(self, data: bytes, source: tuple[str, int]) -> int:
        now = self.now()
        plain = self.wire.open(data, source, now)
        if plain is None:
            return 1
        try:
            packet = GossipPacket.FromString(plain)
        except DecodeError:
            self.wire.refuse(Refusal.MEANINGLESS)
            return 1
        if not self._answers_probe(packet):
            self.core.receive(packet, now)
            self.flush()
        return 1 + len(packet.rumours) + len(packet.endpoints)

    def _receive_stream(self, frame: GossipFrame) -> Iterator[GossipFrame]:
        answers = self.core.receive_stream(frame, self.now())
        first = next(answers, None)
        self.flush()
        if first is not None:
            yield first
            yield from answers

    def _tick(self) -> None:
        self._timer = None
        self.core.tick(self.now())
        self.flush()

    # --- what goes out

    def flush(self) -> None:
        """Do what the core wants done. To be called after each call of the core."""
        outbox = self.core.outbox()
        for datagram in outbox.datagrams:
            self._send(datagram.address, datagram.packet)
        for stream in outbox.streams:
            self._dial(stream.address, stream.frame)
        events = self.core.events()
        if events:
            self.on_events(events)
        self._set_timer()

    def _send(self, address: str, packet: GossipPacket) -> None:
        data = self.wire.seal(packet.SerializeToString())
        if data is not None and not self._udp.send(address, data):
            self.wire.refuse(Refusal.UNSENT)

    def _dial(self, address: str, frame: GossipFrame) -> None:
        # Whoever has no keys yet would only be told what it must not know.
        if self._tasks is None or not self.wire.has_key or len(self._dialled) >= DIALLED_MAX:
            self.wire.refuse(Refusal.UNSENT)
            return
        task = self._tasks.create_task(self._converse(address, frame))
        self._dialled.add(task)
        task.add_done_callback(self._dialled.discard)

    async def _converse(self, address: str, frame: GossipFrame) -> None:
        if await self.streams.ask(address, frame) is Ending.REFUSED:
            self.core.refused(frame, self.now())
            self.flush()

    def _set_timer(self) -> None:
        """Let `tick` come when it is due; one that comes too early does no harm."""
        if self._tasks is None:
            return
        due = max(self.core.wake_at, self.now() + TICK_MIN_S)
        if self._timer is not None:
            if self._timer.when() <= due:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(due, self._tick)

    # --- asking one member, for people

    async def probe(self, member: GossipMember) -> tuple[float | None, float | None]:
        """Return how long a datagram and a stream take there and back; None: no answer."""
        number = next(self._probe_numbers) % (1 << 32) | PROBES_FROM
        ping = GossipPing(number=number, target=fingerprint.of_node(member.node_id))
        return (
            await self._probe_by_datagram(member.address, ping),
            await self._probe_by_stream(member.address, ping),
        )

    async def _probe_by_datagram(self, address: str, ping: GossipPing) -> float | None:
        answered = self._probes[ping.number] = self._loop.create_future()
        began = self.now()
        self._send(address, GossipPacket(sender_id=self.core.me.node_id, ping=ping))
        try:
            async with asyncio.timeout(PROBE_S / 2):
                await answered
        except TimeoutError:
            return None
        finally:
            del self._probes[ping.number]
        return self.now() - began

    async def _probe_by_stream(self, address: str, ping: GossipPing) -> float | None:
        began = self.now()
        try:
            async with asyncio.timeout(PROBE_S / 2):
                question = GossipFrame(sender=self.core.me, ping=ping)
                answer = await self.streams.ask_once(address, question)
        except TimeoutError:
            return None
        is_right = answer is not None and answer.ack.number == ping.number
        return self.now() - began if is_right else None

    def _answers_probe(self, packet: GossipPacket) -> bool:
        if packet.WhichOneof("body") != "ack" or packet.ack.number not in self._probes:
            return False
        answered = self._probes[packet.ack.number]
        if not answered.done():
            answered.set_result(None)
        return True


def known(members: Iterable[str]) -> list[GossipMember]:
    """Return addresses as members that are nothing but addresses to ask."""
    return [GossipMember(address=address) for address in members]
