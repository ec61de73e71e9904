"""`swarmpy backup`: the whole swarm in one encrypted file."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Annotated

import typer

from swarmpy import SyncClient
from swarmpy.cli import render
from swarmpy.cli.asked import ask_new_passphrase
from swarmpy.cli.lock_words import ask_for
from swarmpy.cli.node_flags import StateDirOption
from swarmpy.cli.noun import verb
from swarmpy.cli.socket_here import state_dir_here
from swarmpy.client.address import LocalSocket, resolve
from swarmpy.daemon.settings import default_state_dir, is_member, load
from swarmpy.errors import AlreadyExists, DaemonUnreachable, InvalidInput, Locked
from swarmpy.pb.keys_pb2 import BackupContent
from swarmpy.pb.transaction_pb2 import StoreSnapshot
from swarmpy.raft.disk import LocalDisk
from swarmpy.security.backup_file import BackupKey, encode
from swarmpy.security.operator_keys import RECOVERY_KEY

app = verb()


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Must not exist yet.")],
    passphrase: Annotated[
        bool,
        typer.Option("--passphrase", help="Encrypt under one of yours, not a new recovery key."),
    ] = False,
    state_dir: StateDirOption = None,
) -> None:
    """Write everything the swarm knows to a file, encrypted.

    Any manager will do, while all goes on. On a manager that is locked, or does not run, it is
    made from the files there, as far as this manager had them; its unlock key is asked for.
    """
    file = file.absolute()
    _refuse_place(file)
    content, is_live = _content(state_dir)
    rng = random.SystemRandom()
    if passphrase:
        key = BackupKey.from_passphrase(ask_new_passphrase("passphrase of the backup"), rng)
    else:
        key = BackupKey.create(rng)
    cluster_id = _cluster_id(content)
    data = encode(content, cluster_id, int(time.time() * 1000), key, rng)  # noqa: TID251
    try:
        LocalDisk().replace(file, data)
    except OSError as error:
        file.with_name(file.name + ".new").unlink(missing_ok=True)
        raise InvalidInput(f"{file}: {error.strerror}", remedy="give another place") from error
    how = "" if is_live else ", from the files of this manager"
    render.say(f"✔ swarm {cluster_id} is in {file} ({len(data)} bytes{how})")
    if not passphrase:
        render.say("\nswarmpy restore asks for this recovery key; it is not shown again:\n")
        render.say(f"    {RECOVERY_KEY.shown(key.key)}")


def _refuse_place(file: Path) -> None:
    for one in (file, file.with_name(file.name + ".new")):  # the file while it is written
        if one.exists():
            raise AlreadyExists(f"{one} exists already", remedy="give another name, or remove it")
    if not file.parent.is_dir():
        raise InvalidInput(f"{file.parent} is no directory", remedy="give another place")


def _content(state_dir: Path | None) -> tuple[BackupContent, bool]:
    """Return the swarm's state, and whether a manager that runs gave it."""
    address = None
    if state_dir is not None:
        address = f"unix://{load(state_dir.absolute(), LocalDisk()).socket_path}"
    try:
        with SyncClient.connect(address) as client:
            return client.backup(), True
    except Locked:
        return _from_files(state_dir_here(state_dir, default_state_dir())), False
    except DaemonUnreachable:
        if not isinstance(resolve(address), LocalSocket):
            raise
        place = state_dir_here(state_dir, default_state_dir())
        if not is_member(place):
            raise
        return _from_files(place), False


def _from_files(place: Path) -> BackupContent:
    from swarmpy.daemon.at_rest import open_manager  # noqa: PLC0415  --help needs no engines

    return open_manager(load(place, LocalDisk()), ask_for).backup()


def _cluster_id(content: BackupContent) -> str:
    rows = StoreSnapshot.FromString(content.state).rows
    return next(row.cluster.id for row in rows if row.HasField("cluster"))
