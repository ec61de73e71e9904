from __future__ import annotations

from collections.abc import Iterable

from swarmpy.gossip.report import ENTRIES_A_PIECE
from swarmpy.gossip.wanted import FORGOTTEN_MAX, JOIN_MAX, Wanted
from swarmpy.pb.gossip_local_pb2 import GossipDescription, GossipOrder
from swarmpy.pb.gossip_pb2 import GossipEndpoint, GossipVersion


def endpoint(number: int, address: str = "10.0.0.1") -> GossipEndpoint:
    return GossipEndpoint(network_id="net", task_id=f"t{number}", address=address)


def told(orders: Iterable[GossipOrder]) -> list[tuple[list[str], list[str], bool]]:
    return [
        (
            [one.task_id for one in order.changes.put],
            [key.task_id for key in order.changes.gone],
            order.changes.whole,
        )
        for order in orders
    ]


def test_the_first_set_is_told_whole_and_then_only_what_changed() -> None:
    wanted = Wanted()
    assert told(wanted.put_all([endpoint(1), endpoint(2)])) == [(["t1", "t2"], [], True)]
    assert told(wanted.put_all([endpoint(2), endpoint(1)])) == []
    changed = [endpoint(2, "10.0.0.2"), endpoint(3)]
    assert told(wanted.put_all(changed)) == [(["t2", "t3"], ["t1"], True)]


def test_an_empty_first_set_is_told_too_for_it_ends_what_an_earlier_life_said() -> None:
    assert told(Wanted().put_all([])) == [([], [], True)]


def test_versions_are_the_cores_and_no_change() -> None:
    wanted = Wanted()
    list(wanted.put_all([endpoint(1)]))
    same = endpoint(1)
    same.version.CopyFrom(GossipVersion(epoch=4, sequence=2))
    assert told(wanted.put_all([same])) == []


def test_many_endpoints_go_in_pieces_and_the_last_says_so() -> None:
    count = 2 * ENTRIES_A_PIECE + 1
    pieces = told(Wanted().put_all(endpoint(number) for number in range(count)))
    assert [(len(put), whole) for put, _, whole in pieces] == [
        (ENTRIES_A_PIECE, False),
        (ENTRIES_A_PIECE, False),
        (1, True),
    ]


def test_a_new_process_is_told_all_of_it() -> None:
    wanted = Wanted()
    list(wanted.describe(GossipDescription(api_address="a:1", term=2)))
    list(wanted.forget("n9"))
    list(wanted.join(["10.0.0.9:7947"]))
    list(wanted.put_all([endpoint(1)]))
    orders = list(wanted.everything(["10.0.0.8:7947", "10.0.0.9:7947"]))
    assert [order.WhichOneof("order") for order in orders] == [
        "description",
        "forget",
        "join",
        "changes",
    ]
    joined = [member.address for member in orders[2].join.members]
    assert joined == ["10.0.0.9:7947", "10.0.0.8:7947"]


def test_nothing_is_told_that_was_never_said() -> None:
    assert list(Wanted().everything([])) == []


def test_what_is_kept_for_a_new_process_has_a_limit() -> None:
    wanted = Wanted()
    for number in range(1000):
        list(wanted.forget(f"n{number}"))
        list(wanted.join([f"10.0.{number // 250}.{number % 250}:7947"]))
    orders = list(wanted.everything([]))
    assert len(orders) == FORGOTTEN_MAX + 1
    joined = [member.address for member in orders[-1].join.members]
    assert len(joined) == JOIN_MAX
    assert joined[0] == "10.0.3.249:7947"


def test_known_addresses_are_not_asked_again() -> None:
    wanted = Wanted()
    assert len(list(wanted.join(["a:1", "b:1"]))) == 1
    assert list(wanted.join(["b:1"])) == []
    assert list(wanted.join([])) == []


def test_who_is_forgotten_already_is_not_forgotten_again() -> None:
    wanted = Wanted()
    assert [len(list(wanted.forget(name))) for name in ("a", "b", "a")] == [1, 1, 0]
