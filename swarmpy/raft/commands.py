"""What an entry of the log says: its first byte tells a transaction from a membership."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from swarmpy.pb.raft_pb2 import RaftMember, RaftMembers

Entry: TypeAlias = tuple[bytes, int, int]
"""(command, index, term), as pysyncobj keeps them."""


@dataclass(frozen=True, slots=True)
class Voter:
    """One voting member."""

    address: str
    """host:port"""
    log_id: int = 0
    """Of the log it joined with; 0 while nobody has noted it."""


Members: TypeAlias = Mapping[str, Voter]
"""Node id -> every voting member."""

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
        members=[
            RaftMember(node_id=node_id, address=voter.address, log_id=voter.log_id)
            for node_id, voter in sorted(members.items())
        ]
    )


def decode_members(message: RaftMembers) -> Members:
    return {member.node_id: Voter(member.address, member.log_id) for member in message.members}


def addresses_of(members: Members) -> dict[str, str]:
    """Return node id -> host:port."""
    return {node_id: voter.address for node_id, voter in members.items()}


def members_in(command: bytes) -> Members | None:
    """Return the members a command sets, None when it is not about members."""
    if command[0] != MEMBERSHIP:
        return None
    return decode_members(RaftMembers.FromString(command[1:]))
