"""One member whose peers are played by the test: what it hears is given, what it says is kept."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from typing import Any

from swarmpy.pb.raft_pb2 import (
    RaftAppend,
    RaftAppendReply,
    RaftEntry,
    RaftFrame,
    RaftPreVoteReply,
    RaftVoteReply,
    RaftVoteRequest,
)
from swarmpy.raft.log import RaftLog
from swarmpy.raft.node import RaftNode
from swarmpy.testing.clock import VirtualClock
from swarmpy.testing.faulty_disk import FaultyDisk
from swarmpy.testing.virtual_loop import run
from tests.raft.cluster import DIRECTORY, SMALL, Words, make_sealing

MEMBERS = {name: f"{name}:4242" for name in "abc"}
"""The member under test is b."""


class Wiretap:
    """Implements `seams.PeerNetwork`: every peer is linked, and whatever is said is kept."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, RaftFrame]] = []
        self.on_frames: Callable[[str, Sequence[bytes]], None]
        self.on_link: Callable[[str, bool], None]

    def set_handlers(
        self,
        on_frames: Callable[[str, Sequence[bytes]], None],
        on_link: Callable[[str, bool], None],
    ) -> None:
        self.on_frames, self.on_link = on_frames, on_link

    async def start(self) -> None:
        pass

    def set_peers(self, peers: Mapping[str, str], *, open_to_others: bool = False) -> None:
        for peer in peers:
            self.on_link(peer, True)

    def send(self, peer_id: str, frame: bytes) -> bool:
        self.sent.append((peer_id, RaftFrame.FromString(frame)))
        return True

    async def close(self) -> None:
        pass


class Lone:
    """Member b of a, b and c, or the only one."""

    def __init__(self, seed: int = 1) -> None:
        rng = random.Random(seed)
        self.clock = VirtualClock(asyncio.get_running_loop())
        self.disk = FaultyDisk(rng, self.clock, sync_s=0.002)
        self.sealing = make_sealing(rng)
        self.network: Wiretap
        self.machine = Words()
        self.node: RaftNode
        self.running: asyncio.Task[None]

    @property
    def log(self) -> RaftLog:
        return self.node._log

    async def start(
        self, members: Mapping[str, str] = MEMBERS, log_class: type[RaftLog] = RaftLog
    ) -> None:
        """Start on what is on the disk; `log_class` may have a protection switched off."""
        self.network = Wiretap()
        rng = random.Random(1)
        self.node = RaftNode(
            "b",
            self.machine,
            self.network,
            self.disk,
            DIRECTORY,
            self.clock,
            rng,
            self.sealing,
            SMALL,
        )
        self.node._log.__class__ = log_class
        await self.node.start(members)
        self.running = asyncio.get_running_loop().create_task(self.node.run())
        await asyncio.sleep(0.01)

    async def stop(self) -> None:
        self.running.cancel()
        with suppress(asyncio.CancelledError):
            await self.running
        await self.node.close()

    async def crash(self) -> None:
        self.disk.switch_off()
        await self.stop()
        self.disk.switch_on()

    async def hear(self, peer: str, term: int, **body: Any) -> None:
        """Hear one frame, and give the member time to answer."""
        self.network.on_frames(peer, [RaftFrame(term=term, **body).SerializeToString()])
        await asyncio.sleep(0.01)

    async def hear_append(
        self, prev: tuple[int, int], entries: range, term: int, commit_index: int = 0
    ) -> None:
        """Hear entries that a, the leader, sends."""
        sent = [RaftEntry(index=i, term=term, command=b"\x00%d" % i) for i in entries]
        append = RaftAppend(
            prev_index=prev[0], prev_term=prev[1], commit_index=commit_index, entries=sent
        )
        await self.hear("a", term, append=append)

    async def hear_candidate(self, peer: str, term: int) -> None:
        request = RaftVoteRequest(last_index=100, last_term=term - 1)
        await self.hear(peer, term, vote_request=request)

    async def hear_ack(self, peer: str, term: int, match_index: int) -> None:
        reply = RaftAppendReply(success=True, match_index=match_index)
        await self.hear(peer, term, append_reply=reply)

    async def lead(self) -> int:
        """Let a vote for this member until it leads; return the term."""
        asked = len(self.network.sent)
        while not (requests := self._said("pre_vote_request", asked)):
            await asyncio.sleep(0.05)
        round_number = requests[-1].pre_vote_request.round
        reply = RaftPreVoteReply(round=round_number, granted=True)
        await self.hear("a", requests[-1].term - 1, pre_vote_reply=reply)
        term = int(self._said("vote_request", asked)[-1].term)
        await self.hear("a", term, vote_reply=RaftVoteReply())
        return term

    def said(self, kind: str) -> list[tuple[str, RaftFrame]]:
        return [(peer, f) for peer, f in self.network.sent if f.WhichOneof("body") == kind]

    def _said(self, kind: str, since: int) -> list[RaftFrame]:
        frames = (frame for _, frame in self.network.sent[since:])
        return [frame for frame in frames if frame.WhichOneof("body") == kind]


def alone(scenario: Callable[[Lone], Coroutine[Any, Any, None]], *, seed: int = 1) -> None:
    """Run a scenario with one member in virtual time."""

    async def main(_rng: random.Random) -> None:
        lone = Lone(seed)
        try:
            await scenario(lone)
        finally:
            await lone.stop()

    run(main, seed)
