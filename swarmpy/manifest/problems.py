"""Collects every fault of a manifest, so that people mend a file once."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from swarmpy.errors import InvalidManifest
from swarmpy.manifest.tree import Place

FAULTS_SHOWN = 50
REMEDY = "nothing was deployed; mend the file and deploy again"


class Problems:
    """Faults stop the deployment; warnings do not."""

    def __init__(self) -> None:
        self._faults: list[tuple[Place, str]] = []
        self.warnings: list[str] = []

    def add(self, place: Place, path: str, what: str, expected: str = "", remedy: str = "") -> None:
        """Record `file:line:col path: what, expected, do this`."""
        parts = [what]
        if expected:
            parts.append(f"expected {expected}")
        if remedy:
            parts.append(remedy)
        self._faults.append((place, f"{place} {path}: {', '.join(parts)}"))

    def unknown_key(self, place: Place, path: str, key: str, known: Iterable[str]) -> None:
        near = difflib.get_close_matches(key, list(known), n=1)
        remedy = f"did you mean {near[0]!r}?" if near else "remove it"
        self.add(place, path, f"unknown key {key!r}", remedy=remedy)

    def warn(self, place: Place, path: str, message: str) -> None:
        self.warnings.append(f"{place} {path}: {message}")

    def raise_if_any(self) -> None:
        """Raise InvalidManifest with all faults, in the order of the file."""
        if not self._faults:
            return
        faults = sorted(self._faults)
        lines = [line for _, line in faults[:FAULTS_SHOWN]]
        if len(faults) > FAULTS_SHOWN:
            lines.append(f"... and {len(faults) - FAULTS_SHOWN} more")
        raise InvalidManifest("\n".join(lines), remedy=REMEDY)
