from __future__ import annotations

import io
import platform
import signal
import subprocess
import tarfile
from pathlib import Path

import pytest

from swarmpy.runtime.pause_image import image_tar, pause_program


@pytest.mark.skipif(
    platform.machine() not in {"x86_64", "aarch64"}, reason="there is no program for this machine"
)
@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
def test_it_sleeps_until_it_is_told_to_end(told: signal.Signals, tmp_path: Path) -> None:
    path = tmp_path / "pause"
    path.write_bytes(pause_program(platform.machine()))
    path.chmod(0o755)
    with subprocess.Popen([path]) as process:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.2)
        process.send_signal(told)
        assert process.wait(5) == 0, "it ends by itself: a signal alone would be -15"


@pytest.mark.parametrize(("machine", "number"), [("x86_64", 62), ("aarch64", 183)])
def test_its_header_says_for_which_machine_it_is(machine: str, number: int) -> None:
    program = pause_program(machine)
    assert program[:7] == b"\x7fELF\x02\x01\x01"
    assert int.from_bytes(program[18:20], "little") == number
    assert len(program) < 400
    size = int.from_bytes(program[96:104], "little")
    assert size == len(program)


def test_an_image_is_this_file_alone() -> None:
    with tarfile.open(fileobj=io.BytesIO(image_tar("x86_64"))) as tar:
        (entry,) = tar.getmembers()
    assert (entry.name, entry.mode) == ("pause", 0o755)
    assert image_tar("x86_64") == image_tar("x86_64")
