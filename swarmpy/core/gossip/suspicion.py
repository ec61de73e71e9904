"""How long a member that does not answer has to say that it lives.

A dead process and one that stands still are told apart by what a connection to them meets. The
kernel of a host refuses it at once when nobody listens; for a stopped process it accepts it, and
then there is silence, as there is from a host that is lost. So who is refused may be declared dead
soon, and who is silent has the time to wake up.

One member that is refused everywhere, by a firewall of its own, must not make this of somebody's
pause: it takes as many other members that were refused as it takes to confirm a suspicion, and
only who was refused itself acts upon it.

Source: Lifeguard (arXiv 1707.00788), and hashicorp/memberlist; the refusals are our own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


def timeout_s(low_s: float, high_s: float, confirmed: int, needed: int) -> float:
    """Return high_s when nobody confirms, low_s when `needed` others do, in between by log."""
    if needed <= 0:
        return low_s
    part = math.log(confirmed + 1) / math.log(needed + 1)
    return max(low_s, high_s - (high_s - low_s) * part)


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long a suspicion lasts."""

    refused_s: float
    """Of whom enough were refused, this node among them."""
    silent_s: float
    """At least `refused_s`: of whom enough say that it is silent."""
    high_s: float
    """At least `silent_s`: of whom nobody else says so."""


class Suspicion:
    """One suspicion of one member. Its deadline only ever comes nearer."""

    __slots__ = ("_bounds", "_me", "_needed", "_refused", "_sources", "_started")

    def __init__(self, me: str, now: float, bounds: Bounds, needed: int) -> None:
        """`me` is whose suspicion it is; nobody has confirmed it so far, `me` included."""
        assert bounds.refused_s <= bounds.silent_s <= bounds.high_s
        self._me = me
        self._bounds = bounds
        self._needed = needed
        self._started = now
        self._sources: set[str] = set()
        self._refused: set[str] = set()

    @property
    def confirmed(self) -> bool:
        """Whether as many others as are needed said so: none where nobody could."""
        return len(self._sources) > self._needed

    @property
    def is_refused(self) -> bool:
        """Whether this node and as many others as are needed were refused."""
        return self._me in self._refused and len(self._refused) > self._needed

    @property
    def deadline(self) -> float:
        bounds = self._bounds
        low_s = bounds.refused_s if self.is_refused else bounds.silent_s
        confirmed = max(0, len(self._sources) - 1)
        return self._started + timeout_s(low_s, bounds.high_s, confirmed, self._needed)

    def confirm(self, source: str, *, refused: bool = False) -> bool:
        """Return whether this may bring the end nearer, and is therefore worth telling on."""
        is_news = _admit(self._sources, source, self._needed)
        if refused and (source == self._me or len(self._refused) <= self._needed):
            is_news |= source not in self._refused
            self._refused.add(source)
        return is_news

    def was_refused(self, source: str) -> bool:
        """Whether this source said that it was refused."""
        return source in self._refused


def _admit(sources: set[str], source: str, needed: int) -> bool:
    """Add a source; False when it is there, or enough others are."""
    if source in sources or len(sources) > needed:
        return False
    sources.add(source)
    return True
