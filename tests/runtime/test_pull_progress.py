"""What an engine tells of layers becomes one line."""

from __future__ import annotations

from typing import Any

import pytest

from swarmpy.runtime.pull_progress import PullProgress


def layer(name: str, status: str, current: int = 0, total: int = 0) -> dict[str, Any]:
    detail = {"current": current, "total": total} if total else {}
    return {"id": name, "status": status, "progressDetail": detail}


@pytest.mark.parametrize(
    ("events", "words"),
    [
        ([], "waits for other images to be pulled"),
        ([layer("a", "Pulling fs layer")], "pulling"),
        ([layer("a", "Downloading", 30_000_000, 120_000_000)], "pulling 25 % of 120 MB"),
        (
            [
                layer("a", "Downloading", 30_000_000, 60_000_000),
                layer("b", "Downloading", 0, 60_000_000),
                layer("a", "Download complete"),
            ],
            "pulling 50 % of 120 MB",
        ),
        (
            [layer("a", "Downloading", 1, 5000), layer("a", "Pull complete")],
            "unpacking 5 kB",
        ),
        ([layer("a", "Already exists"), {"status": "Digest: sha256:1"}], "pulling"),
    ],
)
def test_progress(events: list[dict[str, Any]], words: str) -> None:
    progress = PullProgress()
    for event in events:
        progress.note(event)
    assert progress.words() == words
