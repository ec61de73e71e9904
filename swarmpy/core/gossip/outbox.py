"""What gossip wants sent: datagrams, and requests that open a stream."""

from __future__ import annotations

from dataclasses import dataclass

from swarmpy.pb.gossip_pb2 import GossipFrame, GossipPacket


@dataclass(frozen=True, slots=True)
class Datagram:
    """One packet to one address; may be lost."""

    address: str
    packet: GossipPacket


@dataclass(frozen=True, slots=True)
class StreamRequest:
    """One frame to be sent on a stream to an address.

    Every frame that comes back on it goes to `Gossip.receive_stream`, and what that returns
    back on the stream, until either side has nothing more to say or some seconds passed.
    That the stream fails needs no telling.
    """

    address: str
    frame: GossipFrame


@dataclass(frozen=True, slots=True)
class Outbox:
    """All that is to be sent now, in order."""

    datagrams: tuple[Datagram, ...]
    streams: tuple[StreamRequest, ...]
