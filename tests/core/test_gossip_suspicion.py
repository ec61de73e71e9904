"""How long a member may be silent, and how a node's own health slows it down."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmpy.core.gossip.health import Health
from swarmpy.core.gossip.profile import DEFAULT, LAN, WAN, Profile
from swarmpy.core.gossip.suspicion import Suspicion, timeout_s


@pytest.mark.parametrize(
    ("confirmed", "needed", "expected_s"),
    [
        pytest.param(0, 2, 12.0, id="nobody-confirms"),
        pytest.param(1, 2, 12 - 10 * math.log(2) / math.log(3), id="one-of-two"),
        pytest.param(2, 2, 2.0, id="both"),
        pytest.param(0, 0, 2.0, id="nobody-could"),
        pytest.param(5, 2, 2.0, id="more-than-needed"),
    ],
)
def test_a_suspicion_lasts_from_max_to_min_by_confirmations(
    confirmed: int, needed: int, expected_s: float
) -> None:
    assert timeout_s(2.0, 12.0, confirmed, needed) == pytest.approx(expected_s)


@given(st.lists(st.sampled_from("abcdefg"), max_size=12), st.integers(0, 4))
def test_a_deadline_only_ever_comes_nearer(sources: list[str], needed: int) -> None:
    suspicion = Suspicion("a", 100.0, (2.0, 12.0), needed)
    before = suspicion.deadline
    for source in sources:
        is_news = suspicion.confirm(source)
        assert (suspicion.deadline < before) == is_news
        before = suspicion.deadline
        assert 102.0 <= before <= 112.0


def test_one_member_confirms_once_however_often_it_says_so() -> None:
    suspicion = Suspicion("a", 0.0, (2.0, 12.0), 2)
    assert [suspicion.confirm(source) for source in "abbac"] == [False, True, False, False, True]
    assert suspicion.confirmed


@pytest.mark.parametrize(
    ("profile", "alive", "expected_s"),
    [
        pytest.param(DEFAULT, 3, 2.0, id="a-few"),
        pytest.param(DEFAULT, 1000, 6.0, id="a-thousand"),
        pytest.param(LAN, 1000, 12.0, id="lan"),
        pytest.param(WAN, 10, 18.0, id="wan"),
    ],
)
def test_the_shortest_suspicion_grows_with_the_logarithm(
    profile: Profile, alive: int, expected_s: float
) -> None:
    assert profile.suspicion_min_s(alive) == pytest.approx(expected_s)


@pytest.mark.parametrize(("alive", "sends"), [(1, 4), (10, 8), (99, 8), (100, 12), (1000, 16)])
def test_a_rumour_is_sent_four_times_the_rounded_logarithm(alive: int, sends: int) -> None:
    assert DEFAULT.sends(alive) == sends


@pytest.mark.parametrize(
    ("asked", "nacks", "score"),
    [
        pytest.param(3, 3, 0, id="all-helpers-say-that-they-have-no-answer-either"),
        pytest.param(3, 1, 2, id="two-of-them-are-silent"),
        pytest.param(0, 0, 1, id="there-was-nobody-to-ask"),
    ],
)
def test_a_failed_probe_points_at_us_for_each_missing_nack(
    asked: int, nacks: int, score: int
) -> None:
    health = Health(7)
    health.probe_failed(asked, nacks)
    assert health.score == score


@given(st.lists(st.integers(0, 3), max_size=40))
def test_health_stays_within_its_bounds(happenings: list[int]) -> None:
    health = Health(7)
    for happening in happenings:
        before = health.score
        match happening:
            case 0:
                health.probe_succeeded()
            case 1:
                health.was_doubted()
            case _:
                health.probe_failed(3, happening - 2)
        assert 0 <= health.score <= 7
        assert health.factor == health.score + 1
        assert (health.score <= before) == (happening == 0 or before == 7)
