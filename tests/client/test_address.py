"""Where the swarm is, as people write it."""

from __future__ import annotations

from pathlib import Path

import pytest

from swarmpy.client.address import LocalSocket, Managers, default_socket, resolve
from swarmpy.client.client import Client
from swarmpy.client.identity import read_identity
from swarmpy.errors import InvalidInput


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("unix:///run/x.sock", LocalSocket(Path("/run/x.sock"))),
        ("m1", Managers(("m1:2378",))),
        ("m1:9000", Managers(("m1:9000",))),
        ("m1, m2:9000", Managers(("m1:2378", "m2:9000"))),
        ("192.0.2.1", Managers(("192.0.2.1:2378",))),
        ("[2001:db8::1]:9000", Managers(("[2001:db8::1]:9000",))),
        ("[2001:db8::1]", Managers(("[2001:db8::1]:2378",))),
    ],
)
def test_addresses(text: str, where: LocalSocket | Managers) -> None:
    assert resolve(text) == where


@pytest.mark.parametrize(
    "text",
    [
        "unix://relative",
        "http://m1",
        "m1:port",
        "m1:0",
        "m1:70000",
        ":2378",
        "m1,,m2",
        "2001:db8::1",
    ],
)
def test_what_is_no_address_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        resolve(text)
    assert "unix:///run/swarmpy/swarmpy.sock" in caught.value.remedy


def test_too_many_addresses_are_refused() -> None:
    with pytest.raises(InvalidInput, match="17 addresses"):
        resolve(",".join(f"m{number}" for number in range(17)))


def test_the_environment_names_the_swarm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWARMPY_HOST", "m1:9000")
    assert resolve(None) == Managers(("m1:9000",))
    monkeypatch.delenv("SWARMPY_HOST")
    assert isinstance(resolve(None), LocalSocket)


def test_every_user_has_a_socket_of_their_own() -> None:
    assert default_socket({}, root=True) == Path("/run/swarmpy/swarmpy.sock")
    environment = {"XDG_STATE_HOME": "/state"}
    assert default_socket(environment, root=False) == Path("/state/swarmpy/swarmpy.sock")


async def test_managers_elsewhere_want_a_certificate(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("SWARMPY_IDENTITY", raising=False)
    with pytest.raises(InvalidInput, match="want a certificate"):
        await Client.connect("192.0.2.1:2378")
    with pytest.raises(InvalidInput, match=r"node\.pem"):
        await Client.connect("192.0.2.1:2378", identity=tmp_path)


def test_a_broken_identity_is_refused(tmp_path: Path) -> None:
    (tmp_path / "node.pem").write_text("not a certificate")
    with pytest.raises(InvalidInput, match="expected a key"):
        read_identity(tmp_path)
