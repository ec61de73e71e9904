"""`swarmpy restore`: a swarm again, out of a backup."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from swarmpy.cli import render
from swarmpy.cli.asked import ask
from swarmpy.cli.flags import with_flags
from swarmpy.cli.node_flags import NodeFlags
from swarmpy.cli.noun import verb
from swarmpy.errors import InvalidInput
from swarmpy.security.backup_file import ClosedBackup

app = verb()


@app.command()
@with_flags
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="From swarmpy backup.")],
    flags: NodeFlags,
) -> None:
    """Make this machine the only manager of the swarm in a backup.

    Its recovery key or passphrase is asked for. The managers of the time of the backup are
    forgotten and have to join anew; workers come back by themselves if they find this manager at
    an address they know. End what is left of the old managers first.
    """
    from swarmpy.cli.started import become_node, start_node  # noqa: PLC0415  --help needs no engines
    from swarmpy.daemon.rescue import prepare_restored  # noqa: PLC0415

    settings = flags.settings()
    closed = ClosedBackup(str(file), _read(file))
    what = "passphrase of the backup" if closed.wants_passphrase else "recovery key of the backup"
    content = closed.open(ask(what))
    wish = flags.key_wish()
    prepared = prepare_restored(settings, content, wish)
    if flags.foreground:
        become_node(prepared)
        return
    start_node(prepared, wish)
    render.say(f"✔ this machine is the only manager of swarm {closed.header.cluster_id}")
    render.say("Add others: swarmpy token create --role manager")


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise InvalidInput(f"{file}: {error.strerror}") from error
