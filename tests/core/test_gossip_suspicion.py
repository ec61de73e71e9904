"""How long a member may be silent, and how a node's own health slows it down."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmpy.core.gossip.health import Health
from swarmpy.core.gossip.profile import DEFAULT, LAN, WAN, Profile
from swarmpy.core.gossip.suspicion import Bounds, Suspicion, timeout_s

BOUNDS = Bounds(refused_s=2.0, silent_s=6.0, high_s=12.0)


def suspicion_of(*sources: str, needed: int = 2, refused: str = "") -> Suspicion:
    """Return what `me` suspects since second 100, by whom; those in `refused` were."""
    suspicion = Suspicion("me", 100.0, BOUNDS, needed)
    for source in sources:
        suspicion.confirm(source, refused=source in refused.split())
    return suspicion


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


SAID = st.tuples(st.sampled_from(["me", *"abcdef"]), st.booleans())


@given(st.lists(SAID, max_size=12), st.integers(0, 4))
def test_a_deadline_only_ever_comes_nearer_and_only_with_news(
    said: list[tuple[str, bool]], needed: int
) -> None:
    suspicion = suspicion_of(needed=needed)
    before = suspicion.deadline
    for source, refused in said:
        is_news = suspicion.confirm(source, refused=refused)
        assert suspicion.deadline <= before
        assert is_news or suspicion.deadline == before
        before = suspicion.deadline
        assert 102.0 <= before <= 112.0


@given(st.lists(SAID, max_size=12), st.integers(0, 4))
def test_no_order_of_what_others_say_hurries_who_was_not_refused_itself(
    said: list[tuple[str, bool]], needed: int
) -> None:
    suspicion = suspicion_of(needed=needed)
    for source, refused in said:
        suspicion.confirm(source, refused=refused and source != "me")
    assert suspicion.deadline >= 106.0


@given(st.lists(SAID, max_size=12), st.integers(1, 4), st.sampled_from("abcdef"))
def test_no_single_member_hurries_anybody_with_its_refusals(
    said: list[tuple[str, bool]], needed: int, confused: str
) -> None:
    suspicion = suspicion_of(needed=needed)
    for source, _ in said:
        suspicion.confirm(source, refused=source == confused)
    assert suspicion.deadline >= 106.0


@pytest.mark.parametrize(
    ("sources", "refused", "lasts_s"),
    [
        pytest.param("me a b", "me a b", 2.0, id="all-were-refused"),
        pytest.param("a b me", "me a b", 2.0, id="all-were-refused-this-node-last"),
        pytest.param("me a b c", "me a c", 2.0, id="enough-were-refused"),
        pytest.param("a b c me", "a b c me", 2.0, id="this-node-after-enough-others"),
        pytest.param("me a b", "me a", 6.0, id="one-is-too-few"),
        pytest.param("me a b", "me", 6.0, id="this-node-alone"),
        pytest.param("a b c", "a b c", 6.0, id="others-alone"),
        pytest.param("me a b", "", 6.0, id="silence"),
    ],
)
def test_enough_refusals_make_a_suspicion_short(sources: str, refused: str, lasts_s: float) -> None:
    suspicion = suspicion_of(*sources.split(), refused=refused)
    assert suspicion.deadline == 100 + lasts_s


def test_of_two_nodes_the_other_is_soon_dead_when_it_refuses_and_nobody_could_confirm() -> None:
    assert suspicion_of("me", needed=0).deadline == 106.0
    assert suspicion_of("me", needed=0, refused="me").deadline == 102.0


def test_one_member_confirms_once_however_often_it_says_so() -> None:
    suspicion = suspicion_of("a")
    assert [suspicion.confirm(source) for source in "abbac"] == [False, True, False, False, True]
    assert suspicion.confirmed


def test_a_refusal_is_news_also_of_who_has_confirmed_before() -> None:
    suspicion = suspicion_of("a", "b", "c")
    said = [suspicion.confirm(source, refused=True) for source in ("a", "a", "b", "c", "d", "me")]
    assert said == [True, False, True, True, False, True]


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


@pytest.mark.parametrize(
    ("profile", "alive", "bounds"),
    [
        pytest.param(DEFAULT, 3, Bounds(2.0, 6.0, 12.0), id="a-few"),
        pytest.param(DEFAULT, 1000, Bounds(6.0, 6.0, 36.0), id="a-thousand"),
        pytest.param(LAN, 10, Bounds(4.0, 6.0, 24.0), id="lan"),
        pytest.param(WAN, 10, Bounds(18.0, 18.0, 108.0), id="wan"),
        pytest.param(replace(DEFAULT, stillness_s=20.0), 3, Bounds(2.0, 20.0, 20.0), id="patient"),
    ],
)
def test_the_silent_have_the_time_to_wake_up(profile: Profile, alive: int, bounds: Bounds) -> None:
    assert profile.suspicion_bounds(alive) == bounds


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
