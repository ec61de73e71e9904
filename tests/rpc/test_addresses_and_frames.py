import asyncio
import struct

import pytest

from swarmpy.errors import InvalidInput
from swarmpy.pb.join_pb2 import JoinRequest
from swarmpy.rpc.address import join_address, split_address
from swarmpy.rpc.frames import FRAME_MAX_BYTES, read_frame


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        pytest.param("10.0.0.1:4242", "10.0.0.1", 4242, id="ipv4"),
        pytest.param("db-1.example:0", "db-1.example", 0, id="name"),
        pytest.param("[fe80::1]:65535", "fe80::1", 65535, id="ipv6"),
    ],
)
def test_an_address_is_a_host_and_a_port(text: str, host: str, port: int) -> None:
    assert split_address(text) == (host, port)
    assert join_address(host, port) == text


@pytest.mark.parametrize("text", ["", "host", ":1", "host:", "host:http", "::1:80", "h:65536"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="is not an address"):
        split_address(text)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(struct.pack(">I", FRAME_MAX_BYTES + 1), "longer than", id="too long"),
        pytest.param(struct.pack(">I", 2) + b"\xff\xff", "does not hold", id="not protobuf"),
    ],
)
async def test_a_bad_frame_is_refused(data: bytes, message: str) -> None:
    reader = asyncio.StreamReader()
    reader.feed_data(data)
    with pytest.raises(InvalidInput, match=message):
        await read_frame(reader, JoinRequest)
