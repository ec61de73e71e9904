import asyncio
import socket
import ssl

import pytest

from swarmpy.errors import Unavailable, WrongState
from swarmpy.pb.types_pb2 import NODE_ROLE_WORKER
from swarmpy.rpc import cluster_port
from swarmpy.rpc.address import split_address
from swarmpy.rpc.cluster_port import JOIN_PROTOCOL, RAFT_PROTOCOL, ClusterPort
from swarmpy.rpc.dial import hang_up, open_tls
from swarmpy.rpc.join_client import dial_join
from swarmpy.rpc.peer import Peer
from swarmpy.rpc.stream_pair import streams_of
from swarmpy.rpc.streams import on_streams
from swarmpy.security.certificates import NodeIdentity
from swarmpy.security.tls_context import join_context
from tests.rpc.open_port import opened
from tests.security.certificate_makers import node

SERVER = node("server1")


async def say_who(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, peer: Peer | None
) -> None:
    """Answer one line with who asked."""
    await reader.readline()
    writer.write(f"{peer.node_id if peer else 'stranger'}\n".encode())
    await writer.drain()


def port_of(identity: NodeIdentity) -> ClusterPort:
    port = ClusterPort(lambda: identity)
    port.register(RAFT_PROTOCOL, on_streams(say_who))
    port.register(JOIN_PROTOCOL, on_streams(say_who), needs_certificate=False)
    return port


async def ask(streams: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> str:
    """Return the answer; "" when the other end hangs up instead."""
    reader, writer = streams
    try:
        writer.write(b"who am I?\n")
        return (await reader.readline()).decode().strip()
    except OSError:
        return ""
    finally:
        await hang_up(writer)


async def test_a_node_is_known_by_its_certificate() -> None:
    dialler = port_of(node("node7", NODE_ROLE_WORKER))
    async with opened(port_of(SERVER)) as address:
        streams = streams_of(await dialler.dial(address, RAFT_PROTOCOL, "server1"))
        assert await ask(streams) == "node7"


async def test_small_frames_do_not_wait_for_each_other_on_either_end() -> None:
    delays: list[int] = []

    def note(writer: asyncio.StreamWriter) -> None:
        sock = writer.get_extra_info("socket")
        delays.append(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    async def answer(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, peer: Peer | None
    ) -> None:
        note(writer)
        await say_who(reader, writer, peer)

    port = ClusterPort(lambda: SERVER)
    port.register(RAFT_PROTOCOL, on_streams(answer))
    async with opened(port) as address:
        streams = streams_of(await port_of(node("node7")).dial(address, RAFT_PROTOCOL, "server1"))
        note(streams[1])
        assert await ask(streams) == "node7"
    assert len(delays) == 2
    assert all(delays)


async def test_a_joining_node_needs_no_certificate() -> None:
    async with opened(port_of(SERVER)) as address:
        reader, writer, leaf_der = await dial_join(address)
        assert ssl.DER_cert_to_PEM_cert(leaf_der).encode() == SERVER.certificate_pem
        assert await ask((reader, writer)) == "stranger"


async def test_raft_is_not_spoken_with_strangers() -> None:
    async with opened(port_of(SERVER)) as address:
        streams = streams_of(
            await open_tls(address, join_context(RAFT_PROTOCOL), RAFT_PROTOCOL, None)
        )
        assert not await ask(streams)


async def test_a_node_of_another_swarm_is_a_stranger_to_both_sides() -> None:
    foreigner = port_of(node("server1", cluster_id="cluster2"))
    async with opened(port_of(SERVER)) as address:
        with pytest.raises(Unavailable, match="somebody else answers"):
            await foreigner.dial(address, RAFT_PROTOCOL, "server1")


async def test_a_certificate_of_another_swarm_opens_nothing() -> None:
    foreign = node("node7", cluster_id="cluster2")
    mixed = NodeIdentity(
        "node7",
        "cluster1",
        foreign.role,
        foreign.certificate_pem,
        foreign.key_pem,
        SERVER.ca_certificate_pem,
    )
    async with opened(port_of(SERVER)) as address:
        streams = streams_of(await port_of(mixed).dial(address, RAFT_PROTOCOL, "server1"))
        assert not await ask(streams)


async def test_a_dial_reaches_the_node_it_means_or_nobody() -> None:
    async with opened(port_of(SERVER)) as address:
        with pytest.raises(Unavailable, match="somebody else answers"):
            await port_of(node("node7")).dial(address, RAFT_PROTOCOL, "server2")


async def test_a_protocol_nobody_registered_is_not_spoken() -> None:
    async with opened(port_of(SERVER)) as address:
        with pytest.raises(Unavailable, match="does not speak other/1"):
            await port_of(node("node7")).dial(address, "other/1", "server1")


async def test_a_renewed_certificate_is_shown_to_the_next_caller() -> None:
    shown = [SERVER]
    port = ClusterPort(lambda: shown[-1])
    port.register(JOIN_PROTOCOL, on_streams(say_who), needs_certificate=False)
    async with opened(port) as address:
        leaves = []
        for identity in (SERVER, node("server1")):
            shown.append(identity)
            reader, writer, leaf_der = await dial_join(address)
            await ask((reader, writer))
            leaves.append(ssl.DER_cert_to_PEM_cert(leaf_der).encode())
    assert leaves == [identity.certificate_pem for identity in shown[1:]]


async def test_tls_1_2_is_refused() -> None:
    context = join_context(JOIN_PROTOCOL)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    async with opened(port_of(SERVER)) as address:
        with pytest.raises(Unavailable, match=r"cannot connect"):
            await open_tls(address, context, JOIN_PROTOCOL, None)


async def test_a_bug_met_by_one_connection_does_not_end_the_others() -> None:
    async def crash(*_: object) -> None:
        raise AssertionError("a bug")

    port = port_of(SERVER)
    port.register("crash/1", crash, needs_certificate=False)
    async with opened(port) as address:
        transport = await open_tls(address, join_context("crash/1"), "crash/1", None)
        assert not await ask(streams_of(transport))
        reader, writer, _ = await dial_join(address)
        assert await ask((reader, writer)) == "stranger"


async def test_a_flood_of_strangers_leaves_room_for_nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_port, "STRANGERS_MAX", 2)
    async with opened(port_of(SERVER)) as address:
        known = streams_of(await port_of(node("node7")).dial(address, RAFT_PROTOCOL, "server1"))
        strangers = [await dial_join(address) for _ in range(2)]
        with pytest.raises(Unavailable):
            await dial_join(address)
        assert await ask(known) == "node7"
        for reader, writer, _ in strangers:
            assert await ask((reader, writer)) == "stranger"
        again = await dial_join(address)
        assert await ask(again[:2]) == "stranger"


async def test_whoever_connects_and_says_nothing_is_hung_up_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cluster_port, "HANDSHAKE_TIMEOUT_S", 0.05)
    async with opened(port_of(SERVER)) as address:
        reader, writer = await asyncio.open_connection(*split_address(address))
        assert await reader.read() == b""
        await hang_up(writer)


async def test_a_stranger_may_not_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_port, "STRANGER_TIMEOUT_S", 0.05)
    async with opened(port_of(SERVER)) as address:
        reader, writer, _ = await dial_join(address)
        assert await reader.read() == b""
        await hang_up(writer)


async def test_a_port_on_every_ipv6_address_answers_ipv4_too() -> None:
    port = port_of(SERVER)
    _, number = split_address(port.bind("[::]:0"))
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(port.run())
        reader, writer, _ = await dial_join(f"127.0.0.1:{number}")
        assert await ask((reader, writer)) == "stranger"
        serving.cancel()
    port.close()


async def test_closing_the_port_closes_its_connections() -> None:
    async with opened(port_of(SERVER)) as address:
        idle = streams_of(await port_of(node("node7")).dial(address, RAFT_PROTOCOL, "server1"))
        half_open = await asyncio.open_connection(*split_address(address))
    for reader, writer in (idle, half_open):
        assert await reader.read() == b""
        await hang_up(writer)


async def test_a_port_that_is_taken_says_so() -> None:
    async with opened(port_of(SERVER)) as address:
        with pytest.raises(WrongState, match="cannot listen on 127") as caught:
            port_of(SERVER).bind(address)
    assert caught.value.remedy


async def test_nobody_at_the_address_is_unavailable() -> None:
    async with opened(port_of(SERVER)) as address:
        pass
    with pytest.raises(Unavailable, match="cannot connect to"):
        await port_of(SERVER).dial(address, RAFT_PROTOCOL, "server1")
