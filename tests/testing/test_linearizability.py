"""The judge of client histories, on histories whose verdict is known."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarmpy.testing.linearizability import (
    FOREVER,
    Operation,
    Value,
    after,
    why_not_linearizable,
)


def write(value: int, invoked: float, completed: float = FOREVER, key: str = "k") -> Operation:
    return Operation("write", key, value=value, invoked=invoked, completed=completed)


def read(seen: Value, invoked: float, completed: float = FOREVER, key: str = "k") -> Operation:
    return Operation("read", key, seen=seen, invoked=invoked, completed=completed)


def swap(
    expected: Value, value: int, seen: Value, invoked: float, completed: float = FOREVER
) -> Operation:
    return Operation("swap", "k", value, expected, seen, invoked, completed)


GOOD = {
    "nothing happened": [],
    "read of what was never written": [read(None, 1, 2)],
    "one after the other": [write(1, 1, 2), read(1, 3, 4), write(2, 5, 6), read(2, 7, 8)],
    "a read during a write sees the old": [write(1, 1, 4), read(None, 2, 3), read(1, 5, 6)],
    "a read during a write sees the new": [write(1, 1, 4), read(1, 2, 3), read(1, 5, 6)],
    "two writes at once, either is last": [write(1, 1, 4), write(2, 2, 3), read(1, 5, 6)],
    "two keys know nothing of each other": [write(1, 1, 2, "a"), read(None, 3, 4, "b")],
    "an unknown write happened": [write(1, 1), read(1, 2, 3)],
    "an unknown write did not happen": [write(1, 1), read(None, 2, 3)],
    "an unknown write happened late": [write(1, 1), read(None, 2, 3), read(1, 4, 5)],
    "an unknown write was overwritten": [write(1, 1), write(2, 2, 3), read(2, 4, 5)],
    "a swap met what it expected": [write(1, 1, 2), swap(1, 2, 1, 3, 4), read(2, 5, 6)],
    "a swap met something else": [write(1, 1, 2), swap(7, 2, 1, 3, 4), read(1, 5, 6)],
    "an unknown swap took what an unknown write left": [
        write(1, 1),
        swap(1, 2, None, 2),
        read(2, 3, 4),
    ],
    "of two swaps one succeeds": [write(1, 1, 2), swap(1, 2, 1, 3, 5), swap(1, 3, 2, 4, 6)],
}

BAD = {
    "a stale read": [write(1, 1, 2), write(2, 3, 4), read(1, 5, 6)],
    "a lost write": [write(1, 1, 2), read(None, 3, 4)],
    "a value from nowhere": [read(7, 1, 2)],
    "a value from the future": [read(1, 1, 2), write(1, 3, 4)],
    "a value that comes and goes": [write(1, 1, 4), read(1, 2, 2.5), read(None, 3, 3.5)],
    "a swap that succeeded twice": [write(1, 1, 2), swap(1, 2, 1, 3, 5), swap(1, 3, 1, 4, 6)],
    "a swap of something stale": [write(1, 1, 2), write(2, 3, 4), swap(1, 3, 1, 5, 6)],
    "an unknown write that happened twice": [
        write(1, 1),
        read(1, 2, 3),
        write(2, 4, 5),
        read(2, 6, 7),
        read(1, 8, 9),
    ],
    "an unknown write before it was invoked": [read(1, 1, 2), write(1, 3)],
    "bad on the second key only": [write(1, 1, 2, "a"), read(1, 3, 4, "a"), read(5, 5, 6, "b")],
}


@pytest.mark.parametrize("history", GOOD.values(), ids=GOOD)
def test_what_one_register_could_have_answered_is_linearizable(history: list[Operation]) -> None:
    assert why_not_linearizable(history) == ""


@pytest.mark.parametrize("history", BAD.values(), ids=BAD)
def test_what_no_register_could_have_answered_is_not(history: list[Operation]) -> None:
    assert "no order explains" in why_not_linearizable(history)


def test_the_verdict_names_the_operation_that_cannot_be_placed() -> None:
    why = why_not_linearizable([write(1, 1, 2), write(2, 3, 4), read(1, 5, 6)])
    assert why == "no order explains: read k, invoked at 5, saw 1 at 6"


def test_a_long_history_of_many_clients_is_judged_in_no_time() -> None:
    history = [write(n, n * 10, n * 10 + 35) for n in range(400)]
    history += [write(1000 + n, n * 40) for n in range(100)]
    history += [read(n, n * 10 + 36, n * 10 + 37) for n in range(0, 400, 40)]
    assert "no order" in why_not_linearizable([*history, read(3, 9000, 9001)])


def by_brute_force(history: Sequence[Operation]) -> bool:
    """Try every order of every choice of unknown operations."""
    known = [operation for operation in history if operation.is_known]
    unknown = [operation for operation in history if not operation.is_known]
    for chosen in range(1 << len(unknown)):
        happened = known + [o for n, o in enumerate(unknown) if chosen >> n & 1]
        if any(_explains(order) for order in permutations(happened)):
            return True
    return False


def _explains(order: Sequence[Operation]) -> bool:
    value: Value = None
    latest_invocation = float("-inf")
    for operation in order:
        latest_invocation = max(latest_invocation, operation.invoked)
        if operation.completed < latest_invocation:
            return False
        is_possible, value = after(operation, value)
        if not is_possible:
            return False
    return True


@st.composite
def histories(draw: st.DrawFn) -> list[Operation]:
    times = draw(st.permutations(range(10)))
    values = st.sampled_from([1, 2])
    seen = st.sampled_from([None, 1, 2])
    history: list[Operation] = []
    for number in range(draw(st.integers(0, 5))):
        invoked, completed = sorted(times[2 * number : 2 * number + 2])
        end = draw(st.sampled_from([float(completed), float(completed), FOREVER]))
        match draw(st.sampled_from(["read", "write", "swap"])):
            case "read":
                history.append(read(draw(seen), invoked, end))
            case "write":
                history.append(write(draw(values), invoked, end))
            case _:
                history.append(swap(draw(seen), draw(values), draw(seen), invoked, end))
    return history


@settings(max_examples=400, deadline=None)
@given(histories())
def test_the_search_agrees_with_trying_every_order(history: list[Operation]) -> None:
    assert (why_not_linearizable(history) == "") == by_brute_force(history)
