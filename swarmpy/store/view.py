"""A consistent, read-only picture of the cluster."""

from __future__ import annotations

from typing import Any

from swarmpy.pb.objects_pb2 import (
    Cluster,
    Config,
    CronJob,
    Event,
    JoinToken,
    Network,
    Node,
    RegistryCredential,
    Revision,
    Secret,
    Service,
    Stack,
    Task,
    Volume,
)
from swarmpy.store.table import Table
from swarmpy.store.tables import BY_NAME


class View:
    """All tables. Hold it across no `await`: the next commit changes it."""

    def __init__(self) -> None:
        self.clusters = Table[Cluster](BY_NAME["clusters"])
        self.nodes = Table[Node](BY_NAME["nodes"])
        self.services = Table[Service](BY_NAME["services"])
        self.revisions = Table[Revision](BY_NAME["revisions"])
        self.cron_jobs = Table[CronJob](BY_NAME["cron_jobs"])
        self.tasks = Table[Task](BY_NAME["tasks"])
        self.networks = Table[Network](BY_NAME["networks"])
        self.configs = Table[Config](BY_NAME["configs"])
        self.secrets = Table[Secret](BY_NAME["secrets"])
        self.volumes = Table[Volume](BY_NAME["volumes"])
        self.stacks = Table[Stack](BY_NAME["stacks"])
        self.registry_credentials = Table[RegistryCredential](BY_NAME["registry_credentials"])
        self.join_tokens = Table[JoinToken](BY_NAME["join_tokens"])
        self.events = Table[Event](BY_NAME["events"])

    @property
    def cluster(self) -> Cluster:
        """The one cluster. Raises NotFound before it was made."""
        for cluster in self.clusters:
            return cluster
        return self.clusters.get("cluster")

    def table(self, name: str) -> Table[Any]:
        """Return the table called `name` in swarmpy/store/tables.py."""
        table = getattr(self, name)
        assert isinstance(table, Table), name
        return table
