"""Says which services and cron jobs refer to something: what is in use is not removed."""

from __future__ import annotations

from collections.abc import Iterable

from swarmpy.core.file_versions import REFERENCES, family_of, refers_to
from swarmpy.core.references import task_spec
from swarmpy.errors import InUse
from swarmpy.pb.objects_pb2 import Config, CronJob, Network, Secret, Service
from swarmpy.store.view import View


def refuse_if_file_used(view: View, kind: str, versions: Iterable[Config | Secret]) -> None:
    """Raise InUse when a service or cron job refers to one of these versions of a file."""
    for row in versions:
        users = [
            user
            for user in (*view.services, *view.cron_jobs)
            if any(refers_to(file, row) for file in REFERENCES[kind](task_spec(user)))
        ]
        _refuse(kind, family_of(row), users)


def refuse_if_network_used(view: View, row: Network) -> None:
    """Raise InUse when a service or cron job is attached to this network."""
    users = [
        user
        for user in (*view.services, *view.cron_jobs)
        if any(at.network in {row.id, row.spec.name} for at in task_spec(user).networks)
    ]
    _refuse("network", row.spec.name, users)


def _refuse(kind: str, name: str, users: list[Service | CronJob]) -> None:
    if users:
        names = ", ".join(sorted(user.spec.name for user in users))
        raise InUse(f"{kind} {name!r} is used by {names}", remedy="update or remove these first")
