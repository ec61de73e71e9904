"""The control loops that keep services as they are asked to be."""

from __future__ import annotations

from swarmpy.manager.loop import ControlLoop
from swarmpy.manager.loops.cron import CronLoop
from swarmpy.manager.loops.enforce import EnforceLoop
from swarmpy.manager.loops.global_mode import GlobalLoop
from swarmpy.manager.loops.jobs import JobLoop
from swarmpy.manager.loops.maintenance import MaintenanceLoop
from swarmpy.manager.loops.reap import StackReapLoop, TaskReapLoop
from swarmpy.manager.loops.rebalance import RebalanceLoop
from swarmpy.manager.loops.replicated import ReplicatedLoop
from swarmpy.manager.loops.restart import RestartLoop
from swarmpy.manager.loops.rollout import RolloutLoop
from swarmpy.manager.loops.stateful import StatefulLoop
from swarmpy.manager.loops.volumes import VolumeLoop

ORCHESTRATION_LOOPS: tuple[type[ControlLoop], ...] = (
    ReplicatedLoop,
    GlobalLoop,
    StatefulLoop,
    JobLoop,
    CronLoop,
    RestartLoop,
    RolloutLoop,
    EnforceLoop,
    MaintenanceLoop,
    RebalanceLoop,
    TaskReapLoop,
    StackReapLoop,
    VolumeLoop,
)
"""Who owns which field is in core/README.md. Each runs on the leader only."""
