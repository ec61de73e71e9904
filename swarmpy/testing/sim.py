"""The command behind scripts/sim: replays one seed with its story, or runs many."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor

from swarmpy.testing.gossip_sim.seed import run_gossip_seed
from swarmpy.testing.raft_sim.seed import run_raft_seed
from swarmpy.testing.seed import Outcome, run_seed


def main(argv: Sequence[str] | None = None) -> int:
    """Return 0 when every seed held, else 1."""
    parser = argparse.ArgumentParser(prog="sim", description="Whole swarms in virtual time.")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--seed", type=int, help="replay this one and tell its story")
    which.add_argument("--seeds", type=int, help="run so many, from --first on")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--processes", type=int, default=1)
    alone = parser.add_mutually_exclusive_group()
    alone.add_argument("--raft", action="store_true", help="Raft alone, under harder faults")
    alone.add_argument("--gossip", action="store_true", help="gossip alone, under harder faults")
    options = parser.parse_args(argv)
    run: Callable[[int], Outcome] = run_seed
    flag = ""
    if options.raft:
        run, flag = run_raft_seed, "--raft "
    elif options.gossip:
        run, flag = run_gossip_seed, "--gossip "
    if options.seed is not None:
        return _replay(run(options.seed))
    seeds = range(options.first, options.first + options.seeds)
    return _run_all(_outcomes(run, seeds, options.processes), f"scripts/sim {flag}--seed")


def _replay(outcome: Outcome) -> int:
    _say(*outcome.story)
    _say(_line(outcome))
    return 1 if outcome.fault else 0


def _run_all(outcomes: Iterable[Outcome], replay: str) -> int:
    events, real_s, failed = 0, 0.0, []
    for outcome in outcomes:
        _say(_line(outcome))
        events += outcome.events
        real_s += outcome.real_s
        if outcome.fault:
            failed.append(outcome.seed)
    _say(f"{events} events, {events / real_s:.0f} per second and process, {len(failed)} failures")
    for seed in failed:
        _say(f"replay: {replay} {seed}")
    return 1 if failed else 0


def _outcomes(
    run: Callable[[int], Outcome], seeds: Iterable[int], processes: int
) -> Iterator[Outcome]:
    if processes <= 1:
        yield from map(run, seeds)
        return
    with ProcessPoolExecutor(processes) as pool:
        yield from pool.map(run, seeds)


def _line(outcome: Outcome) -> str:
    held = f"FAILED: {outcome.fault}" if outcome.fault else "held"
    return (
        f"seed {outcome.seed}: {held} ({outcome.events} events, "
        f"{outcome.virtual_s:.0f} s in {outcome.real_s:.1f} s, history {outcome.digest})"
    )


def _say(*lines: str) -> None:
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
