"""What a process tells, and the picture that its daemon makes of it."""

from __future__ import annotations

from swarmpy.core.gossip.events import (
    EndpointChanged,
    EndpointGone,
    EndpointHidden,
    MemberDead,
    MemberJoined,
)
from swarmpy.core.gossip.gossip import MemberView
from swarmpy.gossip.report import ENTRIES_A_PIECE, LOOK_AGAIN_S, Report
from swarmpy.gossip.seen import Seen
from swarmpy.pb.gossip_pb2 import (
    GOSSIP_STATE_ALIVE,
    GOSSIP_STATE_DEAD,
    GossipEndpoint,
    GossipMember,
)
from swarmpy.seams import GossipPicture
from tests.gossip.fake_core import FakeCore


class Pair:
    """A core, its report, and what a daemon has seen of it."""

    def __init__(self) -> None:
        self.core = FakeCore("me", "127.0.0.1:1")
        self.core.views["me"] = MemberView(self.core.me, GOSSIP_STATE_ALIVE, 0.0, certain=True)
        self.report = Report(self.core)
        self.seen = Seen()
        self.dropped: dict[str, int] = {}

    def tell(self, now: float = 100.0) -> list[str | None]:
        """Tell all there is; return of which kinds the pieces were."""
        kinds: list[str | None] = []
        for piece in self.report.pieces(now, self.dropped):
            assert self.seen.take(piece, now)
            kinds.append(piece.WhichOneof("report"))
        return kinds

    def picture(self, now: float = 100.0) -> GossipPicture:
        return self.seen.picture(now)

    def know(self, node_id: str, *, alive: bool, age_s: float = 0.0) -> GossipMember:
        member = GossipMember(node_id=node_id, address=f"{node_id}:7947")
        state = GOSSIP_STATE_ALIVE if alive else GOSSIP_STATE_DEAD
        self.core.views[node_id] = MemberView(member, state, age_s, certain=alive)
        return member


def endpoint(number: int) -> GossipEndpoint:
    return GossipEndpoint(network_id="net", task_id=f"t{number:04}")


def test_the_first_report_is_of_the_node_itself() -> None:
    pair = Pair()
    assert pair.tell() == ["sighting", "pulse"]
    assert list(pair.picture().members) == ["me"]
    assert pair.picture().table_hash == 7


def test_nothing_new_is_nothing_told() -> None:
    pair = Pair()
    pair.tell()
    assert pair.tell() == []
    pair.dropped = {"forged": 3}
    assert pair.tell() == ["pulse"]
    assert pair.picture().dropped == {"forged": 3}


def test_a_member_is_told_as_it_is_when_told_and_grows_older_by_itself() -> None:
    pair = Pair()
    pair.report.heard([MemberJoined(pair.know("n1", alive=True))])
    pair.report.heard([MemberDead("n1", certain=False)])
    pair.know("n1", alive=False, age_s=3.0)
    assert pair.tell() == ["sighting", "pulse"]
    told = pair.picture(now=102.0).members["n1"]
    assert (told.state, told.age_s, told.certain) == (GOSSIP_STATE_DEAD, 5.0, False)


def test_who_is_forgotten_is_gone_also_when_no_event_tells() -> None:
    pair = Pair()
    for node_id in ("n1", "n2"):
        pair.report.heard([MemberJoined(pair.know(node_id, alive=True))])
    pair.tell()
    del pair.core.views["n1"], pair.core.views["n2"]
    pair.report.look_at("n1")
    pair.tell(now=101.0)
    assert list(pair.picture().members) == ["me", "n2"]
    pair.tell(now=101.0 + LOOK_AGAIN_S)
    assert list(pair.picture().members) == ["me"]


def test_of_an_endpoint_only_the_last_is_told() -> None:
    pair = Pair()
    key = ("net", "t0001")
    pair.report.heard([EndpointChanged(endpoint(1)), EndpointHidden(key)])
    pair.report.heard([EndpointChanged(endpoint(2)), EndpointChanged(endpoint(1))])
    pair.tell()
    assert [one.task_id for one in pair.picture().endpoints] == ["t0001", "t0002"]
    pair.report.heard([EndpointGone(key)])
    pair.tell()
    assert [one.task_id for one in pair.picture().endpoints] == ["t0002"]


def test_much_is_told_in_pieces_and_what_comes_meanwhile_with_it() -> None:
    pair = Pair()
    pair.tell()
    count = 2 * ENTRIES_A_PIECE + 1
    pair.report.heard([EndpointChanged(endpoint(number)) for number in range(count)])
    pieces = pair.report.pieces(100.0, {})
    pair.seen.take(next(pieces), 100.0)
    pair.report.heard([EndpointChanged(endpoint(count))])
    rest = [pair.seen.take(piece, 100.0) for piece in pieces]
    assert len(rest) == 3  # two pieces and the pulse
    assert len(pair.picture().endpoints) == count + 1
