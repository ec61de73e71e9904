"""What changed lately, by short fingerprint, oldest first."""

from __future__ import annotations

from typing import Generic, TypeVar

from swarmpy.core.gossip.fingerprint import SHORT

Subject = TypeVar("Subject")


class Recent(Generic[Subject]):
    """Finds every entry of a table by short fingerprint, and the latest changes by time."""

    def __init__(self, kept_s: float, most: int) -> None:
        self._kept_s = kept_s
        self._most = most
        self._subjects: dict[int, Subject] = {}
        self._changed: dict[int, float] = {}

    def __contains__(self, short: int) -> bool:
        return short in self._subjects

    def subject(self, short: int) -> Subject | None:
        """Return whose fingerprint this is, however old; None when it is nobody's here."""
        return self._subjects.get(short)

    def note(self, fingerprint: int, subject: Subject, now: float) -> None:
        """Remember that a subject has just come to have this fingerprint."""
        short = fingerprint & SHORT
        self._subjects[short] = subject
        self._changed.pop(short, None)
        self._changed[short] = now
        if len(self._changed) > self._most:
            self._trim(now)

    def drop(self, fingerprint: int) -> None:
        """Forget a fingerprint that is nobody's any more."""
        short = fingerprint & SHORT
        self._subjects.pop(short, None)
        self._changed.pop(short, None)

    def changed(self, now: float) -> dict[int, float]:
        """Return short fingerprint -> time of change, oldest first. Not to be changed."""
        self._trim(now)
        return self._changed

    def _trim(self, now: float) -> None:
        changed = self._changed
        surplus = len(changed) - self._most
        outdated = []
        for count, (short, at) in enumerate(changed.items()):
            if count >= surplus and now - at <= self._kept_s:
                break
            outdated.append(short)
        for short in outdated:
            del changed[short]
