"""Keeps what a task is shown of configs and secrets, for as long as the task is on this node.

A file of its own is a file; a directory that is mounted as a whole holds one link per file:

    app.conf -> ..data/app.conf        ..data -> ..1        ..1/app.conf

so that all files of it change at once, when `..data` is renamed over, while a container runs.
Source: Kubernetes, pkg/volume/util/atomic_writer.go. All is kept in memory (a tmpfs) where the
machine has one; without one, no secret is taken. How a task gets to see them is its runtime's
business: docker mounts each, a process finds links below one tree.
"""

from __future__ import annotations

import functools
import hashlib
import os
import posixpath
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from swarmpy.core.shown_files import ShownFile, shown_files
from swarmpy.errors import TaskRefused
from swarmpy.pb.specs_pb2 import ContainerSpec
from swarmpy.seams import Dependencies

DATA = "..data"
MEMORY = frozenset({"tmpfs", "ramfs"})
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  the tmpfs of glibc's shm_open


@dataclass(frozen=True, slots=True)
class KeptFile:
    """One file, or one directory of files, of a task."""

    target: str
    """Where the task wants to see it."""
    path: Path
    """Where it is."""


def keep_files(spec: ContainerSpec, needs: Dependencies, root: Path) -> list[KeptFile]:
    """Write all configs and secrets of a container below `root`, which is made with mode 0700, so
    only root and the node's own user get at the files. Owner and mode of each file are as its
    reference says; the owner only where this node runs as root.

    Raises:
        TaskRefused: one is missing, its target leads out of the tree, or a secret would be
            written to a disk.
    """
    files = shown_files(spec, needs.find, needs.values)
    if any(file.secret for file in files) and not is_memory(root):
        raise TaskRefused(
            f"secrets are kept in memory only, and {root} is on a disk",
            remedy=f"mount a tmpfs at {SHARED_MEMORY} on this node",
        )
    alone = [_write_alone(root, file) for file in files if not file.directory]
    return [*alone, *_write_directories(root, files)]


def refresh_files(spec: ContainerSpec, needs: Dependencies, root: Path) -> None:
    """Let the directories that change in place hold what they now should: each at once.

    Raises: as `keep_files`.
    """
    files = shown_files(spec, needs.find, needs.values)
    live = {file.directory for file in files if file.live}
    _write_directories(root, [file for file in files if file.directory in live])


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
    if is_memory(SHARED_MEMORY) and os.access(SHARED_MEMORY, os.W_OK):
        place = hashlib.sha256(os.fsencode(fallback.absolute())).hexdigest()[:8]
        return SHARED_MEMORY / f"swarmpy-{os.geteuid()}-{place}-{node_id}"
    return fallback


@functools.cache
def is_memory(path: Path) -> bool:
    """Say whether what is written there stays in memory."""
    mounts = {Path(one.mountpoint): one.fstype for one in psutil.disk_partitions(all=True)}
    place = next((one for one in (path, *path.parents) if one in mounts), None)
    return place is not None and mounts[place] in MEMORY


def forget_files(*trees: Path) -> None:
    for tree in trees:
        shutil.rmtree(tree, ignore_errors=True)


def _below(root: Path, target: str) -> Path:
    path = Path(os.path.normpath(root / target.lstrip("/")))
    if not path.is_relative_to(root) or path == root:
        raise TaskRefused(f"file target {target!r} leads out of its tree")
    return path


def _write_alone(root: Path, file: ShownFile) -> KeptFile:
    path = _below(root, file.target)
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    _write(path, file)
    return KeptFile(file.target, path)


def _write_directories(root: Path, files: Iterable[ShownFile]) -> list[KeptFile]:
    directories: dict[str, dict[str, ShownFile]] = {}
    for file in files:
        if file.directory:
            name = posixpath.relpath(file.target, file.directory)
            directories.setdefault(file.directory, {})[name] = file
    kept = []
    for target, wanted in directories.items():
        path = _below(root, target)
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.mkdir(parents=True, exist_ok=True, mode=0o755)
        if not _is_there(path, wanted):
            _swap(path, wanted)
        kept.append(KeptFile(target, path))
    return kept


def _is_there(path: Path, wanted: Mapping[str, ShownFile]) -> bool:
    """Say whether a directory holds these files already, and no others."""
    data = path / DATA
    if not data.exists() or {one.name for one in data.iterdir()} != set(wanted):
        return False
    return all(
        (data / name).read_bytes() == file.data and (path / name).is_symlink()
        for name, file in wanted.items()
    )


def _swap(path: Path, wanted: Mapping[str, ShownFile]) -> None:
    """Let a directory hold these files. Whoever reads them sees all old ones or all new ones."""
    data = path / DATA
    before = data.readlink() if data.is_symlink() else None
    number = 1 + max((int(one.name[2:]) for one in path.glob("..[0-9]*")), default=0)
    made = path / f"..{number}"
    made.mkdir(mode=0o755)
    made.chmod(0o755)
    for name, file in wanted.items():
        _write(made / name, file)
    link = path / "..new"
    link.unlink(missing_ok=True)
    link.symlink_to(made.name)
    link.rename(data)
    for name in wanted:
        if not (path / name).is_symlink():
            (path / name).symlink_to(f"{DATA}/{name}")
    for shown in path.iterdir():
        if shown.is_symlink() and shown.name != DATA and shown.name not in wanted:
            shown.unlink()
    if before is not None:
        shutil.rmtree(path / before, ignore_errors=True)


def _write(path: Path, file: ShownFile) -> None:
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(file.data)
    if os.geteuid() == 0:
        os.chown(path, file.uid, file.gid)
    path.chmod(file.mode)
