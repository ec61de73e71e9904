"""Names of machines as Go says them, which is how images and constraints name platforms."""

from __future__ import annotations

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386"}


def go_architecture(machine: str) -> str:
    """Return Go's name for what `uname -m` says."""
    return _ARCHITECTURES.get(machine, machine)
