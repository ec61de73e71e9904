from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmpy.core.probe import Kind, ProbeState, probe_of
from swarmpy.pb.specs_pb2 import ContainerSpec
from swarmpy.pb.types_pb2 import Probe, TcpAction

TCP = TcpAction(port=80)


def after(probe: Probe, results: str) -> ProbeState:
    """Return the state after attempts that passed (+) or did not (-), a second apart."""
    state = ProbeState("run 1")
    for at_s, result in enumerate(results):
        state = state.after(probe, passed=result == "+", why=f"why {at_s}", now_ms=at_s * 1000)
    return state


@pytest.mark.parametrize(
    ("thresholds", "results", "verdict"),
    [
        pytest.param({}, "", None, id="nothing is known without an attempt"),
        pytest.param({}, "+", True, id="one passes"),
        pytest.param({}, "--", None, id="two failures decide nothing"),
        pytest.param({}, "---", False, id="three do"),
        pytest.param({}, "+--", True, id="nor do they take back what was decided"),
        pytest.param({}, "+--+--", True, id="they must come in a row"),
        pytest.param({}, "+---", False, id="three in a row take it back"),
        pytest.param({}, "---+", True, id="one brings it back"),
        pytest.param({"success_threshold": 2}, "---+", False, id="unless two are asked for"),
        pytest.param({"success_threshold": 2}, "---++", True, id="in a row"),
        pytest.param({"failure_threshold": 1}, "+-", False, id="one failure may be enough"),
    ],
)
def test_how_many_in_a_row_count(
    thresholds: dict[str, int], results: str, verdict: bool | None
) -> None:
    probe = Probe(tcp_socket=TCP, **thresholds)  # type: ignore[arg-type]
    assert after(probe, results).verdict is verdict


def test_the_reason_is_that_of_the_attempt_that_decided() -> None:
    assert after(Probe(tcp_socket=TCP), "------").why == "why 2", "so it is told once"
    assert after(Probe(tcp_socket=TCP), "---+").why == ""


def test_attempts_come_a_period_apart_and_the_first_after_its_delay() -> None:
    probe = Probe(tcp_socket=TCP, initial_delay_s=3, period_s=0.5)
    assert ProbeState("r").due_ms(probe, started_ms=1000, now_ms=2000) == 4000
    assert ProbeState("r", tried_ms=4200).due_ms(probe, started_ms=1000, now_ms=4200) == 4700
    usual = Probe(tcp_socket=TCP)
    assert ProbeState("r", tried_ms=0).due_ms(usual, started_ms=0, now_ms=5) == 10_000


def test_a_time_that_was_set_back_delays_no_attempt() -> None:
    probe = Probe(tcp_socket=TCP, initial_delay_s=1, period_s=0.5)
    ahead = ProbeState("r", tried_ms=9_000_000)
    assert ahead.due_ms(probe, started_ms=8_000_000, now_ms=5000) == 5000
    tried = ProbeState("r", tried_ms=5000)
    assert tried.due_ms(probe, started_ms=8_000_000, now_ms=5000) == 5500, "and hurries none"


def test_a_container_has_the_probes_that_it_names() -> None:
    spec = ContainerSpec(liveness_probe=Probe(tcp_socket=TCP))
    assert [probe_of(spec, kind) is not None for kind in Kind] == [False, False, True]


@given(st.text("+-", max_size=40), st.integers(1, 4), st.integers(1, 4))
def test_a_verdict_is_what_the_last_long_enough_row_says(
    results: str, successes: int, failures: int
) -> None:
    probe = Probe(tcp_socket=TCP, success_threshold=successes, failure_threshold=failures)
    expected: bool | None = None
    for end in range(1, len(results) + 1):
        if results[:end].endswith("+" * successes):
            expected = True
        elif results[:end].endswith("-" * failures):
            expected = False
    assert after(probe, results).verdict is expected
