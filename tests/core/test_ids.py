"""Ids are short, safe in names and files, and the same for the same seed."""

from __future__ import annotations

import random
import re
from collections import Counter

from swarmpy.ids import ALPHABET, LENGTH, IdSource

SHAPE = re.compile(r"[a-z][0-9a-z]{15}")


def ids(seed: int, count: int) -> list[str]:
    source = IdSource(random.Random(seed))
    return [source.new_id() for _ in range(count)]


def test_ids_have_one_shape_and_do_not_repeat() -> None:
    made = ids(1, 5000)
    assert all(SHAPE.fullmatch(one) for one in made)
    assert len(set(made)) == len(made)


def test_a_seed_gives_the_same_ids_again_and_another_seed_others() -> None:
    assert ids(1, 10) == ids(1, 10)
    assert not set(ids(1, 100)) & set(ids(2, 100))


def test_every_character_comes_in_every_place() -> None:
    made = ids(3, 5000)
    for place in range(LENGTH):
        counts = Counter(one[place] for one in made)
        possible = ALPHABET[10:] if place == 0 else ALPHABET
        assert set(counts) == set(possible)
        assert max(counts.values()) < 2 * len(made) / len(possible)
