"""Starts a prepared node's daemon and sees to it that it is open."""

from __future__ import annotations

from swarmpy.cli import render
from swarmpy.client.local import LocalClient
from swarmpy.daemon import bootstrap
from swarmpy.daemon.key_choice import KeyWish
from swarmpy.pb.local_pb2 import LOCK_KIND_PASSPHRASE


def become_node(prepared: bootstrap.Prepared) -> None:
    """Turn this process into the daemon."""
    _say_what_to_keep(prepared)
    bootstrap.run_foreground(prepared.settings)


def start_node(prepared: bootstrap.Prepared, wish: KeyWish) -> None:
    """Return once the daemon answers and is open."""
    _say_what_to_keep(prepared)
    bootstrap.start(prepared.settings)
    if wish.passphrase:
        local = LocalClient(prepared.settings.socket_path)
        if local.lock() == LOCK_KIND_PASSPHRASE:
            local.unlock(wish.passphrase)
            local.next_lock(LOCK_KIND_PASSPHRASE)


def _say_what_to_keep(prepared: bootstrap.Prepared) -> None:
    if prepared.key_to_keep:
        render.say(
            "After a boot this node waits locked. Keep this key, it is not shown again; "
            "swarmpy unlock asks for it:\n"
        )
        render.say(f"    {prepared.key_to_keep}\n")
