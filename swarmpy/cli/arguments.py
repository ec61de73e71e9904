"""Reads what people type: durations, sizes, ports, labels, mounts. A mistake is a usage error."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

import typer

from swarmpy.core.schedule.taint import EFFECTS
from swarmpy.manifest import units
from swarmpy.pb.specs_pb2 import NetworkAttachment
from swarmpy.pb.types_pb2 import (
    MOUNT_TYPE_BIND,
    MOUNT_TYPE_TMPFS,
    MOUNT_TYPE_VOLUME,
    PROTOCOL_TCP,
    PROTOCOL_UDP,
    PUBLISH_MODE_HOST,
    PUBLISH_MODE_MESH,
    Budget,
    Mount,
    PortConfig,
    Taint,
)

_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+)ms)?")
_DURATION_UNITS_S = (86400.0, 3600.0, 60.0, 1.0, 0.001)
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(?:([kmgt])(?:i?b)?|b)?", re.IGNORECASE)
_SIZE_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_PORT = re.compile(r"(?:(\d+):)?(\d+)(?:/(\w+))?(?:@(\w+))?")
_PROTOCOLS = {"tcp": PROTOCOL_TCP, "udp": PROTOCOL_UDP}
_MODES = {"mesh": PUBLISH_MODE_MESH, "host": PUBLISH_MODE_HOST}
_MOUNT_TYPES = {
    "volume": MOUNT_TYPE_VOLUME,
    "bind": MOUNT_TYPE_BIND,
    "tmpfs": MOUNT_TYPE_TMPFS,
}


def duration_s(text: str) -> float:
    """Return seconds; a bare number is seconds."""
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    match = _DURATION.fullmatch(text)
    if not text or match is None:
        raise typer.BadParameter(f"{text!r} is not a duration; write 90s, 1h30m or 500ms")
    return sum(
        float(number) * unit_s
        for number, unit_s in zip(match.groups(), _DURATION_UNITS_S, strict=True)
        if number
    )


def budget(text: str) -> Budget:
    """Return a number of tasks, or a share of them: "3" or "25%"."""
    found = units.budget(text)
    if found is None:
        raise typer.BadParameter(f"{text!r} is no number of tasks; write 3 or 25%")
    return found


def ratio(text: str) -> float:
    """Return a share: 0.7 for "70%" or "0.7"."""
    found = units.ratio(text)
    if found is None:
        raise typer.BadParameter(f"{text!r} is no share; write 70% or 0.7")
    return found


def size_bytes(text: str) -> int:
    """Return bytes; k, m, g and t are powers of 1024."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise typer.BadParameter(f"{text!r} is not a size; write 512m or 1.5g")
    return round(float(match[1]) * _SIZE_UNITS[(match[2] or "").lower()])


def nano_cpus(text: str) -> int:
    """Return billionths of a core."""
    if not re.fullmatch(r"\d+(\.\d+)?", text):
        raise typer.BadParameter(f"{text!r} is not a number of cores; write 0.5 or 2")
    return round(float(text) * 1_000_000_000)


def port(text: str) -> PortConfig:
    """Return the port of `[PUBLISHED:]TARGET[/udp][@host]`; without PUBLISHED one is chosen."""
    match = _PORT.fullmatch(text)
    if match is None:
        raise typer.BadParameter(f"{text!r} is not a port; write 8080:80, 53:53/udp or 80@host")
    published, target, protocol, mode = match.groups()
    if (protocol or "tcp").lower() not in _PROTOCOLS:
        raise typer.BadParameter(f"{text!r}: the protocol is tcp or udp, not {protocol}")
    if (mode or "mesh").lower() not in _MODES:
        raise typer.BadParameter(f"{text!r}: the mode is mesh or host, not {mode}")
    return PortConfig(
        published=_port_number(published, text) if published else 0,
        target=_port_number(target, text),
        protocol=_PROTOCOLS[(protocol or "tcp").lower()],
        mode=_MODES[(mode or "mesh").lower()],
    )


def _port_number(digits: str, whole: str) -> int:
    number = int(digits)
    if not 0 < number < 65536:
        raise typer.BadParameter(f"{whole!r}: a port is a number from 1 to 65535")
    return number


def pair(text: str) -> tuple[str, str]:
    """Return key and value of `KEY=VALUE`; the value may be empty, the key may not."""
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise typer.BadParameter(f"{text!r} is not KEY=VALUE")
    return key, value


def pairs(texts: list[str]) -> dict[str, str]:
    """Return a mapping of several `KEY=VALUE`; of equal keys the last counts."""
    return dict(pair(text) for text in texts)


def counts(texts: list[str]) -> dict[str, int]:
    """Return a mapping of several `KIND=NUMBER`."""
    found = pairs(texts)
    for kind, number in found.items():
        if not re.fullmatch(r"\d{1,9}", number):
            raise typer.BadParameter(f"'{kind}={number}' is not KIND=NUMBER; write gpu=2")
    return {kind: int(number) for kind, number in found.items()}


def taint(text: str) -> Taint:
    """Return the taint of `KEY[=VALUE]:EFFECT`."""
    rest, colon, effect = text.rpartition(":")
    key, _, value = rest.partition("=")
    if not colon or not key or effect not in EFFECTS:
        raise typer.BadParameter(
            f"{text!r} is not a taint; write dedicated=db:no-schedule, with the effect "
            f"{', '.join(EFFECTS)}"
        )
    return Taint(key=key, value=value, effect=EFFECTS[effect])


def mount(text: str) -> Mount:
    """Return the mount of `SOURCE:TARGET[:ro]` or `type=...,source=...,target=...[,readonly]`."""
    return _long_mount(text) if "=" in text else _short_mount(text)


def _short_mount(text: str) -> Mount:
    source, _, rest = text.partition(":")
    target, _, mode = rest.partition(":")
    if not source or mode not in {"", "ro", "rw"}:
        raise typer.BadParameter(
            f"{text!r} is not a mount; write data:/var/lib/data or /etc:/etc:ro"
        )
    kind = MOUNT_TYPE_BIND if source.startswith("/") else MOUNT_TYPE_VOLUME
    return _checked_mount(
        Mount(type=kind, source=source, target=target, read_only=mode == "ro"), text
    )


def _long_mount(text: str) -> Mount:
    result = Mount()
    for part in text.split(","):
        key, _, value = part.partition("=")
        match key:
            case "type" if value in _MOUNT_TYPES:
                result.type = _MOUNT_TYPES[value]
            case "source" | "src":
                result.source = value
            case "target" | "dst":
                result.target = value
            case "readonly" | "ro" if value in {"", "true", "false"}:
                result.read_only = value != "false"
            case "tmpfs-size":
                result.tmpfs_bytes = size_bytes(value)
            case _:
                raise typer.BadParameter(
                    f"{text!r}: {part!r} is none of type=volume|bind|tmpfs, source=, target=, "
                    "readonly, tmpfs-size="
                )
    return _checked_mount(result, text)


def _checked_mount(result: Mount, text: str) -> Mount:
    if not PurePosixPath(result.target).is_absolute():
        raise typer.BadParameter(f"{text!r}: the target is an absolute path in the container")
    if result.type == MOUNT_TYPE_BIND and not PurePosixPath(result.source).is_absolute():
        raise typer.BadParameter(f"{text!r}: a bind mount's source is an absolute path of the node")
    if (result.type == MOUNT_TYPE_TMPFS) == bool(result.source):
        raise typer.BadParameter(f"{text!r}: a volume needs a source, and tmpfs has none")
    return result


def attachment(text: str) -> NetworkAttachment:
    """Return the network of `NAME[:ALIAS[,ALIAS...]]`."""
    name, _, aliases = text.partition(":")
    if not name:
        raise typer.BadParameter(f"{text!r} is not NAME or NAME:ALIAS")
    return NetworkAttachment(network=name, aliases=[alias for alias in aliases.split(",") if alias])
