import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmpy.errors import InvalidInput
from swarmpy.security.operator_keys import NODE_KEY, RECOVERY_KEY, UNLOCK_KEY, KeyKind

KINDS = (UNLOCK_KEY, NODE_KEY, RECOVERY_KEY)
KEY = bytes(range(32))


@given(st.sampled_from(KINDS), st.binary(min_size=32, max_size=32))
def test_a_key_comes_back_as_it_was_shown(kind: KeyKind, key: bytes) -> None:
    shown = kind.shown(key)
    assert kind.parse(shown) == key
    assert kind.parse(f"  {shown}\n") == key
    assert shown.replace("-", "").isalnum(), "a double click selects it"


@given(st.integers(min_value=0), st.sampled_from("abcdefghijklmnopqrstuvwxyz234567"))
def test_any_one_wrong_letter_is_told(place: int, letter: str) -> None:
    shown = UNLOCK_KEY.shown(KEY)
    at = len("SWMKEY-1-") + place % (len(shown) - len("SWMKEY-1-"))
    typed = shown[:at] + letter + shown[at + 1 :]
    if typed != shown:
        with pytest.raises(InvalidInput, match=r"typo|not complete"):
            UNLOCK_KEY.parse(typed)


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("", "lacks SWMKEY-1 in front"),
        ("hello", "lacks SWMKEY-1 in front"),
        (RECOVERY_KEY.shown(KEY), "lacks SWMKEY-1 in front"),
        (UNLOCK_KEY.shown(KEY).replace("-1-", "-2-"), "newer kind"),
        (UNLOCK_KEY.shown(KEY)[:-1], "not complete"),
        (UNLOCK_KEY.shown(KEY) + "a", "not complete"),
        (UNLOCK_KEY.shown(KEY).upper(), "not complete"),
        ("SWMKEY-1-" + "a" * 100_000, "not complete"),
        ("SWMKEY-1-" + "é" * 58, "not complete"),
    ],
    ids=["nothing", "a word", "another kind", "newer", "cut", "longer", "shouted", "huge", "é"],
)
def test_what_is_no_key_is_told_apart(typed: str, why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        UNLOCK_KEY.parse(typed)


def test_keys_of_one_seed_are_the_same_and_of_two_are_not() -> None:
    one, same, other = (UNLOCK_KEY.create(random.Random(seed)) for seed in (1, 1, 2))
    assert one == same != other
