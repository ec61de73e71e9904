"""fdatasync by the kernel's own queue (Linux AIO): beside the loop without a thread.

A thread has to get the interpreter's lock before it can sync and again after it has, each time
against a loop that is busy with turns. The kernel needs neither: one call hands it the file,
and an eventfd wakes the loop.  Source: io_submit(2), linux/aio_abi.h, IOCB_CMD_FDSYNC.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import platform
import struct
import weakref
from typing import Final, Self

_IOCB: Final = struct.Struct("=QIIHhIQQqQII")
_EVENT: Final = struct.Struct("=QQqq")
_FDSYNC: Final = 3
_TELL_EVENTFD: Final = 1
_PLACES: Final = 16
"""Syncs at once; the log needs one, a snapshot another."""
_CALLS: Final = {"x86_64": (206, 207, 208, 209), "aarch64": (0, 1, 4, 2)}
"""Numbers of io_setup, io_destroy, io_getevents and io_submit."""


class KernelSync:
    """One event loop's queue. It is given back with the last reference to it."""

    def __init__(self, calls: tuple[int, int, int, int], context: int) -> None:
        _, self._destroy, self._getevents, self._submit = calls
        self._context = ctypes.c_ulong(context)
        self._loop = asyncio.get_running_loop()
        self._eventfd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._iocb = ctypes.create_string_buffer(_IOCB.size)
        self._pointers = (ctypes.c_void_p * 1)(ctypes.addressof(self._iocb))
        """What the kernel is told, and where it is. It has copied it when the call returns."""
        self._events = ctypes.create_string_buffer(_EVENT.size * _PLACES)
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._number = 0
        self._loop.add_reader(self._eventfd, self._done)
        weakref.finalize(self, _give_back, self._eventfd, self._destroy, context)

    @classmethod
    def open(cls) -> Self | None:
        """Return a queue for the running loop; None where the kernel has none for us."""
        calls = _CALLS.get(platform.machine())
        context = ctypes.c_ulong(0)
        if calls is None or _syscall(calls[0], _PLACES, ctypes.byref(context)) < 0:
            return None
        return cls(calls, context.value)

    def fdatasync(self, descriptor: int) -> asyncio.Future[None] | None:
        """Return a future that is done when what was written to the file is durable.

        It fails with the OSError of the sync. None when this file cannot be synced this way,
        or too many are: nothing has been begun then. The descriptor may be closed meanwhile.
        """
        self._number += 1
        flags, eventfd = _TELL_EVENTFD, self._eventfd
        _IOCB.pack_into(
            self._iocb, 0, self._number, 0, 0, _FDSYNC, 0, descriptor, 0, 0, 0, 0, flags, eventfd
        )
        if len(self._waiting) == _PLACES:
            return None
        if _syscall(self._submit, self._context, 1, self._pointers) < 1:
            return None
        durable = self._loop.create_future()
        self._waiting[self._number] = durable
        return durable

    def _done(self) -> None:
        """Tell whoever waits; called by the loop."""
        try:
            os.read(self._eventfd, 8)
        except BlockingIOError:
            return
        count = _syscall(self._getevents, self._context, 0, _PLACES, self._events, None)
        for position in range(count):
            number, _, result, _ = _EVENT.unpack_from(self._events, position * _EVENT.size)
            durable = self._waiting.pop(number)
            if durable.done():
                continue
            if result < 0:
                durable.set_exception(OSError(-result, os.strerror(-result)))
            else:
                durable.set_result(None)


_libc: Final = ctypes.CDLL(None, use_errno=True)


def _syscall(number: int, *arguments: object) -> int:
    return int(_libc.syscall(ctypes.c_long(number), *arguments))


def _give_back(eventfd: int, destroy: int, context: int) -> None:
    _syscall(destroy, ctypes.c_ulong(context))
    os.close(eventfd)
