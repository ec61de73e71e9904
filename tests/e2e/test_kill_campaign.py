"""Managers in real processes are killed and frozen: what was acknowledged is kept, once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.campaign import Campaign


@pytest.mark.timeout(180)
@pytest.mark.parametrize("managers", [3, 5])
async def test_what_was_acknowledged_is_on_every_manager_exactly_once(
    tmp_path: Path, managers: int
) -> None:
    verdict = await Campaign(tmp_path, managers, seed=20).run(faults=20)
    assert verdict.holds, verdict
    assert verdict.acknowledged > 500
