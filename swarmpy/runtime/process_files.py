"""Shows configs and secrets to process tasks, which share the machine's file system.

A file wanted at /run/secrets/key is at $SWARMPY_FILES/run/secrets/key. Secrets are kept in memory
(a tmpfs) where the machine has one; the rest of the tree is links to them.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from swarmpy.errors import TaskRefused
from swarmpy.pb.specs_pb2 import ContainerSpec
from swarmpy.pb.types_pb2 import FileReference
from swarmpy.seams import Dependencies

MODE = 0o444


def write_files(spec: ContainerSpec, needs: Dependencies, root: Path, memory: Path) -> None:
    """Write every config below `root` and every secret below `memory`, linked from `root`.

    Raises:
        TaskRefused: one is missing, or its target leads out of the tree.
    """
    for reference in spec.configs:
        config = needs.configs.get(reference.id)
        if config is None:
            raise _missing("config", reference)
        _write(_below(root, reference.target), config.spec.data, reference)
    for reference in spec.secrets:
        secret = needs.secrets.get(reference.id)
        if secret is None:
            raise _missing("secret", reference)
        kept = _below(memory, reference.target)
        _write(kept, secret.spec.data, reference)
        shown = _below(root, reference.target)
        shown.parent.mkdir(parents=True, exist_ok=True)
        shown.unlink(missing_ok=True)
        shown.symlink_to(kept)


def memory_directory(node_id: str, fallback: Path) -> Path:
    """Return a directory whose files never reach a disk, or `fallback` where there is none."""
    shared = Path("/dev/shm")  # noqa: S108  the tmpfs of glibc's shm_open
    if shared.is_dir() and os.access(shared, os.W_OK):
        return shared / f"swarmpy-{os.geteuid()}-{node_id}"
    return fallback


def forget_files(*trees: Path) -> None:
    for tree in trees:
        shutil.rmtree(tree, ignore_errors=True)


def _below(root: Path, target: str) -> Path:
    path = (root / target.lstrip("/")).resolve()
    if not path.is_relative_to(root.resolve()):
        raise TaskRefused(f"file target {target!r} leads out of its tree")
    return path


def _write(path: Path, data: bytes, reference: FileReference) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(data)
    if os.geteuid() == 0:
        os.chown(path, reference.uid, reference.gid)
    path.chmod(reference.mode or MODE)


def _missing(kind: str, reference: FileReference) -> TaskRefused:
    return TaskRefused(f"{kind} {reference.name!r} did not come with the task")
