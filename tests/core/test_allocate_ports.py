from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmpy.core.actions import AllocatePorts
from swarmpy.core.allocate.ports import DYNAMIC, allocate_ports, is_allocated
from swarmpy.pb.objects_pb2 import Service
from swarmpy.pb.types_pb2 import PROTOCOL_UDP, PortConfig
from tests.core.placement_rows import host, mesh, service


def written(*services: Service) -> dict[str, AllocatePorts]:
    return {action.service_id: action for action in allocate_ports(services)}


def published(action: AllocatePorts) -> list[int]:
    return [port.published for port in action.ports]


def udp(number: int) -> PortConfig:
    port = mesh(number)
    port.protocol = PROTOCOL_UDP
    return port


@pytest.mark.parametrize(
    ("asks", "expected"),
    [
        ([], []),
        ([mesh(80)], [80]),
        ([mesh()], [30000]),
        ([mesh(), mesh(target=81)], [30000, 30001]),
        ([mesh(), mesh(30000, target=81)], [30001, 30000]),
        ([host()], [30000]),
        ([mesh(53), udp(53)], [53, 53]),
    ],
    ids=["none", "given", "dynamic", "two", "given-first", "host", "protocols"],
)
def test_a_service_gets_the_ports_it_asks_for(asks: list[PortConfig], expected: list[int]) -> None:
    action = written(service("web", *asks))["web"]
    assert published(action) == expected
    assert not action.error


def test_a_taken_port_names_its_owner_and_nothing_is_half_given() -> None:
    owner = service("db", mesh(5432), holds=[mesh(5432)])
    action = written(owner, service("web", mesh(80), mesh(5432)))["web"]
    assert action.error == "port 5432/tcp is published by service db"
    assert action.ports == ()


def test_an_error_that_is_known_is_not_written_again() -> None:
    owner = service("db", mesh(80), holds=[mesh(80)])
    late = service("web", mesh(80))
    late.allocation_error = "port 80/tcp is published by service db"
    assert written(owner, late) == {}


def test_a_port_is_free_again_when_its_service_is_gone() -> None:
    late = service("web", mesh(80))
    late.allocation_error = "port 80/tcp is published by service db"
    assert not written(late)["web"].error


def test_of_two_that_ask_at_once_the_older_gets_the_port() -> None:
    actions = written(service("old", mesh(80)), service("new", mesh(80)))
    assert not actions["old"].error
    assert actions["new"].error == "port 80/tcp is published by service old"


def test_a_service_that_is_being_removed_keeps_its_ports_and_asks_for_none() -> None:
    leaving = service("old", mesh(80), holds=[mesh(80)])
    leaving.removing = True
    asking = service("older", mesh(90))
    asking.removing = True
    actions = written(leaving, asking, service("new", mesh(80)))
    assert list(actions) == ["new"]
    assert "service old" in actions["new"].error


@pytest.mark.parametrize(
    ("held", "asked", "clash"),
    [
        (host(80), host(80), False),
        (host(80), mesh(80), True),
        (mesh(80), host(80), True),
        (mesh(80), mesh(80), True),
        (mesh(80), udp(80), False),
    ],
    ids=["host-host", "host-mesh", "mesh-host", "mesh-mesh", "other-protocol"],
)
def test_only_host_ports_may_be_shared(held: PortConfig, asked: PortConfig, clash: bool) -> None:
    action = written(service("a", held, holds=[held]), service("b", asked))["b"]
    assert bool(action.error) is clash


def test_a_dynamic_port_stays_when_other_ports_are_added() -> None:
    row = service("web", mesh(8080, target=90), mesh(), holds=[mesh(30007)])
    assert published(written(row)["web"]) == [8080, 30007]


def test_an_update_to_a_taken_port_keeps_what_the_service_had() -> None:
    owner = service("db", mesh(80), holds=[mesh(80)])
    row = service("web", mesh(80), holds=[mesh(8080)])
    action = written(owner, row)["web"]
    assert published(action) == [8080]
    assert action.error


def test_when_no_dynamic_port_is_left_the_service_is_told() -> None:
    full = service("full", *map(mesh, DYNAMIC), holds=list(map(mesh, DYNAMIC)))
    action = written(full, service("web", mesh()))["web"]
    assert action.error == "no port from 30000 to 32767 is free for port 80"


ASKS = st.lists(
    st.builds(
        lambda make, number, target: make(number, target=target),
        st.sampled_from([mesh, host]),
        st.sampled_from([0, 0, 80, 81, 30000, 30001]),
        st.integers(1, 3),
    ),
    max_size=3,
    unique_by=lambda port: port.published or -port.target,
)


def write(services: Sequence[Service]) -> None:
    for action in allocate_ports(services):
        row = next(row for row in services if row.id == action.service_id)
        del row.ports[:]
        row.ports.extend(action.ports)
        row.ports_allocated = not action.error
        row.allocation_error = action.error


@given(asks=st.lists(ASKS, max_size=5))
def test_no_mesh_port_is_ever_given_twice(asks: list[list[PortConfig]]) -> None:
    services = [service(f"s{i}", *of_one) for i, of_one in enumerate(asks)]
    write(services)
    write(services)
    held: dict[int, list[PortConfig]] = {}
    for row in services:
        assert is_allocated(row) or row.allocation_error
        for port in row.ports:
            assert port.published
            held.setdefault(port.published, []).append(port)
    for ports in held.values():
        assert len(ports) == 1 or all(port.mode == host().mode for port in ports)
    assert list(allocate_ports(services)) == [], "what was decided twice holds"
