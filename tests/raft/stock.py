"""pysyncobj as it is, with messages delivered by hand: what it does without our replacements.

Each member runs a private copy of the module on the time of its `Stock`; nothing happens that
a test does not say. What it would pickle is written as a Python literal.
"""

from __future__ import annotations

import ast
import logging
from collections import deque
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from pysyncobj.node import Node
from pysyncobj.transport import Transport

from swarmpy.raft.audited import private_copy

MEMBERSHIP = b"\x02"
"""What pysyncobj's commands about members begin with."""
SUCCESS = 0
REQUEST_DENIED = 6


def dumps(value: object) -> bytes:
    return repr(value).encode()


def loads(data: bytes) -> Any:
    return ast.literal_eval(data.decode())


def stock_append(prev: int, last: int, term: int = 1) -> dict[str, Any]:
    """Return a leader's message with the entries after `prev` up to `last`."""
    return {
        "type": "append_entries",
        "term": term,
        "prevLogIdx": prev,
        "prevLogTerm": 0 if prev == 1 else term,
        "entries": [(b"\x01", index, term) for index in range(prev + 1, last + 1)],
        "commit_index": 1,
    }


class Stock:
    """Members by name; all of them are linked to start with."""

    def __init__(
        self, names: Iterable[str], journals: Mapping[str, Path] | None = None, **conf: Any
    ) -> None:
        self.now = 0.0
        self._journals = journals or {}
        self.queues: dict[tuple[str, str], deque[dict[str, Any]]] = {}
        self.core: dict[str, Any] = {}
        names = list(names)
        for name in names:
            self.core[name] = self._make(name, [n for n in names if n != name], conf)
        for number, name in enumerate(names):
            for other in names[number + 1 :]:
                self.link(name, other)

    def _make(self, name: str, others: list[str], conf: dict[str, Any]) -> Any:
        module = private_copy(lambda: self.now)
        logging.getLogger(module.logger.name).setLevel(logging.CRITICAL + 1)
        module.PIPE_NOTIFIER_ENABLED = False  # type: ignore[attr-defined]
        module.random = SimpleNamespace(random=lambda: 0.5)  # type: ignore[attr-defined]
        module.pickle = SimpleNamespace(dumps=dumps, loads=loads)  # type: ignore[attr-defined]
        words_class = _words_class(module)
        stock_conf = {"autoTick": False, "appendEntriesUseBatch": False, **conf}
        if name in self._journals:
            stock_conf["journalFile"] = str(self._journals[name])
        return words_class(
            Node(name),
            [Node(other) for other in others],
            module.SyncObjConf(**stock_conf),
            nodeClass=Node,
            transport=_Cable(self, name),
        )

    # --- links

    def link(self, a: str, b: str) -> None:
        for source, target in ((a, b), (b, a)):
            self.queues[source, target] = deque()
            self.core[source]._SyncObj__onNodeConnected(Node(target))

    def cut(self, a: str, b: str) -> None:
        for source, target in ((a, b), (b, a)):
            if self.queues.pop((source, target), None) is not None:
                self.core[source]._SyncObj__onNodeDisconnected(Node(target))

    def cut_off(self, name: str) -> None:
        for other in self.core:
            if other != name:
                self.cut(name, other)

    def deliver(self, source: str, target: str, count: int = 1000) -> int:
        """Deliver what waits from one to another; return how many messages."""
        queue = self.queues.get((source, target), deque())
        delivered = 0
        while queue and delivered < count:
            self.receive(target, source, queue.popleft())
            delivered += 1
        return delivered

    def receive(self, target: str, source: str, message: dict[str, Any]) -> None:
        self.core[target]._SyncObj__onMessageReceived(Node(source), message)

    # --- time

    def run(self, rounds: int = 6) -> None:
        """Let everybody say and hear everything, a few times over; no time passes."""
        for _ in range(rounds):
            for core in self.core.values():
                core.doTick(0)
            for source, target in list(self.queues):
                self.deliver(source, target)

    def elect(self, name: str) -> None:
        self.campaign(name)
        self.run()
        assert self.core[name]._isLeader()

    def campaign(self, name: str) -> None:
        self.core[name]._SyncObj__raftElectionDeadline = self.now - 1
        self.core[name].doTick(0)

    # --- what a client does

    def say(self, name: str, word: str) -> list[int]:
        """Propose a word; the list gets the outcome when there is one."""
        outcomes: list[int] = []
        self.core[name].say(word, callback=lambda _result, error: outcomes.append(error))
        self.core[name]._checkCommandsToApply()
        return outcomes

    def log(self, name: str) -> list[int]:
        """Return the indices in a member's log."""
        return [index for _, index, _ in self.core[name]._SyncObj__raftLog[:]]


def _words_class(module: Any) -> Any:
    class Words(module.SyncObj):  # type: ignore[misc]
        def __init__(self, *args: Any, **options: Any) -> None:
            self.words: list[str] = []
            self.calls = 0
            super().__init__(*args, **options)

        @module.replicated  # type: ignore[untyped-decorator]
        def say(self, word: str) -> None:
            self.words.append(word)

        @module.replicated  # type: ignore[untyped-decorator]
        def fail(self) -> None:
            self.calls += 1
            raise ValueError("bad input")

    return Words


class _Cable(Transport):  # type: ignore[misc]
    ready = True

    def __init__(self, stock: Stock, name: str) -> None:
        super().__init__(None, None, [])
        self._stock = stock
        self._name = name

    def send(self, node: Any, message: dict[str, Any]) -> bool:
        queue = self._stock.queues.get((self._name, node.id))
        if queue is None:
            return False
        queue.append(message)
        return True

    def addNode(self, node: Any) -> None:  # noqa: N802 - pysyncobj's name
        pass

    def dropNode(self, node: Any) -> None:  # noqa: N802 - pysyncobj's name
        pass
