"""The image of a pod's sandbox, made here: no registry is asked for it.

Its only file is a program that sleeps until it is told to end, so small that its bytes can be
read: an ELF header, one program header, and these instructions.

    rt_sigaction(SIGTERM, exit_now)    the first process of a container ignores a signal that it
    rt_sigaction(SIGINT, exit_now)     has no handler for
    again: pause(); goto again
    exit_now: exit(0)

Sources: elf(5); System V ABI, x86-64 and AArch64; signal(7); the kernel's struct sigaction.
"""

from __future__ import annotations

import io
import struct
import tarfile

IMAGE = "swarmpy-pause:1"
PROGRAM = "pause"
_BASE = 0x400000
_HEADERS_BYTES = 64 + 56
_MACHINES = {"x86_64": 62, "aarch64": 183}
"""e_machine; named as `uname -m` and engines do."""
_SIGNALS = (15, 2)
_SA_RESTORER = 0x04000000


def pause_program(machine: str) -> bytes:
    """Return the program for "x86_64" or "aarch64". Raises KeyError for others."""
    build = {"x86_64": _x86_64, "aarch64": _aarch64}[machine]
    code, data = build()
    size = _HEADERS_BYTES + len(code) + len(data)
    header = struct.pack(
        "<16sHHIQQQIHHHHHH",
        b"\x7fELF\x02\x01\x01",  # 64 bits, little-endian
        2,  # an executable
        _MACHINES[machine],
        1,
        _BASE + _HEADERS_BYTES,  # where it begins
        64,  # where the program header is
        0, 0, 64, 56, 1, 64, 0, 0,
    )  # fmt: skip
    # One segment, the whole file, readable and executable.
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, _BASE, _BASE, size, size, 0x10000)
    return header + segment + code + data


def image_tar(machine: str) -> bytes:
    """Return a root file system for the engine to import. Equal machines, equal bytes."""
    program = pause_program(machine)
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        entry = tarfile.TarInfo(PROGRAM)
        entry.size, entry.mode = len(program), 0o755
        tar.addfile(entry, io.BytesIO(program))
    return out.getvalue()


def _x86_64() -> tuple[bytes, bytes]:
    """Return code and data. System calls: rax names it; rdi, rsi, rdx, r10 are its arguments."""
    # mov eax, 13 (rt_sigaction); mov edi, SIGNAL; mov esi, ACTION; xor edx, edx (no old action);
    # mov r10d, 8 (bytes of a set of signals); syscall
    install = b"\xb8\x0d\x00\x00\x00\xbf%b\xbe%b\x31\xd2\x41\xba\x08\x00\x00\x00\x0f\x05"
    install_bytes = 25 * len(_SIGNALS)
    loop = (
        b"\xb8\x22\x00\x00\x00"  # mov eax, 34           pause
        + b"\x0f\x05"  # syscall
        + b"\xeb\xf7"  # jmp back 9 bytes
    )
    end = (
        b"\xb8\x3c\x00\x00\x00"  # mov eax, 60           exit
        + b"\x31\xff"  # xor edi, edi
        + b"\x0f\x05"  # syscall
    )
    end_at = _BASE + _HEADERS_BYTES + install_bytes + len(loop)
    action_at = struct.pack("<I", end_at + len(end))
    installs = b"".join(install % (struct.pack("<I", number), action_at) for number in _SIGNALS)
    assert len(installs) == install_bytes, "what comes after it is counted from here"
    # struct sigaction: handler, flags, restorer (never returned to), mask
    action = struct.pack("<QQQQ", end_at, _SA_RESTORER, end_at, 0)
    return installs + loop + end, action


def _aarch64() -> tuple[bytes, bytes]:
    """Return code and data. System calls: x8 names it; x0 to x5 are its arguments."""
    count = len(_SIGNALS) * 7
    end_at = _HEADERS_BYTES + 4 * (count + 7)
    action_at = end_at + 4 * 3
    words: list[int] = []

    def mov(register: int, value: int) -> None:
        words.append(0xD2800000 | (value << 5) | register)  # movz xN, #value

    def svc() -> None:
        words.append(0xD4000001)

    for number in _SIGNALS:
        mov(8, 134)  # rt_sigaction
        mov(0, number)
        offset = action_at - (_HEADERS_BYTES + 4 * len(words))
        words.append(0x10000000 | ((offset & 3) << 29) | ((offset >> 2) << 5) | 1)  # adr x1
        mov(2, 0)
        mov(3, 8)
        svc()
        words.append(0xD503201F)  # nop
    mov(8, 73)  # ppoll(NULL, 0, NULL, NULL): this machine has no pause
    for register in (0, 1, 2, 3):
        mov(register, 0)
    svc()
    words.append(0x14000000 | (-6 & 0x3FFFFFF))  # b back 6 instructions
    mov(8, 93)  # exit
    mov(0, 0)
    svc()
    # struct sigaction: handler, flags, restorer (the kernel has its own), mask
    action = struct.pack("<QQQQ", _BASE + end_at, 0, 0, 0)
    return b"".join(struct.pack("<I", word) for word in words), action
