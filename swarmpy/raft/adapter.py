"""pysyncobj, with what it lacks put in its place: the only file that knows its insides.

pysyncobj decides who votes for whom, which entries match, when something is committed, and
what is applied next. Everything else that it would do is replaced: threads, sockets, pickle,
its journal and snapshots, its way to send entries and to change members.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import IntEnum
from typing import Any, Final, NoReturn, Protocol

from swarmpy.raft.audited import private_copy
from swarmpy.raft.commands import Entry
from swarmpy.raft.log import RaftLog
from swarmpy.raft.settings import RaftSettings
from swarmpy.raft.stand_ins import Journal, PeerNode, Wire


class Role(IntEnum):
    FOLLOWER = 0
    CANDIDATE = 1
    LEADER = 2


_ROLES: Final[tuple[Role, ...]] = tuple(Role)


class CoreOwner(Protocol):
    """What the core asks for while it thinks. All of it is called within `Core`'s methods."""

    def now(self) -> float:
        """Monotonic seconds; stands still while the core thinks."""

    def election_timeout_s(self) -> float: ...

    def ask_for_vote(self, peer: str) -> None: ...

    def grant_vote(self, peer: str) -> None: ...

    def heartbeat(self) -> None:
        """Tell every follower that this member leads."""

    def may_commit(self, wanted: int, committed: int) -> int:
        """Return how far a leader may move `committed` towards `wanted`."""

    def apply(self, entries: list[Entry]) -> None:
        """Apply entries that follow those applied before; they are committed."""

    def role_changed(self, was: Role, role: Role) -> None: ...


class Core:
    """One member's pysyncobj, driven by calls alone. OSError of the log goes through."""

    def __init__(
        self, node_id: str, log: RaftLog, owner: CoreOwner, settings: RaftSettings
    ) -> None:
        self._log = log
        self._owner = owner
        self._settings = settings
        self._matched: list[bool] = []
        self._committed = log.first_index
        self._ticked_at = float("-inf")
        self._answered_at: dict[str, float] = {}  # what pysyncobj does not know yet
        module = private_copy(owner.now)
        core_class = type("AuditedCore", (module.SyncObj,), self._replacements())
        self._core: Any = core_class(
            PeerNode(node_id),
            [],
            self._conf(module.SyncObjConf),
            nodeClass=PeerNode,
            transport=self._wire(),
        )
        self._set("raftLog", Journal(log, self))
        self._set("raftCurrentTerm", log.term)
        self._set("votedForNodeId", log.voted_for)
        self.rest_on(log.first_index)

    def _conf(self, conf_class: Callable[..., Any]) -> Any:
        settings = self._settings
        return conf_class(
            autoTick=False,
            appendEntriesUseBatch=True,
            appendEntriesPeriod=settings.heartbeat_s,
            raftMinTimeout=settings.election_min_s,
            raftMaxTimeout=settings.election_max_s,
            leaderFallbackTimeout=settings.election_min_s,
            connectionTimeout=settings.election_max_s,
            commandsWaitLeader=False,
            onStateChanged=lambda was, role: self._owner.role_changed(Role(was), Role(role)),
        )

    def _wire(self) -> Wire:
        def keep_answer(_peer: str, message: Mapping[str, Any]) -> None:
            self._matched.append(message["success"])

        return Wire(
            {
                "next_node_idx": keep_answer,
                "request_vote": lambda peer, _message: self._owner.ask_for_vote(peer),
                "response_vote": lambda peer, _message: self._owner.grant_vote(peer),
            }
        )

    def _replacements(self) -> dict[str, Callable[..., Any]]:
        """Return what stands in for pysyncobj's methods, by their mangled names."""
        owner = self._owner
        return {
            "_SyncObj__generateRaftTimeout": lambda _core: owner.election_timeout_s(),
            "_SyncObj__connectedToAnyone": lambda _core: True,
            "_SyncObj__sendAppendEntries": lambda _core: self._heartbeat(),
            "_SyncObj__applyLogEntries": lambda _core: self._apply(),
            "_SyncObj__parseChangeClusterRequest": lambda _core, _command: None,
            "_SyncObj__tryLogCompaction": lambda _core: None,
            "_SyncObj__loadDumpFile": _never,
            "_SyncObj__onSetCodeVersion": lambda _core, _version: None,
            "_checkCommandsToApply": lambda _core: None,
            "_applyCommand": _never,
        }

    # --- what it knows

    @property
    def role(self) -> Role:
        return _ROLES[int(self._core._SyncObj__raftState)]  # noqa: SLF001

    @property
    def term(self) -> int:
        return int(self._core._SyncObj__raftCurrentTerm)  # noqa: SLF001

    @property
    def leader_id(self) -> str | None:
        leader = self._core._SyncObj__raftLeader  # noqa: SLF001
        return leader.id if leader is not None else None

    @property
    def commit_index(self) -> int:
        return int(self._core._SyncObj__raftCommitIndex)  # noqa: SLF001

    @property
    def applied_index(self) -> int:
        return int(self._core._SyncObj__raftLastApplied)  # noqa: SLF001

    @property
    def leads_fully(self) -> bool:
        """It leads, and has applied the entry its term began with."""
        return self.role is Role.LEADER and self.applied_index >= self._get("noopIDx")

    @property
    def election_at(self) -> float:
        """When the leader is given up, in monotonic seconds."""
        return float(self._get("raftElectionDeadline"))

    # --- what it is told

    def tick(self) -> None:
        """Campaign when `election_at` has passed; apply what is committed, send heartbeats.

        What is committed is applied before pysyncobj looks: it would go entry by entry. And it
        looks only when the time has come: turns are many, and most change nothing there.
        """
        self._apply()
        now = self._owner.now()
        is_late = now >= self._ticked_at + self._settings.tick_s / 2
        if is_late or (self.election_at < now and self.role is not Role.LEADER):
            self._ticked_at = now
            self._pass_on_notes()
            self._core.doTick(0.0)

    def commit(self) -> bool:
        """Commit what a majority holds; False when this member does not lead."""
        if self.role is not Role.LEADER:
            return False
        index = self._owner.may_commit(self._log.last_index, self._committed)
        if index > self._committed:
            self._committed = index
            self._core._SyncObj__raftCommitIndex = index  # noqa: SLF001
        return True

    def _apply(self) -> bool:
        """Apply what is committed. False: nothing is to be sent for it."""
        applied, committed = self.applied_index, self.commit_index
        if applied < committed:
            position = applied + 1 - self._log.first_index
            self._owner.apply(self._log.entries[position : position + committed - applied])
            self._core._SyncObj__raftLastApplied = committed  # noqa: SLF001
        return False

    def _pass_on_notes(self) -> None:
        answered_at = self._get("lastResponseTime")
        answered_at.update({PeerNode(peer): at for peer, at in self._answered_at.items()})
        self._answered_at.clear()

    def hold_election_at(self, when: float) -> None:
        self._set("raftElectionDeadline", when)

    def set_voters(self, others: Iterable[str]) -> None:
        """Say who votes beside this member."""
        nodes = [PeerNode(peer) for peer in others]
        known = self._core.otherNodes
        self._core._SyncObj__updateClusterConfiguration(nodes)  # noqa: SLF001
        for node in nodes:
            if node not in known:
                self._get("lastResponseTime")[node] = self._owner.now()

    def rest_on(self, index: int) -> None:
        """Say that the state machine holds everything up to `index`, which is committed."""
        self._set("raftLastApplied", index)
        self._committed = max(self.commit_index, index)
        self._set("raftCommitIndex", self._committed)

    def note_answer(self, peer: str) -> None:
        """Say that a follower has answered just now; a leader needs a majority's answers."""
        self._answered_at[peer] = self._owner.now()

    def adopt_term(self, term: int) -> None:
        """Go on in a newer term, following nobody yet.

        Steps down first: should the disk refuse the ballot, this member must not lead in a
        term that it was not elected for. For the same reason no frame of a newer term
        reaches the core before this was called.
        """
        assert term > self.term
        self.step_down()
        self._core._SyncObj__setCurrentTerm(term, None)  # noqa: SLF001

    def step_down(self) -> None:
        self._core._SyncObj__setState(int(Role.FOLLOWER))  # noqa: SLF001
        self.forget_leader()

    def forget_leader(self) -> None:
        self._set("raftLeader", None)

    def hear_leader(self, peer: str, term: int) -> None:
        """Take note of a sign of life from a leader."""
        self._receive(peer, {"type": "append_entries", "term": term, "commit_index": 0})

    def append(
        self, peer: str, term: int, prev: tuple[int, int], entries: list[Entry], commit_index: int
    ) -> bool:
        """Let entries follow `prev` (index, term) in the log; False when that is not there."""
        self._receive(
            peer,
            {
                "type": "append_entries",
                "term": term,
                "prevLogIdx": prev[0],
                "prevLogTerm": prev[1],
                "entries": entries,
                "commit_index": commit_index,
            },
        )
        return self._matched.pop()

    def consider_vote(self, peer: str, term: int, last: tuple[int, int]) -> None:
        """Vote for a candidate whose log ends with `last` (index, term), or do not."""
        self._receive(
            peer,
            {
                "type": "request_vote",
                "term": term,
                "last_log_index": last[0],
                "last_log_term": last[1],
            },
        )

    def count_vote(self, peer: str, term: int) -> None:
        self._receive(peer, {"type": "response_vote", "term": term})

    # --- what it calls back

    def commit_moved(self, index: int) -> None:
        """Hold back a leader's commit that counts on what is not durable."""
        if self.role is Role.LEADER:
            index = self._owner.may_commit(index, self._committed)
        self._set("raftCommitIndex", index)
        self._committed = index

    def _heartbeat(self) -> None:
        self._set("newAppendEntriesTime", self._owner.now() + self._settings.heartbeat_s)
        self._owner.heartbeat()

    # --- inside

    def _receive(self, peer: str, message: dict[str, Any]) -> None:
        self._core._SyncObj__onMessageReceived(PeerNode(peer), message)  # noqa: SLF001

    def _get(self, name: str) -> Any:
        return getattr(self._core, f"_SyncObj__{name}")

    def _set(self, name: str, value: object) -> None:
        assert hasattr(self._core, f"_SyncObj__{name}"), name
        setattr(self._core, f"_SyncObj__{name}", value)


def _never(*_args: object) -> NoReturn:
    raise AssertionError("pysyncobj called what it has no reason to call")
