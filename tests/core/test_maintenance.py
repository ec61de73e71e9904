from __future__ import annotations

import pytest

from swarmpy.core.actions import SetMaintenance, Tell
from swarmpy.core.maintenance import reconcile
from swarmpy.testing.builders import node
from tests.core.pick import pick

STARTS_MS, ENDS_MS = 1000, 5000


@pytest.mark.parametrize(
    ("now_ms", "was_open", "becomes", "next_ms"),
    [
        (0, False, None, STARTS_MS),
        (STARTS_MS, False, True, ENDS_MS),
        (2000, True, None, ENDS_MS),
        (ENDS_MS, True, False, None),
        (9000, False, None, None),
    ],
    ids=["before", "it begins", "during", "it ends", "after"],
)
def test_a_window_opens_and_closes_at_its_times(
    now_ms: int, was_open: bool, becomes: bool | None, next_ms: int | None
) -> None:
    row = node("n1")
    row.spec.maintenance.starts_at_ms = STARTS_MS
    row.spec.maintenance.ends_at_ms = ENDS_MS
    row.in_maintenance = was_open
    decision = reconcile(row, now_ms)
    expected = [] if becomes is None else [SetMaintenance("n1", becomes)]
    assert pick(decision, SetMaintenance) == expected
    assert len(pick(decision, Tell)) == len(expected)
    assert decision.look_again_ms == next_ms


def test_a_window_that_is_cleared_is_closed() -> None:
    row = node("n1")
    row.in_maintenance = True
    assert pick(reconcile(row, 2000), SetMaintenance) == [SetMaintenance("n1", False)]
