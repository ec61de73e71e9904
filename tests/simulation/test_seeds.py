import os
import subprocess
import sys

import pytest

from swarmpy.testing.seed import run_seed

SEEDS = int(os.environ.get("SWARMPY_SIM_SEEDS", "5"))
SHORT_S = 15.0


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_swarm_survives_this_seed(seed: int) -> None:
    outcome = run_seed(seed)
    assert not outcome.fault, "\n".join([*outcome.story[-60:], outcome.fault])


def test_one_seed_has_one_history_in_every_process() -> None:
    script = (
        "from swarmpy.testing.seed import run_seed;"
        f"print(run_seed(11, trouble_s={SHORT_S}, quiet_s=5).digest)"
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
    here = run_seed(11, trouble_s=SHORT_S, quiet_s=5).digest
    assert digests == {here}


def test_two_seeds_have_two_histories() -> None:
    one, other = (run_seed(seed, trouble_s=5, quiet_s=1).digest for seed in (1, 2))
    assert one != other
