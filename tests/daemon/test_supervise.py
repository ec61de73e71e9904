import signal
import subprocess
import sys
import time
from pathlib import Path

from swarmpy.daemon.supervise import Supervisor


def counting(path: Path, code: int) -> list[str]:
    """Return a program that adds a line to a file and ends with `code` the first two times."""
    text = (
        f"import sys; p = {str(path)!r}; open(p, 'a').write('x\\n');"
        f"sys.exit({code} if len(open(p).readlines()) < 3 else 0)"
    )
    return [sys.executable, "-c", text]


def test_a_node_that_dies_is_started_again_until_it_ends_on_purpose(tmp_path: Path) -> None:
    starts = tmp_path / "starts"
    assert Supervisor(counting(starts, 1)).run() == 0
    assert len(starts.read_text().splitlines()) == 3


def test_settings_that_will_not_get_better_are_not_tried_again(tmp_path: Path) -> None:
    starts = tmp_path / "starts"
    assert Supervisor(counting(starts, 2)).run() == 2
    assert len(starts.read_text().splitlines()) == 1


def test_sigterm_ends_the_child_and_the_supervisor(tmp_path: Path) -> None:
    program = "import time; print('up', flush=True); time.sleep(60)"
    code = (
        "import sys; from swarmpy.daemon.supervise import Supervisor;"
        f"sys.exit(Supervisor([sys.executable, '-c', {program!r}]).run())"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        process.wait(10)
    assert time.monotonic() - began < 5
