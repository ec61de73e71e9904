"""Keeps a task's configs and secrets as files, for as long as the task is on this node.

Secrets are kept in memory (a tmpfs) where the machine has one, configs on disk. How a task gets to
see them is its runtime's business: docker mounts each one, a process finds links below one tree.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from swarmpy.errors import TaskRefused
from swarmpy.pb.specs_pb2 import ContainerSpec
from swarmpy.pb.types_pb2 import FileReference
from swarmpy.seams import Dependencies

MODE = 0o444


@dataclass(frozen=True, slots=True)
class KeptFile:
    """One config or secret of a task."""

    target: str
    """Where the task wants to see it."""
    path: Path
    """Where it is."""


def keep_files(
    spec: ContainerSpec, needs: Dependencies, disk: Path, memory: Path
) -> list[KeptFile]:
    """Write every config below `disk` and every secret below `memory`; both are made with mode
    0700, so only root and the node's own user get at the files. Owner and mode of each file are
    as its reference says; the owner only where this node runs as root.

    Raises:
        TaskRefused: one is missing, or its target leads out of the tree.
    """
    kept = []
    for reference in spec.configs:
        config = needs.configs.get(reference.id)
        if config is None:
            raise _missing("config", reference)
        kept.append(_write(disk, config.spec.data, reference))
    for reference in spec.secrets:
        secret = needs.secrets.get(reference.id)
        if secret is None:
            raise _missing("secret", reference)
        kept.append(_write(memory, secret.spec.data, reference))
    return kept


def link_below(root: Path, files: Iterable[KeptFile]) -> None:
    """Show files that are kept elsewhere below `root`, by links."""
    for file in files:
        shown = _below(root, file.target)
        if shown == file.path:
            continue
        shown.parent.mkdir(parents=True, exist_ok=True)
        shown.unlink(missing_ok=True)
        shown.symlink_to(file.path)


def memory_directory(node_id: str, fallback: Path) -> Path:
    """Return a directory whose files never reach a disk, or `fallback` where there is none.

    No two nodes of a machine share one, not even when two swarms on it use the same id.
    """
    shared = Path("/dev/shm")  # noqa: S108  the tmpfs of glibc's shm_open
    if shared.is_dir() and os.access(shared, os.W_OK):
        place = hashlib.sha256(os.fsencode(fallback.absolute())).hexdigest()[:8]
        return shared / f"swarmpy-{os.geteuid()}-{place}-{node_id}"
    return fallback


def forget_files(*trees: Path) -> None:
    for tree in trees:
        shutil.rmtree(tree, ignore_errors=True)


def _below(root: Path, target: str) -> Path:
    path = Path(os.path.normpath(root / target.lstrip("/")))
    if not path.is_relative_to(root) or path == root:
        raise TaskRefused(f"file target {target!r} leads out of its tree")
    return path


def _write(root: Path, data: bytes, reference: FileReference) -> KeptFile:
    path = _below(root, reference.target)
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(data)
    if os.geteuid() == 0:
        os.chown(path, reference.uid, reference.gid)
    path.chmod(reference.mode or MODE)
    return KeptFile(reference.target, path)


def _missing(kind: str, reference: FileReference) -> TaskRefused:
    return TaskRefused(f"{kind} {reference.name!r} did not come with the task")
