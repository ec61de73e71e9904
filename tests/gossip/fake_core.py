"""A gossip core that does what a test tells it and remembers what it was told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from swarmpy.core.gossip.events import Event
from swarmpy.core.gossip.gossip import Gossip, MemberView
from swarmpy.core.gossip.outbox import Datagram, Outbox, StreamRequest
from swarmpy.pb.gossip_pb2 import (
    GOSSIP_STATE_ALIVE,
    GossipAck,
    GossipEndpoint,
    GossipFrame,
    GossipMember,
    GossipPacket,
)

NEVER = 1e12


class FakeCore(Gossip):
    """Answers pings; everything else is the test's."""

    def __init__(self, node_id: str, address: str) -> None:
        self.said = GossipMember(node_id=node_id, address=address, epoch=1)
        self.packets: list[GossipPacket] = []
        self.frames: list[GossipFrame] = []
        self.refusals: list[GossipFrame] = []
        self.ticks: list[float] = []
        self.wakes_at = NEVER
        self.datagrams: list[Datagram] = []
        self.requests: list[StreamRequest] = []
        self.happened: list[Event] = []
        self.addresses: dict[str, str] = {}
        self.views: dict[str, MemberView] = {}
        self.answer: Callable[[GossipFrame], Iterator[GossipFrame]] = lambda _frame: iter(())

    def join(self, members: Iterable[GossipMember], now: float, *, ask: bool = True) -> None:
        self.addresses |= {one.node_id: one.address for one in members}

    def receive(self, packet: GossipPacket, now: float) -> None:
        self.packets.append(packet)
        if packet.HasField("ping"):
            ack = GossipPacket(ack=GossipAck(number=packet.ping.number))
            self.datagrams.append(Datagram(self.addresses[packet.sender_id], ack))

    def receive_stream(self, frame: GossipFrame, now: float) -> Iterator[GossipFrame]:
        self.frames.append(frame)
        if frame.HasField("ping"):
            return iter([GossipFrame(ack=GossipAck(number=frame.ping.number))])
        return self.answer(frame)

    def refused(self, frame: GossipFrame, now: float) -> None:
        self.refusals.append(frame)

    def tick(self, now: float) -> None:
        self.ticks.append(now)
        self.wakes_at = NEVER

    @property
    def wake_at(self) -> float:
        return self.wakes_at

    def outbox(self) -> Outbox:
        box = Outbox(tuple(self.datagrams), tuple(self.requests))
        self.datagrams, self.requests = [], []
        return box

    def events(self) -> tuple[Event, ...]:
        events, self.happened = tuple(self.happened), []
        return events

    @property
    def me(self) -> GossipMember:
        return self.said

    def member(self, node_id: str, now: float) -> MemberView | None:
        return self.views.get(node_id)

    @property
    def table_hash(self) -> int:
        return 7

    @property
    def health(self) -> int:
        return 0

    @property
    def malformed(self) -> int:
        return 0

    def members(self, now: float) -> list[MemberView]:
        return [MemberView(self.said, GOSSIP_STATE_ALIVE, 0.0, certain=True)]

    def endpoints(self) -> Iterator[GossipEndpoint]:
        return iter(())
