"""What an entry of the log says: its first byte tells a transaction from a membership."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

from swarmpy.pb.raft_pb2 import RaftMember, RaftMembers

Entry: TypeAlias = tuple[bytes, int, int]
"""(command, index, term), as pysyncobj keeps them."""

Members: TypeAlias = Mapping[str, str]
"""Node id -> host:port of every voting member."""

TRANSACTION: Final = 0
NO_OP: Final = 1
MEMBERSHIP: Final = 2

NO_OP_COMMAND: Final = bytes([NO_OP])


def transaction(data: bytes) -> bytes:
    """Return the command that carries a transaction of the state machine."""
    return b"\x00" + data


def membership(members: Members) -> bytes:
    """Return the command that makes these the members."""
    return bytes([MEMBERSHIP]) + encode_members(members).SerializeToString(deterministic=True)


def encode_members(members: Members) -> RaftMembers:
    return RaftMembers(
        members=[RaftMember(node_id=node, address=at) for node, at in sorted(members.items())]
    )


def decode_members(message: RaftMembers) -> Members:
    return {member.node_id: member.address for member in message.members}


def members_in(command: bytes) -> Members | None:
    """Return the members a command sets, None when it is not about members."""
    if command[0] != MEMBERSHIP:
        return None
    return decode_members(RaftMembers.FromString(command[1:]))
