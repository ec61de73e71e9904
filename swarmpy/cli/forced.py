"""`swarmpy init --force-new-cluster`: one manager goes on when most are lost for good."""

from __future__ import annotations

from swarmpy.cli import render
from swarmpy.cli.lock_words import ask_for
from swarmpy.client.local import LocalClient
from swarmpy.daemon.settings import Settings
from swarmpy.errors import SwarmPyError
from swarmpy.pb.local_pb2 import LOCK_KIND_NONE, LOCK_KIND_UNLOCK_KEY


def go_on_alone(settings: Settings, *, foreground: bool) -> None:
    """Make the manager in `settings.state_dir` the only one, and start it. A daemon that runs and
    is locked is stopped first; any other one is left alone.

    Raises:
        WrongState: its daemon runs, or it is no manager.
        PermissionDenied, InvalidInput: the key that was given is another one.
    """
    from swarmpy.daemon import at_rest, bootstrap, rescue  # noqa: PLC0415  --help needs no engines
    from swarmpy.daemon.claim import claimed  # noqa: PLC0415

    settings = bootstrap.settings_here(settings)
    is_locked = _is_locked(settings)
    if not is_locked:
        with claimed(settings.state_dir):
            pass  # it says so where the daemon runs, before anything is asked
    manager = at_rest.open_manager(settings, ask_for)
    manager.read()  # what would fail shall fail before the daemon is stopped
    if is_locked:
        bootstrap.stop(settings)
    lost = rescue.go_on_alone(manager)
    render.say(f"✔ this manager is the only one now; given up: {', '.join(lost) or 'nobody'}")
    if lost:
        render.say("Should one of them come back: swarmpy leave --force on it, then join anew.")
    if foreground:
        bootstrap.run_foreground(settings)
        return
    bootstrap.start(settings)
    _unlock(LocalClient(settings.socket_path), manager.unlock_key)


def _is_locked(settings: Settings) -> bool:
    try:
        return LocalClient(settings.socket_path).lock() != LOCK_KIND_NONE
    except SwarmPyError:
        return False


def _unlock(local: LocalClient, unlock_key: str) -> None:
    """Open the manager with the keys that are known already, or that people are asked for."""
    kind = local.lock()
    while kind != LOCK_KIND_NONE:
        local.unlock(unlock_key if kind == LOCK_KIND_UNLOCK_KEY else ask_for(kind))
        kind = local.next_lock(kind)
