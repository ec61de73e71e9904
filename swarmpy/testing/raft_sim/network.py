"""The network between members at its worst: two modes, chosen by the seed.

    links    frames arrive in order while a link lasts, late when they were lost or held by a
             cut; when it breaks, all that is under way is gone: what `seams.PeerNetwork` promises
    packets  each frame takes its own way: lost, late, twice, after newer ones, after the link
             broke, after its sender or its receiver has died and come back

Raft needs no more than the second, so it must survive it.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from dataclasses import dataclass, field
from typing import Protocol

LATENCY_S = (0.0005, 0.008)
LINK_S = (0.005, 0.1)
"""How long it takes to make a link."""
RETRANSMIT_S = 0.1
LATE_S = 1.5
"""The longest delay of a packet that takes a detour."""


class End(Protocol):
    """A member's end of its links."""

    @property
    def name(self) -> str: ...

    def wants(self, peer: str) -> bool: ...

    def knows(self, peer: str) -> bool: ...

    def arrived(self, peer: str, frame: bytes) -> None: ...

    def link_changed(self, peer: str, *, up: bool) -> None: ...


@dataclass(slots=True)
class Way:
    """One direction between two members."""

    loss: float = 0.0
    twice: float = 0.0
    late: float = 0.0
    cut: bool = False
    queue: deque[bytes] = field(default_factory=deque)
    """In order, on a link."""
    timers: int = 0
    last_at_s: float = 0.0


class HostileNetwork:
    """All ends, and what lies between them."""

    def __init__(self, rng: random.Random, *, in_order: bool) -> None:
        self.in_order = in_order
        self._rng = rng
        self._ends: dict[str, End] = {}
        self._ways: dict[tuple[str, str], Way] = {}
        self._links: dict[tuple[str, str], int] = {}
        """(lesser, greater) -> which link between the two it is."""
        self._made = 0

    # --- what ends do

    def open(self, end: End) -> None:
        self._ends[end.name] = end
        self.review(end.name)

    def close(self, name: str) -> None:
        self._ends.pop(name, None)
        self.review(name)

    def review(self, name: str) -> None:
        """Make and drop links as the end called `name` and the others want them now."""
        for other in [*self._ends, *(n for pair in self._links for n in pair)]:
            pair = _pair(name, other)
            if other == name:
                continue
            if not self._is_wanted(pair):
                self.break_link(*pair)
            elif pair not in self._links:
                delay_s = self._rng.uniform(*LINK_S)
                asyncio.get_running_loop().call_later(delay_s, self._make_link, pair)

    def send(self, source: str, target: str, frame: bytes) -> bool:
        """Let a frame go its way; False when there is no link."""
        if _pair(source, target) not in self._links:
            return False
        way = self.way(source, target)
        if self.in_order:
            way.queue.append(frame)
            self._flush(source, target)
            return True
        copies = 0 if way.cut or self._rng.random() < way.loss else 1
        if copies and self._rng.random() < way.twice:
            copies = 2
        for _ in range(copies):
            delay_s = self._delay_s(way)
            loop = asyncio.get_running_loop()
            loop.call_later(delay_s, self._arrive, source, target, frame)
        return True

    # --- what fate does

    def way(self, source: str, target: str) -> Way:
        return self._ways.setdefault((source, target), Way())

    def cut(self, source: str, target: str) -> None:
        """Let nothing pass; a link breaks of it when it lasts."""
        self.way(source, target).cut = True
        pair = _pair(source, target)
        link = self._links.get(pair)
        loop = asyncio.get_running_loop()
        loop.call_later(self._rng.uniform(0.2, 2.0), self._notice, pair, link)

    def mend(self, source: str, target: str) -> None:
        way = self.way(source, target)
        way.loss = way.twice = way.late = 0.0
        way.cut = False
        if self.in_order:
            self._flush(source, target)
        self.review(source)

    def mend_all(self) -> None:
        for source, target in list(self._ways):
            self.mend(source, target)

    def break_link(self, a: str, b: str) -> None:
        """End the link; what is under way on it never arrives. Another one follows."""
        if self._links.pop(_pair(a, b), None) is None:
            return
        for source, target in ((a, b), (b, a)):
            self.way(source, target).queue.clear()
            if source in self._ends:
                self._ends[source].link_changed(target, up=False)
        self.review(a)

    # --- inside

    def _is_wanted(self, pair: tuple[str, str]) -> bool:
        """Say whether both let the other in, and one knows whom to dial."""
        a, b = (self._ends.get(name) for name in pair)
        if a is None or b is None:
            return False
        wanted = a.wants(b.name) and b.wants(a.name)
        return wanted and (a.knows(b.name) or b.knows(a.name))

    def _make_link(self, pair: tuple[str, str]) -> None:
        blocked = self.way(*pair).cut or self.way(*pair[::-1]).cut
        if blocked or pair in self._links or not self._is_wanted(pair):
            return
        self._made += 1
        self._links[pair] = self._made
        for name, other in (pair, pair[::-1]):
            self._ends[name].link_changed(other, up=True)

    def _notice(self, pair: tuple[str, str], link: int | None) -> None:
        still_cut = self.way(*pair).cut or self.way(*pair[::-1]).cut
        if link is not None and still_cut and self._links.get(pair) == link:
            self.break_link(*pair)

    def _delay_s(self, way: Way) -> float:
        delay_s = self._rng.uniform(*LATENCY_S)
        if way.late and self._rng.random() < way.late:
            delay_s += self._rng.uniform(0.0, LATE_S)
        while self.in_order and way.loss and self._rng.random() < way.loss:
            delay_s += RETRANSMIT_S
        return delay_s

    def _flush(self, source: str, target: str) -> None:
        """Set a timer for each frame without one: timers say when, the queue says which."""
        way = self.way(source, target)
        loop = asyncio.get_running_loop()
        while not way.cut and way.timers < len(way.queue):
            way.timers += 1
            way.last_at_s = max(way.last_at_s, loop.time() + self._delay_s(way))
            loop.call_at(way.last_at_s, self._next_arrives, source, target)

    def _next_arrives(self, source: str, target: str) -> None:
        way = self.way(source, target)
        way.timers -= 1
        if way.queue and not way.cut:
            self._arrive(source, target, way.queue.popleft())

    def _arrive(self, source: str, target: str, frame: bytes) -> None:
        end = self._ends.get(target)
        if end is not None:
            end.arrived(source, frame)


def _pair(a: str, b: str) -> tuple[str, str]:
    return (a, b) if a < b else (b, a)
