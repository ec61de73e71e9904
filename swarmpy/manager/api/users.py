"""Says which services refer to something: what is in use is not removed."""

from __future__ import annotations

from swarmpy.core.references import file_references
from swarmpy.errors import InUse
from swarmpy.pb.objects_pb2 import Config, Network, Secret, Service
from swarmpy.store.view import View


def refuse_if_file_used(view: View, kind: str, row: Config | Secret) -> None:
    """Raise InUse when a service refers to this config or secret."""
    users = [
        service
        for service in view.services
        if any(file.id == row.id for file in file_references(service.spec.task))
    ]
    _refuse(kind, row.spec.name, users)


def refuse_if_network_used(view: View, row: Network) -> None:
    """Raise InUse when a service is attached to this network."""
    users = [
        service
        for service in view.services
        if any(at.network in {row.id, row.spec.name} for at in service.spec.task.networks)
    ]
    _refuse("network", row.spec.name, users)


def _refuse(kind: str, name: str, users: list[Service]) -> None:
    if users:
        names = ", ".join(sorted(service.spec.name for service in users))
        raise InUse(
            f"{kind} {name!r} is used by {names}",
            remedy="update or remove these services first",
        )
