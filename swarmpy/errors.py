"""Every error SwarmPy raises on purpose, the same class on both sides of the wire.

SwarmPyError                    exit  gRPC status
├── InvalidInput                   2  INVALID_ARGUMENT     a field or flag is wrong
│   └── InvalidManifest            2  INVALID_ARGUMENT     all faults of a file, each with its place
├── CannotBePlaced                 3  FAILED_PRECONDITION  no node takes a task
├── Unhealthy                      4  FAILED_PRECONDITION  tasks do not stay up
│   └── RolledBack                 4  FAILED_PRECONDITION  an update failed and was undone
├── TimedOut                       5  DEADLINE_EXCEEDED
├── Clash                          6  FAILED_PRECONDITION  what is there stands in the way
│   ├── Conflict                   6  ABORTED              a row changed since it was read
│   ├── AlreadyExists              6  ALREADY_EXISTS
│   └── InUse                      6  FAILED_PRECONDITION
├── NotFound                       1  NOT_FOUND
├── Ambiguous                      1  FAILED_PRECONDITION  a prefix names several objects
├── PermissionDenied               1  PERMISSION_DENIED
│   └── TokenRefused               1  UNAUTHENTICATED      unknown, expired or used up
├── Unavailable                    1  UNAVAILABLE          right request, wrong moment
│   ├── NoLeader                   1  UNAVAILABLE
│   ├── NotLeader                  1  UNAVAILABLE          `fields["leader"]` is whom to ask
│   ├── OutcomeUnknown             1  UNAVAILABLE          it may have happened: look again
│   ├── DaemonUnreachable          1  UNAVAILABLE          no node daemon answers here
│   └── EngineUnavailable          1  UNAVAILABLE          no container engine answers
├── StorageFull                    1  RESOURCE_EXHAUSTED
├── StorageCorrupt                 1  DATA_LOSS
├── TaskRefused                    1  FAILED_PRECONDITION  it cannot start; do not try again
│   └── ImageMissing               1  FAILED_PRECONDITION
└── WrongState                     1  FAILED_PRECONDITION  this node cannot do that now
    └── Locked                     1  FAILED_PRECONDITION  its keys are not open yet: swarmpy unlock

An error says what happened, to what, and what to do next. A bug is not in this tree:
bugs are `AssertionError`s, and they crash.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Self


class SwarmPyError(Exception):
    """Base of all expected failures; safe to show to a user as it is."""

    exit_code: ClassVar[int] = 1
    grpc_status: ClassVar[str] = "INTERNAL"

    def __init__(
        self, message: str, *, remedy: str = "", fields: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.fields = dict(fields or {})


class InvalidInput(SwarmPyError):
    exit_code = 2
    grpc_status = "INVALID_ARGUMENT"


class InvalidManifest(InvalidInput):
    """`message` holds one line per fault: `file:line:col path: what, expected, do this`."""


class CannotBePlaced(SwarmPyError):
    exit_code = 3
    grpc_status = "FAILED_PRECONDITION"


class Unhealthy(SwarmPyError):
    exit_code = 4
    grpc_status = "FAILED_PRECONDITION"


class RolledBack(Unhealthy):
    pass


class TimedOut(SwarmPyError):
    exit_code = 5
    grpc_status = "DEADLINE_EXCEEDED"


class Clash(SwarmPyError):
    exit_code = 6
    grpc_status = "FAILED_PRECONDITION"


class Conflict(Clash):
    grpc_status = "ABORTED"


class AlreadyExists(Clash):
    grpc_status = "ALREADY_EXISTS"

    @classmethod
    def named(cls, kind: str, name: str) -> Self:
        return cls(f"a {kind} named {name!r} exists already", remedy=_listing(kind))


class InUse(Clash):
    pass


class NotFound(SwarmPyError):
    grpc_status = "NOT_FOUND"

    @classmethod
    def named(cls, kind: str, name: str) -> Self:
        return cls(f"no {kind} is named {name!r}", remedy=_listing(kind))


class Ambiguous(SwarmPyError):
    grpc_status = "FAILED_PRECONDITION"


class PermissionDenied(SwarmPyError):
    grpc_status = "PERMISSION_DENIED"


class TokenRefused(PermissionDenied):
    grpc_status = "UNAUTHENTICATED"


class Unavailable(SwarmPyError):
    """Right request, wrong moment: the same call may succeed later."""

    grpc_status = "UNAVAILABLE"


class NoLeader(Unavailable):
    """The managers cannot agree on a leader, so nothing can be written."""

    @classmethod
    def counted(cls, up: int, total: int) -> Self:
        return cls(
            f"the swarm has no leader: {up} of {total} managers answer, "
            f"{total // 2 + 1} are needed",
            remedy="start the other managers again; writes resume by themselves",
        )


class NotLeader(Unavailable):
    @property
    def leader(self) -> str:
        """API address of the leader, or "" when it is not known."""
        return self.fields.get("leader", "")

    @classmethod
    def ask(cls, leader: str) -> Self:
        return cls("this manager does not lead", fields={"leader": leader})


class OutcomeUnknown(Unavailable):
    pass


class DaemonUnreachable(Unavailable):
    pass


class EngineUnavailable(Unavailable):
    pass


class StorageFull(SwarmPyError):
    grpc_status = "RESOURCE_EXHAUSTED"


class StorageCorrupt(SwarmPyError):
    grpc_status = "DATA_LOSS"


class TaskRefused(SwarmPyError):
    grpc_status = "FAILED_PRECONDITION"


class ImageMissing(TaskRefused):
    pass


class WrongState(SwarmPyError):
    grpc_status = "FAILED_PRECONDITION"


class Locked(WrongState):
    @classmethod
    def node(cls, what: str) -> Self:
        return cls(f"this {what} is locked: its keys are not open yet", remedy="swarmpy unlock")


def error_classes() -> dict[str, type[SwarmPyError]]:
    """Return every class of the tree by its name, for the other side of the wire."""

    def below(cls: type[SwarmPyError]) -> list[type[SwarmPyError]]:
        return [cls, *(sub for child in cls.__subclasses__() for sub in below(child))]

    return {cls.__name__: cls for cls in below(SwarmPyError)}


_NOUNS = {"cron job": "cronjob", "join token": "token"}
"""Kinds whose noun on the command line is another."""


def _listing(kind: str) -> str:
    """Return the command that shows which names there are."""
    return f"swarmpy {_NOUNS.get(kind, kind)} ls"
