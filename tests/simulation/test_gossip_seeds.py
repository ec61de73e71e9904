import os
import subprocess
import sys

import pytest

from swarmpy.testing.gossip_sim.seed import run_gossip_seed

SEEDS = int(os.environ.get("SWARMPY_GOSSIP_SIM_SEEDS", "20"))


@pytest.mark.parametrize("seed", range(SEEDS))
def test_gossip_survives_this_seed(seed: int) -> None:
    outcome = run_gossip_seed(seed)
    assert not outcome.fault, "\n".join([*outcome.story[-60:], outcome.fault])


def test_one_seed_has_one_history_in_every_process() -> None:
    script = (
        "from swarmpy.testing.gossip_sim.seed import run_gossip_seed;"
        "print(run_gossip_seed(4).digest)"
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
    assert digests == {run_gossip_seed(4).digest}
