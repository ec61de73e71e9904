"""Starts the runs of cron jobs. The decision is in core/cron/cron_job.py."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from swarmpy.core.actions import IN_ORDER, Decision
from swarmpy.core.cron.cron_job import reconcile
from swarmpy.manager.loop import ControlLoop
from swarmpy.store.view import View
from swarmpy.store.watch import RowChange


class CronLoop(ControlLoop):
    """One key per cron job, woken by its time and by its runs."""

    tables: ClassVar[tuple[str, ...]] = ("cron_jobs", "services")

    def keys(self, view: View) -> Iterable[str]:
        return [cron_job.id for cron_job in view.cron_jobs]

    def touched(self, change: RowChange) -> Iterable[str]:
        if change.table == "cron_jobs":
            return [change.id]
        cron_job_id = (change.new or change.old).cron_job_id
        return [cron_job_id] if cron_job_id else []

    def decide(self, view: View, key: str, now_ms: int) -> Decision:
        cron_job = view.cron_jobs.find(key)
        if cron_job is None:
            return IN_ORDER
        return reconcile(cron_job, view.services.by("cron_job_id", key), now_ms)
