import os
import subprocess
import sys

import pytest

from swarmpy.testing.raft_sim.seed import run_raft_seed

SEEDS = int(os.environ.get("SWARMPY_RAFT_SIM_SEEDS", "12"))


@pytest.mark.parametrize("seed", range(SEEDS))
def test_raft_survives_this_seed(seed: int) -> None:
    outcome = run_raft_seed(seed)
    assert not outcome.fault, "\n".join([*outcome.story[-60:], outcome.fault])


def test_one_seed_has_one_history_in_every_process() -> None:
    script = (
        "from swarmpy.testing.raft_sim.seed import run_raft_seed;"
        "print(run_raft_seed(7, trouble_s=4).digest)"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
        for hash_seed in ("1", "2")
    }
    assert digests == {run_raft_seed(7, trouble_s=4).digest}
