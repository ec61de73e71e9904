"""Keeps a key in the kernel's keyring of this user: never on a disk, gone with the next boot.

Source: keyctl(2), add_key(2), user-keyring(7). The system calls themselves, for neither the
`keyctl` program nor its library is on every machine.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
from typing import Final

from swarmpy.errors import WrongState

_NUMBERS: Final = {"x86_64": (248, 250), "aarch64": (217, 219), "riscv64": (217, 219)}
"""(add_key, keyctl)."""
_USER_KEYRING: Final = -4
_SETPERM: Final = 5
_UNLINK: Final = 9
_SEARCH: Final = 10
_READ: Final = 11
_FOR_US: Final = 0x3F3F0000
"""All for who possesses the key and for its user: a service's session possesses nothing."""
_BYTES_MAX: Final = 4096


def put(name: str, key: bytes) -> None:
    """Keep a key under a name; what was there before is replaced. Raises WrongState."""
    add_key, keyctl = _numbers()
    try:
        serial = _call(add_key, b"user", name.encode(), key, len(key), _USER_KEYRING)
        _call(keyctl, _SETPERM, serial, _FOR_US)
    except OSError as error:
        raise _refused(error) from error


def find(name: str) -> bytes | None:
    """Return the key of a name; None when there is none. Raises WrongState."""
    serial = _search(name)
    if serial is None:
        return None
    buffer = ctypes.create_string_buffer(_BYTES_MAX)
    size = _call(_numbers()[1], _READ, serial, buffer, _BYTES_MAX)
    return buffer.raw[:size]


def remove(name: str) -> None:
    """Forget a key; nothing happens when there is none. Raises WrongState."""
    serial = _search(name)
    if serial is not None:
        _call(_numbers()[1], _UNLINK, serial, _USER_KEYRING)


def _search(name: str) -> int | None:
    try:
        return _call(_numbers()[1], _SEARCH, _USER_KEYRING, b"user", name.encode(), 0)
    except OSError as error:
        if error.errno in {errno.ENOKEY, errno.EKEYREVOKED, errno.EKEYEXPIRED}:
            return None
        raise _refused(error) from error


def _numbers() -> tuple[int, int]:
    machine = platform.machine()
    if machine not in _NUMBERS:
        raise WrongState(
            f"the kernel's keyring cannot be used on {machine}",
            remedy="choose another source: --key-source file, systemd or passphrase",
        )
    return _NUMBERS[machine]


def _call(number: int, *arguments: object) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    passed = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    result: int = libc.syscall(ctypes.c_long(number), *passed)
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def _refused(error: OSError) -> WrongState:
    return WrongState(
        f"the kernel's keyring cannot be used: {error.strerror}",
        remedy="choose another source: --key-source file, systemd or passphrase",
    )
