"""Conversations on streams: TLS 1.3, frames with a limit, and answers made while they are sent.

    dialler                                     listener
    question ─────────────────────────────────> core
    core     <── answer, answer, ..., an empty frame: that was all
    what the core returns: the next question ─> core
    ...

Only the dialler counts questions, and hangs up when none is open, so nobody waits for the other
to say more. It has at most `QUESTIONS_OPEN` of them and does not wait for room to ask, so there
is always one who reads.
"""

from __future__ import annotations

import asyncio
import itertools
import ssl
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from enum import Enum, auto
from typing import Any, Final, TypeAlias

from swarmpy.errors import InvalidInput, PermissionDenied, Unavailable
from swarmpy.gossip.udp import sockaddr
from swarmpy.pb.gossip_pb2 import GossipFrame
from swarmpy.rpc.dial import DIAL_TIMEOUT_S, hang_up, open_tls
from swarmpy.rpc.frames import put_frame, read_frame
from swarmpy.rpc.stream_pair import streams_of
from swarmpy.security.tls_context import Papers, client_context, server_context

PROTOCOL: Final = "swarmpy-gossip/1"
FRAME_MAX_BYTES: Final = 512 * 1024
"""200 entries with dozens of ports each."""
FRAME_S: Final = 5.0
"""How long the other end may take for its next frame, or to take ours."""
STREAM_S: Final = 30.0
"""How long all of it may take: a full set of 500,000 endpoints on a slow line."""
QUESTIONS_OPEN: Final = 8
QUESTIONS_WAITING: Final = 1024
"""Answers of ours to be drawn; a dialler that is asked for more hangs up."""

Receive: TypeAlias = Callable[[GossipFrame], Iterator[GossipFrame]]
Pair: TypeAlias = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Ending(Enum):
    """How a conversation ended."""

    WELL = auto()
    BROKEN = auto()
    REFUSED = auto()
    """Before it began: the host is there, and nobody listens at that port."""


BROKEN: Final = (OSError, asyncio.IncompleteReadError, InvalidInput, PermissionDenied, Unavailable)
"""How a stream ends that does not end well. Nobody is told: gossip tries others."""


class Streams:
    """Both ends. Without papers there is no TLS, which is for tests on loopback alone."""

    def __init__(self, cluster_id: str, papers: Papers | None, receive: Receive) -> None:
        self._cluster_id = cluster_id
        self._receive = receive
        self._listening: ssl.SSLContext | None = None
        self._dialling: ssl.SSLContext | None = None
        self.broken = 0
        """Streams that did not end well."""
        if papers is not None:
            self.set_papers(papers)

    def set_papers(self, papers: Papers) -> None:
        """Show these on every new stream."""
        self._listening = server_context(papers, [PROTOCOL])
        self._listening.verify_mode = ssl.CERT_REQUIRED
        self._dialling = client_context(papers, PROTOCOL)
        # Whoever dials has only an address. Any node of this swarm will do: see `_peer`.
        self._dialling.check_hostname = False

    def server_context(self) -> ssl.SSLContext | None:
        return self._listening

    # --- listening

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one dialler until it hangs up."""
        try:
            async with asyncio.timeout(STREAM_S):
                await self._answer_all(reader, writer)
        except BROKEN:
            self.broken += 1

    async def _answer_all(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = self._peer(writer)
        while (question := await _read(reader)) is not None:
            if peer and question.sender.node_id not in {"", peer}:
                raise PermissionDenied(f"node {peer} speaks for another")
            for answer in self._receive(question):
                await _send(writer, answer)
                await asyncio.sleep(0)  # others have their turn before the next is made
            await _send(writer, GossipFrame())

    # --- dialling

    async def ask(self, address: str, question: GossipFrame) -> Ending:
        """Hold one conversation; return how it ended."""
        try:
            async with asyncio.timeout(STREAM_S), self._dialled(address) as (reader, writer):
                await self._ask_all(question, reader, writer)
        except BROKEN as error:
            self.broken += 1
            is_refused = isinstance(error.__cause__ or error, ConnectionRefusedError)
            return Ending.REFUSED if is_refused else Ending.BROKEN
        return Ending.WELL

    async def ask_once(self, address: str, question: GossipFrame) -> GossipFrame | None:
        """Return the first answer, which the core does not hear of; None when none comes."""
        try:
            async with asyncio.timeout(FRAME_S), self._dialled(address) as (reader, writer):
                await _send(writer, question)
                return await _read(reader)
        except BROKEN:
            return None

    async def _ask_all(
        self, question: GossipFrame, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        waiting: deque[Iterator[GossipFrame]] = deque([iter([question])])
        is_open = 0
        while waiting or is_open:
            while waiting and is_open < QUESTIONS_OPEN:
                frame = next(waiting[0], None)
                if frame is None:
                    waiting.popleft()
                else:
                    _put(writer, frame)
                    is_open += 1
            if not is_open:
                return
            answer = await _read(reader)
            if answer is None:
                raise Unavailable("the stream ended too early")
            if answer.WhichOneof("body") is None:
                is_open -= 1
                continue
            made = self._receive(answer)
            first = next(made, None)  # now, for it may not work before it is drawn from
            if first is not None:
                waiting.append(itertools.chain([first], made))
            if len(waiting) > QUESTIONS_WAITING:
                raise Unavailable("too many questions at once")
            await asyncio.sleep(0)

    @asynccontextmanager
    async def _dialled(self, address: str) -> AsyncIterator[Pair]:
        if sockaddr(address) is None:
            raise InvalidInput(f"{address!r} is not an IP address and a port")
        reader, writer = await self._open(address)
        try:
            self._peer(writer)
            yield reader, writer
        finally:
            await hang_up(writer)

    async def _open(self, address: str) -> Pair:
        if self._dialling is not None:
            return streams_of(await open_tls(address, self._dialling, PROTOCOL, None))
        target = sockaddr(address)
        assert target is not None
        async with asyncio.timeout(DIAL_TIMEOUT_S):
            return await asyncio.open_connection(*target)

    def _peer(self, writer: asyncio.StreamWriter) -> str:
        """Return the node at the other end, "" without TLS.

        Raises:
            PermissionDenied: it is no node of this swarm, or speaks another protocol.
        """
        tls: ssl.SSLObject | None = writer.get_extra_info("ssl_object")
        if tls is None:
            assert self._listening is None, "TLS was to be spoken"
            return ""
        certificate: Any = tls.getpeercert() or {}
        subject = {name: value for ((name, value),) in certificate.get("subject", ())}
        is_ours = subject.get("organizationName") == self._cluster_id
        if not is_ours or tls.selected_alpn_protocol() != PROTOCOL:
            raise PermissionDenied("whoever is at the other end is no node of this swarm")
        return str(subject.get("commonName", ""))


async def _read(reader: asyncio.StreamReader) -> GossipFrame | None:
    """Return the next frame; None when the other end hung up."""
    try:
        async with asyncio.timeout(FRAME_S):
            return await read_frame(reader, GossipFrame, FRAME_MAX_BYTES)
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise
        return None


def _put(writer: asyncio.StreamWriter, frame: GossipFrame) -> None:
    if frame.ByteSize() > FRAME_MAX_BYTES:  # what others told us, all at once
        raise InvalidInput(f"a frame is longer than {FRAME_MAX_BYTES} bytes")
    put_frame(writer, frame, FRAME_MAX_BYTES)


async def _send(writer: asyncio.StreamWriter, frame: GossipFrame) -> None:
    _put(writer, frame)
    async with asyncio.timeout(FRAME_S):
        await writer.drain()
