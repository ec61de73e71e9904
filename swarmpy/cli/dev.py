"""`swarmpy dev`: a whole swarm on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from swarmpy.cli import render
from swarmpy.cli.noun import verb

app = verb()


@app.command()
def dev(
    managers: Annotated[int, typer.Option(help="1, 3, 5 or 7.")] = 3,
    workers: Annotated[int, typer.Option()] = 2,
    runtime: Annotated[
        str, typer.Option(metavar="docker|process|auto", help="auto: docker where it answers.")
    ] = "auto",
    state_dir: Annotated[
        Path | None, typer.Option(help="Keep the state there, instead of nowhere.")
    ] = None,
    deploy: Annotated[Path | None, typer.Option(help="A manifest to deploy at once.")] = None,
    once: Annotated[
        bool, typer.Option("--once", help="End once what was deployed answers.")
    ] = False,
) -> None:
    """Run a whole swarm on this machine until Ctrl-C; nothing of it stays."""
    from swarmpy.daemon import dev as dev_swarm  # noqa: PLC0415  --help needs no engines

    wanted = dev_swarm.DevSwarm(
        managers=managers,
        workers=workers,
        runtime=runtime,
        state_dir=state_dir,
        deploy=deploy,
        once=once,
    )
    dev_swarm.run(wanted, render.say)
