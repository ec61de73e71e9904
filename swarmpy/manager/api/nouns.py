"""Every part of the control API, in one place."""

from __future__ import annotations

from collections.abc import Callable

from swarmpy.manager.api.cluster import Clusters
from swarmpy.manager.api.configs import Configs
from swarmpy.manager.api.cron_jobs import CronJobs
from swarmpy.manager.api.events import Events
from swarmpy.manager.api.exec import Exec
from swarmpy.manager.api.explain import Explain
from swarmpy.manager.api.logs import Logs
from swarmpy.manager.api.networks import Networks
from swarmpy.manager.api.nodes import Nodes
from swarmpy.manager.api.rebalance import Rebalance
from swarmpy.manager.api.registries import Registries
from swarmpy.manager.api.rollouts import Rollouts
from swarmpy.manager.api.secrets import Secrets
from swarmpy.manager.api.services import Services
from swarmpy.manager.api.stacks import Stacks
from swarmpy.manager.api.tasks import Tasks
from swarmpy.manager.api.tokens import Tokens
from swarmpy.manager.api.volumes import Volumes
from swarmpy.manager.api.watch import Watch
from swarmpy.manager.lead import Lead
from swarmpy.manager.seat import Seat


def control_parts(seat: Seat, lead: Callable[[], Lead]) -> list[object]:
    """Return what answers service Control, together: each method in exactly one of them."""
    return [
        *(noun(seat) for noun in (Clusters, Tokens, Services, Rollouts, CronJobs, Tasks)),
        *(noun(seat) for noun in (Configs, Secrets, Registries, Networks, Volumes, Stacks)),
        *(noun(seat) for noun in (Explain, Rebalance, Watch, Events)),
        *(noun(seat, lead) for noun in (Nodes, Logs, Exec)),
    ]
