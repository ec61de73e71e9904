"""Reads a schedule of five fields, and says when it comes.

    minute 0-59 | hour 0-23 | day of month 1-31 | month 1-12, JAN-DEC | day of week 0-7, SUN-SAT

Fields, and what happens when clocks are put forward or back, are as in Debian's cron: a time that
is skipped comes right after the gap, one that is there twice comes once; what comes at every
hour or minute (a field that begins with `*`) follows the hours as they pass.

Source: crontab(5); cronsim, which does the arithmetic.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from swarmpy.errors import InvalidInput

MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
FIELDS = 5

_SOME_TIME = datetime(2000, 1, 1, tzinfo=UTC)
_HOUR_MS = 3600 * 1000
_SPANS_MS = (_HOUR_MS, 32 * 24 * _HOUR_MS, 366 * 24 * _HOUR_MS)
"""Looked through one after the other for the newest time: a long way takes no step a minute."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """Made by `parse`. Times are in milliseconds since the epoch."""

    expression: str
    zone: ZoneInfo

    def after(self, time_ms: int) -> int | None:
        """Return the first time after `time_ms`; None when there is none in 50 years."""
        return next(self._times(time_ms), None)

    def newest(self, after_ms: int, until_ms: int) -> int | None:
        """Return the last time in (after_ms, until_ms]; None when there is none."""
        starts = [until_ms - span_ms for span_ms in _SPANS_MS]
        for start_ms in [start for start in starts if start > after_ms] + [after_ms]:
            newest = None
            for time_ms in self._times(start_ms):
                if time_ms > until_ms:
                    break
                newest = time_ms
            if newest is not None:
                return newest
        return None

    def _times(self, after_ms: int) -> Iterator[int]:
        """Yield each time after `after_ms`, in order, once."""
        newest_ms = after_ms
        for moment in CronSim(self.expression, datetime.fromtimestamp(after_ms // 1000, self.zone)):
            # Around a change of the clocks a moment may come again, or lie before the start.
            time_ms = int(moment.timestamp()) * 1000
            if time_ms > newest_ms:
                newest_ms = time_ms
                yield time_ms


def parse(schedule: str, time_zone: str) -> Schedule:
    """Return what a schedule means in a time zone (IANA; empty is UTC).

    Raises:
        InvalidInput: it is no schedule, or one that never comes; or there is no such time zone.
    """
    expression = MACROS.get(schedule.strip().lower(), schedule.strip())
    if len(expression.split()) != FIELDS:
        raise InvalidInput(
            f"is {schedule!r}, expected five fields such as '*/5 * * * *', or one of "
            + ", ".join(MACROS),
            remedy="write minute, hour, day of month, month, day of week",
        )
    fault = _fault(expression)
    if fault.startswith("day") and not _fault(_in_any_month(expression)):
        raise InvalidInput(
            f"is {schedule!r}, which never comes, expected a day that there is",
            remedy="correct day and month",
        )
    if fault:
        raise InvalidInput(
            f"is {schedule!r}, whose {fault} cannot be read, expected numbers, names, *, lists "
            "with ',', ranges with '-' and steps with '/'",
            remedy=f"correct the {fault}",
        )
    return Schedule(expression, _zone(time_zone))


def _fault(expression: str) -> str:
    """Return which field is wrong, or that there is no such day; "" when it comes some time."""
    try:
        first = next(CronSim(expression, _SOME_TIME), None)
    except CronSimError as error:
        return str(error).removeprefix("Bad ")
    return "" if first else "day"


def _in_any_month(expression: str) -> str:
    minute, hour, day, _, weekday = expression.split()
    return f"{minute} {hour} {day} * {weekday}"


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name or "UTC")
    except (OSError, ValueError, LookupError) as error:
        raise InvalidInput(
            f"no time zone is called {name!r}, expected one as IANA names it: Europe/Berlin",
            remedy="correct the name, or leave it out for UTC",
        ) from error
