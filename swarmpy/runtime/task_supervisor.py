"""Runs one task's process, keeps its output and writes down how it ended. Standard library alone:

    python -I -S task_supervisor.py TASK_DIRECTORY

It outlives the agent that started it. Input: `launch.json`. Output, each written whole or not at
all: `started.json` (pids) once the process runs, `exit.json` once it has ended; and `log`, with a
line of output each: milliseconds, o or e (stdout or stderr), text. A large `log` becomes `log.1`.
"""

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import time

NOT_FOR_US = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""The task is told, not we."""
LOG_BYTES_MAX = 5 << 20
LINE_BYTES_MAX = 16 << 10
"""Longer lines are cut into pieces of this size."""
DRAIN_S = 1.0
"""How long output is read after the end, from children that hold the pipes."""


def write_whole(path: str, value: dict[str, object]) -> None:
    with open(path + ".new", "w", encoding="utf-8") as file:  # noqa: PTH123  pathlib loads slowly
        json.dump(value, file)
        file.flush()
        os.fsync(file.fileno())
    os.rename(path + ".new", path)  # noqa: PTH104


class Log:
    """Lines of both streams in one file, the newest few megabytes of them."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._file = open(path, "ab")  # noqa: PTH123, SIM115  open for as long as we live
        self._size = self._file.tell()
        self._rest = {"o": b"", "e": b""}

    def feed(self, stream: str, data: bytes) -> None:
        lines = (self._rest[stream] + data).split(b"\n")
        self._rest[stream] = lines.pop()
        while len(self._rest[stream]) > LINE_BYTES_MAX:
            lines.append(self._rest[stream][:LINE_BYTES_MAX])
            self._rest[stream] = self._rest[stream][LINE_BYTES_MAX:]
        if lines:
            self._write(stream, lines)

    def end(self) -> None:
        for stream, rest in self._rest.items():
            if rest:
                self._write(stream, [rest])

    def _write(self, stream: str, lines: list[bytes]) -> None:
        head = b"%d %s " % (time.time_ns() // 1_000_000, stream.encode())
        data = b"".join(head + line + b"\n" for line in lines)
        with contextlib.suppress(OSError):  # a full disk must not end the task
            self._file.write(data)
            self._file.flush()
            self._size += len(data)
            if self._size > LOG_BYTES_MAX:
                os.rename(self._path, self._path + ".1")  # noqa: PTH104
                self._file.close()
                self._file = open(self._path, "ab")  # noqa: PTH123, SIM115
                self._size = 0


def launch(wanted: dict[str, object]) -> subprocess.Popen[bytes]:
    """Start the process in a session of its own, within its control groups and limits."""

    def enter() -> None:
        for number in NOT_FOR_US:  # what is ignored would stay so in the task
            signal.signal(number, signal.SIG_DFL)
        for procs in wanted["cgroups"]:  # type: ignore[attr-defined]
            with open(procs, "w", encoding="ascii") as file:  # noqa: PTH123
                file.write("0")
        if wanted["address_space_bytes"]:
            import resource  # noqa: PLC0415  only where there are no control groups

            limit = int(wanted["address_space_bytes"])  # type: ignore[call-overload]
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

    return subprocess.Popen(  # type: ignore[no-any-return]
        wanted["argv"],  # type: ignore[call-overload]
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=wanted["working_dir"],
        env=wanted["environment"],
        user=wanted["uid"],
        group=wanted["gid"],
        extra_groups=None if wanted["uid"] is None else [],
        start_new_session=True,
        preexec_fn=enter,  # noqa: PLW1509  one thread runs here
    )


def relay(process: subprocess.Popen[bytes], log: Log) -> None:
    """Keep the output until the process has ended and its pipes are closed, or nearly."""
    assert process.stdout is not None
    assert process.stderr is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ, "o")
        selector.register(process.stderr, selectors.EVENT_READ, "e")
        give_up_at = None
        while selector.get_map():
            for key, _ in selector.select(0.2 if give_up_at is None else 0.05):
                data = os.read(key.fd, 1 << 16)
                if data:
                    log.feed(key.data, data)
                else:
                    selector.unregister(key.fileobj)
            if process.poll() is not None:
                if give_up_at is None:
                    give_up_at = time.monotonic() + DRAIN_S
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(process.pid, signal.SIGKILL)  # what it left behind
                elif time.monotonic() > give_up_at:
                    break
    log.end()


def main() -> None:
    directory = sys.argv[1]
    if os.fork():
        os._exit(0)  # whoever started us has nothing to wait for
    os.setsid()
    for number in NOT_FOR_US:
        signal.signal(number, signal.SIG_IGN)
    with open(f"{directory}/launch.json", encoding="utf-8") as file:  # noqa: PTH123
        wanted = json.load(file)
    try:
        process = launch(wanted)
    except (OSError, subprocess.SubprocessError) as error:
        write_whole(f"{directory}/exit.json", {"code": 127, "refused": str(error)})
        return
    write_whole(
        f"{directory}/started.json",
        {"pid": process.pid, "supervisor": os.getpid(), "at_ms": time.time_ns() // 1_000_000},
    )
    relay(process, Log(f"{directory}/log"))
    code = process.wait()
    write_whole(f"{directory}/exit.json", {"code": code if code >= 0 else 128 - code})


if __name__ == "__main__":
    main()
