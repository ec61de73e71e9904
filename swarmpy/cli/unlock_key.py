"""`swarmpy unlock-key`: the key that opens locked managers."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from swarmpy import SyncClient
from swarmpy.cli import render
from swarmpy.cli.noun import verb
from swarmpy.errors import TimedOut, Unavailable, WrongState
from swarmpy.security.operator_keys import UNLOCK_KEY

app = verb()


@app.command()
def unlock_key(
    rotate: Annotated[
        bool, typer.Option("--rotate", help="Make a new one, and new data keys beneath it.")
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Print only the key, for scripts.")
    ] = False,
) -> None:
    """Show the unlock key; it needs a manager that is not locked."""
    with SyncClient.connect() as client:
        if rotate:
            with new_key() as key:
                client.rotate_unlock_key(key)
        else:
            key = client.unlock_key()
    if not key:
        raise WrongState("autolock is off: there is no unlock key", remedy=TURN_ON)
    if quiet:
        render.say(key)
    else:
        show(key)


TURN_ON = "turn it on: swarmpy cluster update --autolock"


@contextmanager
def new_key() -> Iterator[str]:
    """Give a new key. It is told too when nobody knows whether the managers have taken it: they
    may be locked with it.
    """
    key = UNLOCK_KEY.shown(UNLOCK_KEY.create(random.SystemRandom()))
    try:
        yield key
    except (Unavailable, TimedOut) as error:
        raise type(error)(
            error.message,
            remedy="swarmpy unlock-key shows the key as soon as a manager answers; if all of them "
            f"are locked, and not with the one before, it is {key}",
        ) from error


def show(key: str) -> None:
    """Print a key with what it is for."""
    render.say("\nA manager that starts again is locked. swarmpy unlock on it asks for this key:\n")
    render.say(f"    {key}\n")
    render.say("Keep it outside of the swarm: without it a swarm whose managers all start again")
    render.say("stays locked for good. swarmpy unlock-key shows it while one is not locked.")
