"""The daemon's end of gossip: keeps a process running, and tells a new one what the last one knew.

Node ── put_all, describe, ... ──> Wanted ──> pipe ──> gossip process
<── watch, picture ────────── Seen <──── pipe <──
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import AsyncGenerator, Callable, Iterable
from dataclasses import dataclass
from typing import Final

import structlog

from swarmpy.core.gossip.profile import check_profile
from swarmpy.errors import InvalidInput, NotFound, Unavailable, WrongState
from swarmpy.gossip.child import Child, child
from swarmpy.gossip.epoch import EpochFile
from swarmpy.gossip.seen import NOTHING, Seen
from swarmpy.gossip.wanted import JOIN_MAX, Wanted
from swarmpy.gossip.wire import check
from swarmpy.pb.gossip_local_pb2 import (
    GossipDescription,
    GossipLeave,
    GossipOrder,
    GossipPapers,
    GossipProbe,
    GossipProbed,
    GossipStart,
)
from swarmpy.pb.gossip_pb2 import GossipEndpoint, GossipMember
from swarmpy.pb.types_pb2 import GossipKeyRing
from swarmpy.seams import Clock, GossipPicture, ProbeResult
from swarmpy.security.tls_context import Papers

log = structlog.get_logger()

PICTURE_EVERY_S: Final = 0.1
RESTART_MIN_S: Final = 0.2
RESTART_MAX_S: Final = 10.0
STEADY_S: Final = 30.0
"""A process that lived for so long did not die of how it was started."""
CATCH_UP_S: Final = 3.0
"""How long the picture of the last process is shown while the new one knows less."""
LEAVE_S: Final = 2.0
PROBE_S: Final = 3.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where a node takes part."""

    node_id: str
    cluster_id: str
    listen_address: str
    """host:port, for datagrams and streams."""
    address: str = ""
    """host:port that others reach it by; empty is `listen_address`."""


class ProcessNeighbours:
    """Implements `seams.Neighbours`. `run` in a task of its owner's TaskGroup."""

    def __init__(
        self,
        place: Place,
        papers: Callable[[], Papers],
        epochs: EpochFile,
        clock: Clock,
        rng: random.Random,
    ) -> None:
        """`papers` is asked at each start; call `papers_changed` when they did."""
        self._place = place
        self._papers = papers
        self._epochs = epochs
        self._clock = clock
        self._rng = rng
        self._profile = "default"
        self._wanted = Wanted()
        self._has_keys = asyncio.Event()
        self._child: Child | None = None
        self._seen = Seen()
        self._shown = Seen()
        self._shown_until = 0.0
        self._changed = asyncio.Event()
        self._probes: dict[int, asyncio.Future[GossipProbed]] = {}
        self._numbers = itertools.count(1)
        self._leaving = False
        self._left = asyncio.Event()

    # --- seams.Neighbours: what is known

    @property
    def picture(self) -> GossipPicture:
        now = self._clock.monotonic()
        if self._shown is not self._seen and (
            now >= self._shown_until or len(self._seen) >= len(self._shown)
        ):
            self._shown = self._seen
        return self._shown.picture(now) if len(self._shown) else NOTHING

    async def watch(self) -> AsyncGenerator[GossipPicture, None]:
        while True:
            changed = self._changed
            yield self.picture
            await self._clock.sleep(PICTURE_EVERY_S)
            await changed.wait()

    # --- seams.Neighbours: what is to be told

    def put_all(self, endpoints: Iterable[GossipEndpoint]) -> None:
        self._send(self._wanted.put_all(endpoints))

    def describe(self, *, api_address: str, term: int, leader_id: str) -> None:
        said = GossipDescription(api_address=api_address, term=term, leader_id=leader_id)
        self._send(self._wanted.describe(said))

    def set_keys(self, ring: GossipKeyRing) -> None:
        check(ring)
        self._send(self._wanted.set_keys(ring))
        if ring.keys:
            self._has_keys.set()

    def join(self, addresses: Iterable[str]) -> None:
        own = {self._place.address, self._place.listen_address}
        self._send(self._wanted.join(one for one in addresses if one not in own))

    def forget(self, node_id: str) -> None:
        self._send(self._wanted.forget(node_id))

    def papers_changed(self) -> None:
        """Show the new certificate on new streams."""
        self._send([GossipOrder(papers=_papers(self._papers()))])

    def set_profile(self, name: str) -> None:
        """Take part at another pace; a process that runs already is replaced.

        Raises:
            InvalidInput: there is no such profile.
        """
        check_profile(name)
        if name != self._profile:
            self._profile = name
            if self._child is not None:
                self._child.end()

    async def leave(self) -> None:
        self._leaving = True
        if self._child is None:
            return
        self._send([GossipOrder(leave=GossipLeave())])
        try:
            async with asyncio.timeout(LEAVE_S):
                await self._left.wait()
        except TimeoutError:
            log.warning("gossip_not_left")

    async def probe(self, node_id: str) -> ProbeResult:
        if self._child is None:
            raise Unavailable("this node's gossip does not run", remedy="try again in a moment")
        if node_id not in self.picture.members:
            raise NotFound(f"gossip knows no node {node_id}", remedy="see swarmpy node ls")
        number = next(self._numbers)
        answered = self._probes[number] = asyncio.get_running_loop().create_future()
        self._send([GossipOrder(probe=GossipProbe(number=number, node_id=node_id))])
        try:
            async with asyncio.timeout(PROBE_S):
                probed = await answered
        except TimeoutError:
            return ProbeResult(None, None)
        finally:
            del self._probes[number]
        return ProbeResult(
            probed.datagram_s if probed.HasField("datagram_s") else None,
            probed.stream_s if probed.HasField("stream_s") else None,
        )

    def _send(self, orders: Iterable[GossipOrder]) -> None:
        for order in orders:  # drawn also when nobody listens: drawing is what remembers
            if self._child is not None:
                self._child.send(order)

    # --- the process

    async def run(self) -> None:
        """Keep a gossip process running until cancelled, as soon as there are keys."""
        await self._has_keys.wait()
        pause_s = RESTART_MIN_S
        while not self._leaving:
            began = self._clock.monotonic()
            try:
                await self._live()
            except (OSError, asyncio.IncompleteReadError, WrongState, InvalidInput) as error:
                log.warning("gossip_process_ended", why=str(error) or type(error).__name__)
            if self._clock.monotonic() - began > STEADY_S:
                pause_s = RESTART_MIN_S
            await self._clock.sleep(pause_s * self._rng.uniform(0.5, 1.0))
            pause_s = min(2 * pause_s, RESTART_MAX_S)

    async def _live(self) -> None:
        """Start a process and listen to it until it ends."""
        async with child() as process:
            process.send(GossipOrder(start=self._start()))
            started = await process.read()
            if started.HasField("refusal"):
                raise WrongState(started.refusal.message, remedy=started.refusal.remedy)
            log.info("gossip_started", address=started.started.address)
            known = self._shown.addresses(JOIN_MAX)
            self._seen, self._shown_until = Seen(), self._clock.monotonic() + CATCH_UP_S
            for order in self._wanted.everything(known):
                process.send(order)
            self._child = process
            caught_up = asyncio.get_running_loop().call_later(CATCH_UP_S, self._wake)
            try:
                await self._listen(process)
            finally:
                caught_up.cancel()
                self._child = None

    def _start(self) -> GossipStart:
        place = self._place
        me = GossipMember(
            node_id=place.node_id,
            address=place.address or place.listen_address,
            epoch=self._epochs.next(),
        )
        return GossipStart(
            me=me,
            listen_address=place.listen_address,
            cluster_id=place.cluster_id,
            profile=self._profile,
            papers=_papers(self._papers()),
            keys=self._wanted.keys,
        )

    async def _listen(self, process: Child) -> None:
        while True:
            report = await process.read()
            if self._seen.take(report, self._clock.monotonic()):
                if report.HasField("pulse"):  # what belongs together has come
                    self._wake()
            elif report.HasField("probed"):
                answered = self._probes.get(report.probed.number)
                if answered is not None and not answered.done():
                    answered.set_result(report.probed)
            elif report.HasField("left"):
                self._left.set()
                return

    def _wake(self) -> None:
        """Let all who watch look again."""
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()


def _papers(papers: Papers) -> GossipPapers:
    return GossipPapers(
        certificate_pem=papers.certificate_pem,
        key_pem=papers.key_pem,
        ca_certificate_pem=papers.ca_certificate_pem,
    )
