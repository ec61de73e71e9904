"""What people type is read as they mean it, or refused with an example."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from swarmpy.cli import arguments, file_flags
from swarmpy.pb.types_pb2 import (
    FILE_CHANGE_LIVE,
    MOUNT_TYPE_BIND,
    MOUNT_TYPE_TMPFS,
    MOUNT_TYPE_VOLUME,
    PROTOCOL_UDP,
    PUBLISH_MODE_HOST,
    Mount,
    PortConfig,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90.0),
        ("1.5", 1.5),
        ("90s", 90.0),
        ("1h30m", 5400.0),
        ("500ms", 0.5),
        ("2m500ms", 120.5),
        ("1d", 86400.0),
        ("0", 0.0),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert arguments.duration_s(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("text", "size"),
    [("512m", 512 << 20), ("512MiB", 512 << 20), ("1.5g", 3 << 29), ("100", 100), ("4kb", 4096)],
)
def test_sizes(text: str, size: int) -> None:
    assert arguments.size_bytes(text) == size


@pytest.mark.parametrize(
    ("text", "port"),
    [
        ("80", PortConfig(target=80)),
        ("8080:80", PortConfig(published=8080, target=80)),
        ("8080:80/tcp", PortConfig(published=8080, target=80)),
        ("53:53/udp", PortConfig(published=53, target=53, protocol=PROTOCOL_UDP)),
        ("443:443@host", PortConfig(published=443, target=443, mode=PUBLISH_MODE_HOST)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_ports(text: str, port: PortConfig) -> None:
    assert arguments.port(text) == port


@pytest.mark.parametrize(
    ("text", "mount"),
    [
        ("data:/var/data", Mount(type=MOUNT_TYPE_VOLUME, source="data", target="/var/data")),
        ("/etc:/etc:ro", Mount(type=MOUNT_TYPE_BIND, source="/etc", target="/etc", read_only=True)),
        (
            "type=tmpfs,target=/tmp,tmpfs-size=64m",
            Mount(type=MOUNT_TYPE_TMPFS, target="/tmp", tmpfs_bytes=64 << 20),
        ),
        (
            "type=volume,source=a,target=/b,readonly",
            Mount(type=MOUNT_TYPE_VOLUME, source="a", target="/b", read_only=True),
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_mounts(text: str, mount: Mount) -> None:
    assert arguments.mount(text) == mount


@pytest.mark.parametrize(
    ("read", "text", "hint"),
    [
        (arguments.duration_s, "soon", "1h30m"),
        (arguments.duration_s, "", "1h30m"),
        (arguments.duration_s, "-5", "1h30m"),
        (arguments.size_bytes, "big", "512m"),
        (arguments.nano_cpus, "two", "0.5"),
        (arguments.port, "http", "8080:80"),
        (arguments.port, "0:80", "1 to 65535"),
        (arguments.port, "70000:80", "1 to 65535"),
        (arguments.port, "80/sctp", "tcp or udp"),
        (arguments.port, "80@everywhere", "mesh or host"),
        (arguments.pair, "novalue", "KEY=VALUE"),
        (arguments.pair, "=x", "KEY=VALUE"),
        (arguments.mount, "data", "absolute"),
        (arguments.mount, "data:relative", "absolute"),
        (arguments.mount, "type=bind,source=rel,target=/x", "absolute path of the node"),
        (arguments.mount, "type=tmpfs,source=x,target=/x", "tmpfs has none"),
        (arguments.mount, "kind=x", "type=volume|bind|tmpfs"),
        (file_flags.config_reference, "a:relative", "NAME[:/PATH]"),
        (file_flags.config_reference, "a,uid=me", "uid=N"),
        (file_flags.config_reference, "a,mode=9", "mode=0440"),
        (file_flags.config_reference, "a,live=yes", "live"),
        (file_flags.environment_source, "motd", "config|secret:NAME"),
        (file_flags.environment_source, "config:motd,x=y", "prefix=TEXT"),
        (arguments.attachment, ":alias", "NAME:ALIAS"),
    ],
    ids=lambda value: value if isinstance(value, str) else getattr(value, "__name__", ""),
)
def test_mistakes_are_usage_errors_that_show_how(
    read: Callable[[str], Any], text: str, hint: str
) -> None:
    with pytest.raises(typer.BadParameter) as caught:
        read(text)
    assert hint in caught.value.message


@given(st.text(max_size=20))
def test_nothing_that_is_typed_crashes_the_readers(text: str) -> None:
    for read in (
        arguments.duration_s,
        arguments.size_bytes,
        arguments.nano_cpus,
        arguments.port,
        arguments.pair,
        arguments.mount,
        file_flags.config_reference,
        file_flags.environment_source,
        arguments.attachment,
    ):
        with contextlib.suppress(typer.BadParameter):
            read(text)


def test_a_config_lies_in_the_root_and_a_secret_in_run_secrets() -> None:
    assert file_flags.config_reference("motd").target == "/motd"
    assert file_flags.secret_reference("key").target == "/run/secrets/key"
    assert file_flags.secret_reference("key:/etc/key").target == "/etc/key"


def test_a_reference_says_which_key_which_version_and_what_a_change_does() -> None:
    read = file_flags.config_reference
    one = read("motd:/etc/motd,key=text,live,uid=7,gid=8,mode=0440")
    assert (one.name, one.target, one.key) == ("motd", "/etc/motd", "text")
    assert (one.on_change, one.uid, one.gid, one.mode) == (FILE_CHANGE_LIVE, 7, 8, 0o440)
    assert read("motd,version=3").version == 3


def test_environment_comes_from_one_key_or_from_all() -> None:
    one = file_flags.environment_source("secret:db,key=password,variable=DB_PASSWORD")
    assert (one.variable, one.secret.name, one.secret.key) == ("DB_PASSWORD", "db", "password")
    assert file_flags.environment_source("config:db,key=HOST").variable == "HOST"
    many = file_flags.environment_source("config:db,prefix=DB_,optional")
    assert (many.variable, many.prefix, many.optional) == ("", "DB_", True)
