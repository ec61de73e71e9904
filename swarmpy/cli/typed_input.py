"""Reads what somebody types, or pipes in, without a thread that would outlive the command."""

from __future__ import annotations

import asyncio
import os
import sys
import termios
import tty
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

PIECE_BYTES = 32 * 1024


async def typed() -> AsyncIterator[bytes]:
    """Yield stdin until its end. Runs on the loop that iterates it."""
    descriptor = sys.stdin.fileno()
    while data := await _read(descriptor):
        yield data


async def _read(descriptor: int) -> bytes:
    """Return some bytes, b"" at the end; files, which are always ready, are read at once."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    try:
        loop.add_reader(descriptor, ready.set)
    except PermissionError:
        return os.read(descriptor, PIECE_BYTES)
    try:
        await ready.wait()
        return os.read(descriptor, PIECE_BYTES)
    finally:
        loop.remove_reader(descriptor)


@contextmanager
def raw_terminal(wanted: bool) -> Iterator[None]:
    """Hand each key on as it is typed, Ctrl-C too, within a block; only on a terminal."""
    if not (wanted and sys.stdin.isatty()):
        yield
        return
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    tty.setraw(descriptor)
    try:
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
