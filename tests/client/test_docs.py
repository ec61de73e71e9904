"""The guide's code runs: each block of docs/sdk.md, in order, against one fake swarm."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.client.fake_control import FakeControl
from tests.client.served import served

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs/sdk.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


def test_every_block_of_the_guide_runs(tmp_path: Path) -> None:
    assert len(BLOCKS) >= 6, "the guide has lost its code"
    program = tmp_path / "guide.py"
    program.write_text(
        "\n".join(f"def block_{n}():\n{_indented(b)}\nblock_{n}()" for n, b in enumerate(BLOCKS))
    )
    with served(FakeControl(), tmp_path / "s.sock") as address:
        done = subprocess.run(
            [sys.executable, "-W", "error", str(program)],
            cwd=tmp_path,
            env={**os.environ, "SWARMPY_HOST": address, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    for said in ("alpha 10.0.0.2 leads", "3 of 3 run", "exit code 0", "created service shop_web"):
        assert said in done.stdout


def _indented(block: str) -> str:
    return "".join(f"    {line}" for line in block.splitlines(keepends=True))


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_no_line_of_the_guide_is_too_long_to_read(block: str) -> None:
    assert max(map(len, block.splitlines())) <= 100
