from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Interface, IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmpy.core.actions import AllocateSubnet, Tell
from swarmpy.core.allocate.addresses import NODE_GATEWAYS, FreeAddresses
from swarmpy.core.allocate.subnets import allocate_subnets, clashing_network
from swarmpy.pb.objects_pb2 import Network
from tests.core.placement_rows import network


def subnets(
    networks: Sequence[Network], pools: Sequence[str] = (), held: Sequence[str] = ()
) -> list[str]:
    return [
        action.subnet if isinstance(action, AllocateSubnet) else action.event.message
        for action in allocate_subnets(networks, pools, held)
        if isinstance(action, AllocateSubnet | Tell)
    ]


@pytest.mark.parametrize(
    ("networks", "pools", "held", "expected"),
    [
        ([network("a"), network("b")], [], [], ["10.128.0.0/24", "10.128.1.0/24"]),
        ([network("a", subnet="10.128.0.0/24"), network("b")], [], [], ["10.128.1.0/24"]),
        ([network("a", subnet="10.128.0.0/23"), network("b")], [], [], ["10.128.2.0/24"]),
        ([network("a", subnet="10.128.1.0/26"), network("b")], [], [], ["10.128.0.0/24"]),
        ([network("a")], [], ["10.128.0.0/24"], ["10.128.1.0/24"]),
        (
            [network("a"), network("b", asks="10.128.0.0/16")],
            [],
            [],
            ["10.128.0.0/16", "10.129.0.0/24"],
        ),
        ([network("a", driver="host")], [], [], []),
        (
            [network("a"), network("b"), network("c")],
            ["10.9.0.0/24", "10.8.0.0/24"],
            [],
            [
                "10.9.0.0/24",
                "10.8.0.0/24",
                "network c has no subnet: every /24 of 10.9.0.0/24, 10.8.0.0/24 is taken",
            ],
        ),
        (
            [network("a", subnet="10.5.0.0/24"), network("b", asks="10.5.0.0/16")],
            [],
            [],
            ["network b has no subnet: 10.5.0.0/16 overlaps with another one that is in use"],
        ),
    ],
    ids=["two", "next", "larger", "gap", "held", "asked-first", "host", "exhausted", "overlap"],
)
def test_each_network_gets_a_subnet_of_its_own_or_says_why_not(
    networks: list[Network], pools: list[str], held: list[str], expected: list[str]
) -> None:
    assert subnets(networks, pools, held) == expected


@given(
    taken=st.lists(
        st.builds(
            lambda number, bits: str(IPv4Network((10 << 24 | number << 8, bits), strict=False)),
            st.integers(0, 15),
            st.integers(22, 26),
        ),
        max_size=6,
    ),
    count=st.integers(1, 6),
)
def test_subnets_from_a_pool_never_overlap(taken: list[str], count: int) -> None:
    networks = [network(f"n{i}") for i in range(count)]
    pool = IPv4Network("10.0.0.0/21")
    given_out = [
        IPv4Network(action.subnet)
        for action in allocate_subnets(networks, [str(pool)], taken)
        if isinstance(action, AllocateSubnet)
    ]
    others = [IPv4Network(subnet) for subnet in taken]
    for i, one in enumerate(given_out):
        assert one.subnet_of(pool)
        assert not any(one.overlaps(other) for other in (*others, *given_out[:i]))
    free = [s for s in pool.subnets(new_prefix=24) if not any(s.overlaps(o) for o in others)]
    assert len(given_out) == min(count, len(free)), "nothing free is left unused"


def test_a_clash_of_subnets_is_found_before_the_network_is_made() -> None:
    rows = [network("a", subnet="10.1.0.0/16"), network("b", asks="10.2.0.0/16")]
    assert clashing_network(network("c", asks="10.1.2.0/24").spec, rows) == rows[0]
    assert clashing_network(network("c", asks="10.2.2.0/24").spec, rows) == rows[1]
    assert clashing_network(network("b", asks="10.2.2.0/24").spec, rows) is None
    assert clashing_network(network("c").spec, rows) is None


def test_gateways_and_the_ends_of_a_subnet_are_never_given() -> None:
    free = FreeAddresses("10.0.0.0/26", [])
    given_out = [address for _ in range(64) if (address := free.take())]
    assert given_out == [f"10.0.0.{i}/26" for i in range(1, 64 - NODE_GATEWAYS)]
    assert free.size == len(given_out) == 31


def test_a_freed_address_is_given_again_last() -> None:
    free = FreeAddresses("10.0.0.0/26", ["10.0.0.1/26", "10.0.0.30/26"])
    assert [free.take(), free.take()] == ["10.0.0.31/26", "10.0.0.2/26"]
    free.give_back("10.0.0.31/26")
    assert free.take() == "10.0.0.3/26"


@given(taken=st.sets(st.integers(1, 62)), prefix=st.just(26))
def test_every_free_address_is_given_exactly_once(taken: set[int], prefix: int) -> None:
    free = FreeAddresses(f"10.0.0.0/{prefix}", [f"10.0.0.{i}/{prefix}" for i in taken])
    given_out = []
    while (address := free.take()) is not None:
        given_out.append(int(IPv4Interface(address).ip) & 0xFF)
    assert sorted(given_out) == sorted(set(range(1, 32)) - taken)
