"""One look at one service's update: what it is to become, how far it is, how fast to go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from swarmpy.core.mode import is_stateful
from swarmpy.core.ordinals import is_held_back
from swarmpy.core.rollout.progress import Progress, Stage, Yardstick, progress_of
from swarmpy.core.slots import Slot
from swarmpy.pb.objects_pb2 import (
    ROLLOUT_STATE_COMPLETED,
    ROLLOUT_STATE_NONE,
    ROLLOUT_STATE_PAUSED,
    ROLLOUT_STATE_ROLLED_BACK,
    ROLLOUT_STATE_ROLLING_BACK,
    ROLLOUT_STATE_UPDATING,
    Node,
    RolloutStatus,
    Service,
    Task,
)
from swarmpy.pb.types_pb2 import AVAILABILITY_PAUSE, FAILURE_ACTION_CONTINUE, UpdateConfig

DEFAULT_MONITOR_S = 1.0
"""How long a new task must stay up.

Longer finds slower crashes before they spread, and makes every batch so much longer.
"""
DEFAULT_PROGRESS_DEADLINE_S = 600.0
"""How long a new task may take to be RUNNING.

Longer lets large images come over slow lines, and finds later that no node takes a task.
"""
SETTLED = frozenset({ROLLOUT_STATE_NONE, ROLLOUT_STATE_COMPLETED, ROLLOUT_STATE_ROLLED_BACK})


@dataclass(frozen=True, slots=True)
class Update:
    """A service on its way to what it asks for now."""

    service: Service
    status: RolloutStatus
    """As it is stored, or as it begins now."""
    config: UpdateConfig
    progress: Progress
    to_do: tuple[Slot, ...]
    now_ms: int

    @property
    def in_order(self) -> list[Slot]:
        """What is to move, in order: what does not run first; of a stateful service the last."""
        if is_stateful(self.service):
            return sorted(self.to_do, key=lambda slot: -slot.number)
        return sorted(self.to_do, key=lambda slot: slot.runs)

    @property
    def is_active(self) -> bool:
        """There is something to go on with, or to begin.

        A pause after a failure holds for its version, one that somebody asked for until they
        say so.
        """
        if self.service.paused or self.status.state == ROLLOUT_STATE_PAUSED:
            return False
        return bool(self.to_do) or self.service.rollout.state not in SETTLED

    @property
    def has_failed(self) -> bool:
        """More slots have failed than its config puts up with."""
        failed = len(self.progress.at(Stage.FAILED))
        allowed = self.config.max_failure_ratio * len(self.progress.slots)
        return failed > allowed and self.config.failure_action != FAILURE_ACTION_CONTINUE

    @property
    def is_over(self) -> bool:
        return not self.to_do and not self.progress.at(Stage.UNDER_WAY)

    @property
    def next_batch_ms(self) -> int | None:
        """From when the next batch may begin; None while one is under way or none is left."""
        if self.progress.at(Stage.UNDER_WAY) or not self.to_do:
            return None
        proven_ms = self.progress.proven_ms
        return proven_ms + int(self.config.delay_s * 1000) if proven_ms else 0


def look(service: Service, tasks: Iterable[Task], nodes: Mapping[str, Node], now_ms: int) -> Update:
    """Return how the update of `service` stands; `tasks` are all its tasks."""
    status = _status(service, now_ms)
    config = _config(service, status)
    monitor_ms = int((config.monitor_s or DEFAULT_MONITOR_S) * 1000)
    deadline_ms = int((config.progress_deadline_s or DEFAULT_PROGRESS_DEADLINE_S) * 1000)
    resumed_ms = status.resumed_at_ms
    started_ms = max(status.started_at_ms, resumed_ms)
    yardstick = Yardstick(service, monitor_ms, deadline_ms, started_ms, resumed_ms, now_ms)
    progress = progress_of(tasks, yardstick)
    to_do = tuple(
        slot
        for slot in progress.at(Stage.TO_DO)
        if not _is_paused(slot, nodes) and not is_held_back(service, slot.number)
    )
    return Update(service, status, config, progress, to_do, now_ms)


def _status(service: Service, now_ms: int) -> RolloutStatus:
    """Return the stored status if it is about this version and not over; else a new one."""
    stored = service.rollout
    if stored.spec_version == service.spec_version and stored.state not in SETTLED:
        return stored
    return RolloutStatus(
        state=ROLLOUT_STATE_UPDATING, started_at_ms=now_ms, spec_version=service.spec_version
    )


def _config(service: Service, status: RolloutStatus) -> UpdateConfig:
    turns_back = status.state == ROLLOUT_STATE_ROLLING_BACK
    if not service.spec.HasField("rollback" if turns_back else "update"):
        return UpdateConfig(parallelism=1)
    return service.spec.rollback if turns_back else service.spec.update


def _is_paused(slot: Slot, nodes: Mapping[str, Node]) -> bool:
    """Say whether the slot's one node takes no new task, so that its task stays as it is."""
    node = nodes.get(slot.node_id)
    return node is not None and node.spec.availability == AVAILABILITY_PAUSE
