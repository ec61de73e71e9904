"""A schedule comes when crontab(5) says, also on the days on which clocks change."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmpy.core.cron.schedule import parse
from swarmpy.errors import InvalidInput

HOUR_MS = 3600 * 1000


def at(text: str) -> int:
    """Return a moment in UTC, in ms."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000


def times(schedule: str, zone: str, start: str, count: int) -> list[str]:
    found, time_ms = [], at(start)
    for _ in range(count):
        following = parse(schedule, zone).after(time_ms)
        assert following is not None
        time_ms = following
        found.append(f"{datetime.fromtimestamp(time_ms / 1000, UTC):%m-%d %H:%M}")
    return found


BERLIN = "Europe/Berlin"  # 2026-03-29 01:00Z: 2:00 is 3:00; 2026-10-25 01:00Z: 3:00 is 2:00 again

TABLE = [
    ("*/20 * * * *", "", "2026-01-01T00:05", ["01-01 00:20", "01-01 00:40", "01-01 01:00"]),
    ("0 9 * * mon-fri", "", "2026-01-02T10:00", ["01-05 09:00", "01-06 09:00"]),
    ("0 0 1 jan *", "", "2026-01-02T00:00", ["01-01 00:00"]),
    ("0 0 29 2 *", "", "2026-01-02T00:00", ["02-29 00:00"]),
    ("0 0 13 * fri", "", "2026-02-01T00:00", ["02-06 00:00", "02-13 00:00", "02-20 00:00"]),
    ("@hourly", "", "2026-01-01T00:00", ["01-01 01:00", "01-01 02:00"]),
    ("@Weekly", "", "2026-01-01T00:00", ["01-04 00:00", "01-11 00:00"]),
    ("0 12 * * *", "America/New_York", "2026-07-01T00:00", ["07-01 16:00", "07-02 16:00"]),
    ("30 2 * * *", BERLIN, "2026-03-27T12:00", ["03-28 01:30", "03-29 01:00", "03-30 00:30"]),
    ("0,30 2 * * *", BERLIN, "2026-03-28T12:00", ["03-29 01:00", "03-30 00:00", "03-30 00:30"]),
    ("30 2 * * *", BERLIN, "2026-10-24T12:00", ["10-25 00:30", "10-26 01:30"]),
    ("30 2 * * *", BERLIN, "2026-10-25T01:10", ["10-26 01:30"]),
    ("*/30 * * * *", BERLIN, "2026-10-25T00:00", ["10-25 00:30", "10-25 01:00", "10-25 01:30"]),
]


@pytest.mark.parametrize(("schedule", "zone", "start", "expected"), TABLE)
def test_the_times_that_follow(schedule: str, zone: str, start: str, expected: list[str]) -> None:
    assert times(schedule, zone, start, len(expected)) == expected


@given(
    schedule=st.sampled_from(["*/7 * * * *", "30 2 * * *", "0,30 1-3 * * *", "0 0 1 * *"]),
    zone=st.sampled_from(["", BERLIN, "America/New_York", "Australia/Lord_Howe"]),
    start_ms=st.integers(at("2026-01-01T00:00"), at("2026-12-31T00:00")),
    span_ms=st.integers(0, 40 * 24 * HOUR_MS),
)
def test_the_newest_time_of_a_span_is_the_last_that_follows_its_start(
    schedule: str, zone: str, start_ms: int, span_ms: int
) -> None:
    read = parse(schedule, zone)
    newest = read.newest(start_ms, start_ms + span_ms)
    if newest is None:
        following = read.after(start_ms)
        assert following is not None
        assert following > start_ms + span_ms
        return
    assert start_ms < newest <= start_ms + span_ms
    after_newest = read.after(newest)
    assert after_newest is not None
    assert after_newest > start_ms + span_ms


@pytest.mark.parametrize(
    ("schedule", "zone", "said"),
    [
        ("", "", "expected five fields"),
        ("* * * *", "", "expected five fields"),
        ("0 * * * * *", "", "expected five fields"),
        ("@every 5m", "", "expected five fields"),
        ("61 * * * *", "", "whose minute cannot be read"),
        ("* * * * funday", "", "whose day-of-week cannot be read"),
        ("*/0 * * * *", "", "whose minute cannot be read"),
        ("0 0 30 2 *", "", "which never comes"),
        ("0 0 1 13 *", "", "whose month cannot be read"),
        ("@daily", "Europe/Atlantis", "no time zone is called 'Europe/Atlantis'"),
        ("@daily", "../etc/passwd", "no time zone is called"),
    ],
)
def test_what_is_no_schedule_is_refused_with_its_reason(
    schedule: str, zone: str, said: str
) -> None:
    with pytest.raises(InvalidInput, match=said):
        parse(schedule, zone)
