"""What the readers of one Compose file share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from swarmpy.manifest.problems import Problems


@dataclass(frozen=True, slots=True)
class Context:
    stack: str
    directory: Path
    """That relative paths begin at."""
    environment: Mapping[str, str]
    problems: Problems
    written_secrets: list[str] = field(default_factory=list)
    """Secrets whose content stands in the file itself."""

    def stored_name(self, name: str) -> str:
        """Return what the stack's own object `name` is called in the swarm."""
        return f"{self.stack}_{name}"

    def path(self, text: str) -> Path:
        return (self.directory / Path(text).expanduser()).resolve()
