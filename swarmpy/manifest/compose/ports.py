"""Published ports: "8080:80", "8000-8002:9000-9002/udp", or a mapping."""

from __future__ import annotations

from collections.abc import Iterator

from swarmpy.manifest.reader import Reader, as_text
from swarmpy.manifest.tree import Fields, Value
from swarmpy.manifest.units import port_range
from swarmpy.pb.types_pb2 import (
    PROTOCOL_TCP,
    PROTOCOL_UDP,
    PUBLISH_MODE_HOST,
    PUBLISH_MODE_MESH,
    PortConfig,
)

PROTOCOLS = {"tcp": PROTOCOL_TCP, "udp": PROTOCOL_UDP}
MODES = {
    "ingress": PUBLISH_MODE_MESH,
    "mesh": PUBLISH_MODE_MESH,
    "host": PUBLISH_MODE_HOST,
}
SHAPE = "[PUBLISHED:]TARGET[/tcp|udp]"


def read_ports(service: Reader) -> list[PortConfig]:
    ports: list[PortConfig] = []
    for path, item in service.items("ports"):
        if isinstance(item, Fields):
            ports.extend(_long(Reader(item, path, service.problems)))
        else:
            ports.extend(_short(item, path, service))
    return ports


def _short(item: Value, path: str, service: Reader) -> Iterator[PortConfig]:
    text = as_text(item, path, service.problems)
    if text is None:
        return
    where, slash, protocol = text.partition("/")
    address, _, target = where.rpartition(":")
    host, _, published = address.rpartition(":")
    fault = ""
    if host:
        fault = "a port of the mesh answers on every address: leave the address out"
    elif slash and protocol not in PROTOCOLS:
        fault = f"protocol {protocol!r} is not tcp or udp"
    pairs = _pairs(published, target)
    if fault or pairs is None:
        service.problems.add(item.place, path, f"found {text!r}", SHAPE, fault)
        return
    for one_published, one_target in pairs:
        yield PortConfig(
            protocol=PROTOCOLS[protocol or "tcp"], target=one_target, published=one_published
        )


def _pairs(published: str, target: str) -> list[tuple[int, int]] | None:
    """Return (published, target) for each port, 0 for one to be chosen; None when unclear."""
    targets = port_range(target)
    if targets is None:
        return None
    if not published:
        return [(0, port) for port in targets]
    publish = port_range(published)
    if publish is None or len(publish) != len(targets):
        return None
    return list(zip(publish, targets, strict=True))


def _long(port: Reader) -> Iterator[PortConfig]:
    target = port.integer("target", least=1)
    published = port.text("published")
    pairs = _pairs(published, str(target))
    if pairs is None and target:
        port.fault("published", f"found {published!r}", "a port from 1 to 65535")
    if not port.has("target"):
        port.fault("target", "is missing", "the port inside the container")
    config = PortConfig(
        name=port.text("name"),
        protocol=port.choice("protocol", PROTOCOLS, PROTOCOL_TCP),
        mode=port.choice("mode", MODES, PUBLISH_MODE_MESH),
    )
    port.done({"host_ip": "a port of the mesh answers on every address"})
    for one_published, one_target in pairs or ():
        config.published, config.target = one_published, one_target
        yield config
