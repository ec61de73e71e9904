"""Reads probes and hooks that people type: "period=2s,http:8080/ready", "exec:pg_isready -q".

What is to be done comes last, since a command may hold anything.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import Any

import typer

from swarmpy.cli.arguments import duration_s
from swarmpy.pb.types_pb2 import ExecAction, GrpcAction, Hook, HttpAction, Probe, TcpAction

SHAPE = "[KEY=VALUE,...]http:PORT/PATH, https:PORT/PATH, tcp:PORT, grpc:PORT or exec:COMMAND"
HOOK_SHAPE = "http:PORT/PATH, https:PORT/PATH or exec:COMMAND"
_KEYS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "delay": ("initial_delay_s", duration_s),
    "period": ("period_s", duration_s),
    "timeout": ("timeout_s", duration_s),
    "failures": ("failure_threshold", int),
    "successes": ("success_threshold", int),
    "grace": ("grace_s", duration_s),
}


def probe(text: str) -> Probe:
    """Raises typer.BadParameter, as all here do."""
    read = Probe()
    options, kind, what = _split(text)
    for option in options:
        key, _, value = option.partition("=")
        if key not in _KEYS:
            known = ", ".join(_KEYS)
            raise typer.BadParameter(f"{option!r} in {text!r} is none of {known} with its value")
        field, meaning = _KEYS[key]
        try:
            setattr(read, field, meaning(value))
        except ValueError:
            raise typer.BadParameter(f"{option!r} in {text!r} is no number") from None
    match kind:
        case "http" | "https":
            read.http_get.CopyFrom(_http(kind, what, text))
        case "tcp":
            read.tcp_socket.CopyFrom(TcpAction(port=_port(what, text)))
        case "grpc":
            port, _, service = what.partition("/")
            read.grpc.CopyFrom(GrpcAction(port=_port(port, text), service=service))
        case "exec":
            read.exec.CopyFrom(_exec(what, text))
        case _:
            raise typer.BadParameter(f"{text!r} is no probe: write {SHAPE}")
    return read


def hook(text: str) -> Hook:
    options, kind, what = _split(text)
    if options or kind not in {"http", "https", "exec"}:
        raise typer.BadParameter(f"{text!r} is no hook: write {HOOK_SHAPE}")
    if kind == "exec":
        return Hook(exec=_exec(what, text))
    return Hook(http_get=_http(kind, what, text))


def _split(text: str) -> tuple[list[str], str, str]:
    """Return the options, what kind of action it is, and which."""
    head, _, what = text.partition(":")
    *options, kind = head.split(",")
    return options, kind, what


def _http(kind: str, what: str, text: str) -> HttpAction:
    port, slash, path = what.partition("/")
    return HttpAction(port=_port(port, text), path=slash + path, tls=kind == "https")


def _exec(what: str, text: str) -> ExecAction:
    try:
        command = shlex.split(what)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r}: {error}") from None
    if not command:
        raise typer.BadParameter(f"{text!r} names no command")
    return ExecAction(command=command)


def _port(word: str, text: str) -> int:
    if not word.isdecimal() or not 0 < int(word) < 65536:
        raise typer.BadParameter(f"{word!r} in {text!r} is no port")
    return int(word)
