"""Why a file of log or snapshots is not read: each reason with what to do about it.

All of them are `StorageCorrupt` and name the file; nothing but a torn tail is cut before.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from swarmpy.errors import StorageCorrupt

_REJOIN: Final = "remove this manager from the swarm and join it anew"


def damaged(path: Path, offset: int) -> StorageCorrupt:
    return StorageCorrupt(f"the Raft log is damaged: {path} at byte {offset}", remedy=_REJOIN)


def altered(path: Path, offset: int) -> StorageCorrupt:
    """The checksum is right and the seal is broken: no disk does that."""
    return StorageCorrupt(
        f"{path} was altered at byte {offset}: it is not what this manager wrote there",
        remedy=f"find out who writes to its directory, then {_REJOIN}",
    )


def newer_version(path: Path, version: int) -> StorageCorrupt:
    return StorageCorrupt(
        f"{path} has format version {version}, which this version of SwarmPy cannot read",
        remedy="run the version of SwarmPy that wrote it, or a newer one",
    )


def foreign(path: Path, cluster_id: str, expected: str) -> StorageCorrupt:
    return StorageCorrupt(
        f"{path} belongs to swarm {cluster_id}, and this manager to {expected}",
        remedy="start it with the state directory it had in this swarm, or join anew",
    )


def renamed(path: Path, name: str) -> StorageCorrupt:
    return StorageCorrupt(
        f"{path} was written as {name}: files were swapped, copied or renamed",
        remedy=f"give the files their own names again, or {_REJOIN}",
    )


def no_key(path: Path, key_id: int) -> StorageCorrupt:
    return StorageCorrupt(
        f"{path} was encrypted with data key {key_id}, which this manager does not have",
        remedy=f"restore the key file that belongs to this directory, or {_REJOIN}",
    )


def wrong_key(path: Path, key_id: int) -> StorageCorrupt:
    return StorageCorrupt(
        f"{path} was encrypted with another data key {key_id} than this manager has",
        remedy=f"restore the key file that belongs to this directory, or {_REJOIN}",
    )


def missing_before(path: Path) -> StorageCorrupt:
    return StorageCorrupt(f"a file of the Raft log is missing before {path}", remedy=_REJOIN)


def missing_newest(directory: Path, number: int) -> StorageCorrupt:
    return StorageCorrupt(
        f"the newest files of the Raft log are missing: {directory} had file {number} "
        "when the snapshot was taken",
        remedy=_REJOIN,
    )


def resized(path: Path, size: int, expected: int) -> StorageCorrupt:
    return StorageCorrupt(
        f"{path} has {size} bytes and had {expected} when it was finished", remedy=_REJOIN
    )


def older_after_newer(path: Path) -> StorageCorrupt:
    return StorageCorrupt(
        f"{path} has format version 1 and stands behind a newer one: it was put there",
        remedy=f"find out who writes to its directory, then {_REJOIN}",
    )


def out_of_order(path: Path, index: int, last_index: int) -> StorageCorrupt:
    return StorageCorrupt(
        f"the Raft log has entry {index} after {last_index} in {path}", remedy=_REJOIN
    )


def does_not_reach(first_index: int, directory: Path, why: str) -> StorageCorrupt:
    return StorageCorrupt(
        f"the Raft log begins at entry {first_index}, and no whole snapshot in {directory} "
        f"holds what was before{why}",
        remedy=_REJOIN,
    )
