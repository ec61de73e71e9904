"""How far the pull of an image is, from what an engine tells of its layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MEGABYTE = 1_000_000


class PullProgress:
    """Written by the thread that pulls, read by anybody."""

    def __init__(self) -> None:
        self._began = False
        self._layers: dict[str, tuple[int, int]] = {}
        """Layer -> bytes that came, of how many."""

    def note(self, event: Mapping[str, Any]) -> None:
        """Take in one event of `POST /images/create`."""
        self._began = True
        layer, status = str(event.get("id", "")), event.get("status")
        detail = event.get("progressDetail") or {}
        if status == "Downloading" and detail.get("total", 0) > 0:
            self._layers[layer] = int(detail.get("current", 0)), int(detail["total"])
        elif status in {"Download complete", "Pull complete"} and layer in self._layers:
            total = self._layers[layer][1]
            self._layers[layer] = total, total

    def words(self) -> str:
        """Return in one line how far it is. The total grows while the engine finds layers."""
        if not self._began:
            return "waits for other images to be pulled"
        layers = dict(self._layers).values()
        came, total = (sum(layer[i] for layer in layers) for i in (0, 1))
        if not total:
            return "pulling"
        if came >= total:
            return f"unpacking {_size(total)}"
        return f"pulling {100 * came // total} % of {_size(total)}"


def _size(count: int) -> str:
    return f"{count / MEGABYTE:.0f} MB" if count >= MEGABYTE else f"{count / 1000:.0f} kB"
