"""How what an engine says is read: no engine is needed for it."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmpy.core.container import Exit
from swarmpy.runtime.docker_frames import Frames, Lines, Plain, milliseconds
from swarmpy.runtime.docker_state import container_of
from swarmpy.runtime.docker_usage import usage_of
from swarmpy.seams import Usage

AT = b"2026-11-24T04:15:03.123456789Z "
NEVER = "0001-01-01T00:00:00Z"
STARTED = "2026-11-24T04:15:03.1Z"


def frame(stream: int, payload: bytes) -> bytes:
    return struct.pack(">BxxxL", stream, len(payload)) + payload


def health(status: str, streak: int = 0) -> dict[str, Any]:
    return {"Status": status, "FailingStreak": streak}


def inspected(check: dict[str, Any] | None = None, ports: str = "", **state: Any) -> dict[str, Any]:
    return {
        "Id": "c1",
        "State": {
            "Running": False, "StartedAt": STARTED, "ExitCode": 0, "OOMKilled": False, "Error": "",
            **state,
        },
        "Config": {
            "Labels": {"swarmpy.task": "t1", "swarmpy.ports": ports},
            "Healthcheck": check,
        },
        "HostConfig": {"NetworkMode": "bridge"},
        "NetworkSettings": {"Ports": {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "32768"}],
                                      "443/tcp": None}},
    }  # fmt: skip


@given(
    payloads=st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(min_size=1)), max_size=8),
    cuts=st.lists(st.integers(1, 20), min_size=1),
)
def test_frames_may_arrive_in_any_pieces(
    payloads: list[tuple[int, bytes]], cuts: list[int]
) -> None:
    data = b"".join(frame(stream, payload) for stream, payload in payloads)
    frames = Frames()
    got = []
    turn = 0
    while data:
        size = cuts[turn % len(cuts)]
        got += list(frames.feed(data[:size]))
        data = data[size:]
        turn += 1
    assert got == [(stream == 2, payload) for stream, payload in payloads]


def test_pieces_of_a_long_line_are_joined() -> None:
    lines = Lines()
    assert list(lines.feed(False, AT + b"one ")) == []
    (error,) = lines.feed(True, AT + b"between\n")
    assert (error.stderr, error.data) == (True, b"between")
    (line,) = lines.feed(False, AT + b"two\n")
    assert (line.data, line.at_ms % 1000) == (b"one two", 123)


def test_a_line_without_an_end_is_told_last() -> None:
    lines = Lines()
    assert list(lines.feed(False, AT + b"no newline")) == []
    assert [line.data for line in lines.rest()] == [b"no newline"]


def test_a_terminal_s_output_has_no_frames() -> None:
    plain = Plain()
    assert list(plain.feed(b"a\r\nb")) == [(False, b"a\n")]
    assert list(plain.feed(b"c\n")) == [(False, b"bc\n")]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("1970-01-01T00:00:01.5Z", 1500),
        ("1970-01-01T00:00:01.123456789Z", 1123),
        ("1970-01-01T00:00:02Z", 2000),
        ("what?", 0),
    ],
)
def test_times(written: str, expected: int) -> None:
    assert milliseconds(written) == expected


def test_what_was_never_started_has_not_ended() -> None:
    assert container_of(inspected(StartedAt=NEVER, ExitCode=127)).exit is None


def test_how_it_ended() -> None:
    ended = container_of(inspected(ExitCode=137, OOMKilled=True))
    assert ended.exit == Exit(137, oom_killed=True)


def test_only_the_task_s_own_ports_are_told() -> None:
    (port,) = container_of(inspected(Running=True, ports="80/tcp,443/tcp")).ports
    assert (port.target, port.host_port) == (80, 32768)
    assert container_of(inspected(Running=True)).ports == ()


@pytest.mark.parametrize(
    ("check", "state", "expected"),
    [
        (None, {"Running": True}, (None, False)),
        ({"Test": ["NONE"]}, {"Running": True}, (None, False)),
        ({"Test": ["CMD", "x"]}, {"Running": False, "StartedAt": NEVER}, (False, False)),
        ({"Test": ["CMD", "x"]}, {"Running": True, "Health": health("starting")}, (False, False)),
        ({"Test": ["CMD", "x"]}, {"Running": True, "Health": health("healthy")}, (True, False)),
        (
            {"Test": ["CMD", "x"], "Retries": 2},
            {"Running": True, "Health": health("unhealthy", 2)},
            (False, True),
        ),
        (
            {"Test": ["CMD", "x"]},
            {"Running": False, "Health": health("unhealthy")},
            (False, False),
        ),
    ],
    ids=["no check", "disabled", "not started", "starting", "healthy", "unhealthy", "only stopped"],
)  # fmt: skip
def test_health(
    check: dict[str, Any] | None, state: dict[str, Any], expected: tuple[bool | None, bool]
) -> None:
    seen = container_of(inspected(check, **state))
    assert (seen.healthy, seen.unhealthy) == expected


@pytest.mark.parametrize("cache", ["total_inactive_file", "inactive_file"])
def test_usage_leaves_out_what_the_kernel_can_drop(cache: str) -> None:
    sample = {
        "cpu_stats": {"cpu_usage": {"total_usage": 1_500_000_000}},
        "memory_stats": {"usage": 1000, "stats": {cache: 400}},
        "pids_stats": {"current": 3},
    }
    assert usage_of(sample) == Usage(cpu_seconds=1.5, memory_bytes=600, pids=3)


def test_usage_of_what_has_just_ended_is_nothing() -> None:
    assert usage_of({"cpu_stats": {}, "memory_stats": {}, "pids_stats": {}}) == Usage(0.0, 0, 0)
