"""Says which services and cron jobs refer to something: what is in use is not removed."""

from __future__ import annotations

from swarmpy.core.references import file_references, task_spec
from swarmpy.errors import InUse
from swarmpy.pb.objects_pb2 import Config, CronJob, Network, Secret, Service
from swarmpy.store.view import View


def refuse_if_file_used(view: View, kind: str, row: Config | Secret) -> None:
    """Raise InUse when a service or cron job refers to this config or secret."""
    users = [
        user
        for user in (*view.services, *view.cron_jobs)
        if any(file.id == row.id for file in file_references(task_spec(user)))
    ]
    _refuse(kind, row.spec.name, users)


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
