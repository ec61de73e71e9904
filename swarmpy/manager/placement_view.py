"""What placement has to know besides nodes and tasks, as the store has it."""

from __future__ import annotations

from swarmpy.core.schedule.around import Around
from swarmpy.pb.objects_pb2 import Cluster
from swarmpy.pb.specs_pb2 import ClusterSpec
from swarmpy.store.view import View


def around(view: View) -> Around:
    """Return the services, and the strategy of those that do not say."""
    return Around(settings(view).strategy, {service.id: service for service in view.services})


def settings(view: View) -> ClusterSpec:
    """Return the swarm's settings; before it was made, the defaults."""
    cluster: Cluster | None = next(iter(view.clusters), None)
    return ClusterSpec() if cluster is None else cluster.spec
