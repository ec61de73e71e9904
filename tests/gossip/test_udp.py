import asyncio
import socket

import pytest

from swarmpy.errors import WrongState
from swarmpy.gossip.udp import ENTRIES_A_TURN, PACKETS_A_TURN, UdpSocket, sockaddr


async def heard(sender: UdpSocket, packets: int, entries: int) -> list[int]:
    """Send packets that hold so many entries each; return how many were taken in each turn."""
    turns: list[int] = []
    receiver = UdpSocket("127.0.0.1:0")
    taken = 0

    def take(_data: bytes, _source: tuple[str, int]) -> int:
        nonlocal taken
        taken += 1
        return entries

    for _ in range(packets):
        assert sender.send(receiver.address, b"x")
    receiver.open(take)
    async with asyncio.timeout(10):
        while sum(turns) < packets:
            before = taken
            await asyncio.sleep(0)
            turns.append(taken - before)
    receiver.close()
    return [turn for turn in turns if turn]


@pytest.mark.parametrize(
    ("entries", "most"), [(1, PACKETS_A_TURN), (50, ENTRIES_A_TURN // 50), (1000, 1)]
)
async def test_a_turn_of_the_loop_takes_in_only_so_much(entries: int, most: int) -> None:
    sender = UdpSocket("127.0.0.1:0")
    turns = await heard(sender, 130, entries)
    sender.close()
    assert sum(turns) == 130
    assert max(turns) == most


@pytest.mark.parametrize(
    "address", ["localhost:1", "127.0.0.1:0", "nonsense", "", "[::1]", "::1:5"]
)
async def test_nothing_is_sent_to_what_is_no_ip_address_and_port(address: str) -> None:
    sender = UdpSocket("127.0.0.1:0")
    assert not sender.send(address, b"x")
    sender.close()


async def test_what_the_system_refuses_is_as_good_as_lost() -> None:
    sender = UdpSocket("127.0.0.1:0")
    assert not sender.send("127.0.0.1:9", bytes(70_000))
    assert not sender.send("[::1]:9", b"the other family")
    sender.close()


async def test_a_taken_address_is_told_with_a_remedy() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        with pytest.raises(WrongState, match="cannot listen on"):
            UdpSocket(f"127.0.0.1:{other.getsockname()[1]}")


def test_ipv6_is_an_address_too() -> None:
    assert sockaddr("[fe80::1]:7947") == ("fe80::1", 7947)
