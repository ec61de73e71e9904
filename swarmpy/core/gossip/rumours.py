"""What waits to be told, each a number of times, the least told and newest first.

Source: hashicorp/memberlist's transmit-limited queue; with many waiting, each goes out a few
times only, since a queue that sends each as often as a lone one chokes on bursts: 1,000 updates
at 16 sends each would keep every packet full for half a minute.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

from google.protobuf.message import Message

Told = TypeVar("Told", bound=Message)


class Rumours(Generic[Told]):
    """A bounded queue by subject: news about a subject replace what was said before."""

    def __init__(self, most: int, lone: int, crowd_sends: int) -> None:
        self._most = most
        self._lone = lone
        self._crowd_sends = crowd_sends
        self._serial = 0
        self._waiting: dict[Hashable, list[int]] = {}
        """Subject -> [times sent, minus serial, size]; beside it the message."""
        self._messages: dict[Hashable, Told] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def is_crowded(self) -> bool:
        """Whether digests have to help."""
        return len(self._waiting) > self._lone

    def add(self, subject: Hashable, message: Told) -> None:
        """Tell this; what waits longest is dropped when there is no room."""
        self._serial += 1
        self._waiting.pop(subject, None)
        size = message.ByteSize()
        self._waiting[subject] = [0, -self._serial, size + (2 if size < 128 else 3)]
        self._messages[subject] = message
        if len(self._waiting) > self._most:
            self._drop(next(iter(self._waiting)))

    def take(self, space: int, sends: int) -> tuple[list[Told], int]:
        """Return messages for one packet and the bytes they need in it, at most `space`.

        `sends` is how often each is told while few wait.
        """
        waiting = self._waiting
        if not waiting:
            return [], 0
        if len(waiting) > self._lone:
            sends = self._crowd_sends
        items = sorted(waiting.items(), key=_least_told) if len(waiting) > 1 else [*waiting.items()]
        taken: list[Told] = []
        used = 0
        for subject, entry in items:
            if used + entry[2] > space:
                if used + 24 > space:
                    break
                continue
            used += entry[2]
            taken.append(self._messages[subject])
            entry[0] += 1
            if entry[0] >= sends:
                self._drop(subject)
        return taken, used

    def drop(self, subject: Hashable) -> None:
        """Say no more of this."""
        if subject in self._waiting:
            self._drop(subject)

    def _drop(self, subject: Hashable) -> None:
        del self._waiting[subject]
        del self._messages[subject]


def _least_told(item: tuple[Hashable, list[int]]) -> list[int]:
    return item[1]
