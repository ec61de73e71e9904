"""What pysyncobj holds instead of its own journal, transport and nodes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Protocol

from pysyncobj.node import Node
from pysyncobj.transport import Transport

from swarmpy.raft.log import RaftLog


class PeerNode(Node):  # type: ignore[misc]
    """A node whose hash is the same in every process, so that sets of them keep one order."""

    def __hash__(self) -> int:
        return _stable_hash(self.id)


@lru_cache(maxsize=1024)
def _stable_hash(node_id: str) -> int:
    return int.from_bytes(hashlib.blake2s(node_id.encode(), digest_size=7).digest())


class CommitGate(Protocol):
    """Who decides about commits."""

    @property
    def commit_index(self) -> int: ...

    def commit_moved(self, index: int) -> None: ...


class Journal:
    """Our log as pysyncobj wants to see it: positions from 0, its own names."""

    def __init__(self, log: RaftLog, gate: CommitGate) -> None:
        self._log = log
        self._gate = gate

    def __len__(self) -> int:
        return len(self._log.entries)

    def __getitem__(self, position: Any) -> Any:
        return self._log.entries[position]

    def add(self, command: bytes, index: int, term: int) -> None:
        self._log.append(command, index, term)

    def deleteEntriesFrom(self, position: int) -> None:  # noqa: N802 - pysyncobj's name
        index = self._log.first_index + position
        assert index > self._gate.commit_index, f"a leader would undo committed entry {index}"
        self._log.cut_from(index)

    def setRaftCommitIndex(self, index: int) -> None:  # noqa: N802 - pysyncobj's name
        self._gate.commit_moved(index)

    def setCurrentTerm(self, term: int, voted_for: str | None) -> None:  # noqa: N802
        self._log.set_ballot(term, voted_for)

    def onOneSecondTimer(self) -> None:  # noqa: N802 - pysyncobj's name
        pass


class Wire(Transport):  # type: ignore[misc]
    """Passes on the three kinds of message that pysyncobj still sends."""

    ready = True

    def __init__(self, send: Mapping[str, Callable[[str, Mapping[str, Any]], None]]) -> None:
        super().__init__(None, None, [])
        self._send = send

    def send(self, node: Any, message: Mapping[str, Any]) -> bool:
        self._send[message["type"]](node.id, message)
        return True

    def addNode(self, node: Any) -> None:  # noqa: N802 - pysyncobj's name
        pass

    def dropNode(self, node: Any) -> None:  # noqa: N802 - pysyncobj's name
        pass
