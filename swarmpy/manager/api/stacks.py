"""Stacks: a whole manifest is deployed in one transaction, or not at all."""

from __future__ import annotations

from swarmpy.core.stack import Present, StackPlan, plan
from swarmpy.core.validate import validate_stack
from swarmpy.errors import InUse
from swarmpy.manager.api import cron_jobs
from swarmpy.manager.api.concerned import concerned
from swarmpy.manager.api.file_versions import move_followers
from swarmpy.manager.api.ports import refuse_taken_ports
from swarmpy.manager.api.service_rows import begin, set_spec
from swarmpy.manager.api.tally import tally_of
from swarmpy.manager.api.volumes import let_go_of_stack
from swarmpy.manager.perform import perform
from swarmpy.manager.revisions import record
from swarmpy.manager.seat import Seat
from swarmpy.pb.control_pb2 import (
    DeployStackRequest,
    DeployStackResponse,
    GetStackRequest,
    GetStackResponse,
    ListStacksRequest,
    ListStacksResponse,
    RemoveStackRequest,
    RemoveStackResponse,
    StackSummary,
)
from swarmpy.pb.objects_pb2 import Stack
from swarmpy.pb.specs_pb2 import StackSpec
from swarmpy.store.editor import Editor
from swarmpy.store.view import View


class Stacks:
    def __init__(self, seat: Seat) -> None:
        self._seat = seat

    async def deploy_stack(self, request: DeployStackRequest) -> DeployStackResponse:
        """Make the stack what its manifest says; what left the manifest is removed."""
        spec = request.spec
        validate_stack(spec)

        def decide(tx: Editor) -> StackPlan:
            stack = self._begun(tx, spec)
            planned = plan(spec, stack.id, _present(tx.view, spec, stack.id), self._seat.ids.new_id)
            _refuse_ports(tx.view, planned)
            self._write(tx, planned, stack.id, request.reason)
            move_followers(self._seat, tx, [*planned.create_configs, *planned.create_secrets])
            return planned

        planned = await self._seat.write(decide)
        view = self._seat.store.view
        stack = view.stacks.resolve(spec.name)
        return DeployStackResponse(
            stack=stack,
            changes=planned.changes,
            services=[
                row
                for row in view.services.by("stack_id", stack.id)
                if not row.removing and not row.cron_job_id
            ],
        )

    async def list_stacks(self, _request: ListStacksRequest) -> ListStacksResponse:
        view = await self._seat.read()
        return ListStacksResponse(stacks=[_summary(view, stack) for stack in view.stacks])

    async def get_stack(self, request: GetStackRequest) -> GetStackResponse:
        view = await self._seat.read()
        stack = view.stacks.resolve(request.stack)
        services = view.services.by("stack_id", stack.id)
        return GetStackResponse(
            stack=stack,
            services=services,
            tasks=[task for row in services for task in view.tasks.by("service_id", row.id)],
        )

    async def remove_stack(self, request: RemoveStackRequest) -> RemoveStackResponse:
        """Let its tasks end; then everything in it goes. Asking again does no harm."""

        def decide(tx: Editor) -> None:
            found = tx.view.stacks.resolve(request.stack)
            empty = StackSpec(name=found.name)
            # What others use of it is refused before anything ends.
            planned = plan(
                empty, found.id, _present(tx.view, empty, found.id), self._seat.ids.new_id
            )
            with tx.stacks.edit(found.id) as stack:
                stack.removing = True
            _let_end(tx, planned)
            if request.volumes:
                let_go_of_stack(tx, found.id)

        await self._seat.write(decide)
        return RemoveStackResponse()

    def _begun(self, tx: Editor, spec: StackSpec) -> Stack:
        """Return the stack's row, made or with its new manifest."""
        named = tx.view.stacks.by("name", spec.name)
        if not named:
            row = Stack(id=self._seat.ids.new_id(), name=spec.name, source=spec.source)
            return tx.stacks.create(row)
        if named[0].removing:
            raise InUse(
                f"stack {spec.name!r} is still being removed",
                remedy=f"deploy again when it is gone: swarmpy stack ps {spec.name}",
            )
        with tx.stacks.edit(named[0].id) as stack:
            stack.source = spec.source
        return stack

    def _write(self, tx: Editor, planned: StackPlan, stack_id: str, reason: str) -> None:
        for network in planned.create_networks:
            tx.networks.create(network)
        for network_id, network_spec in planned.update_networks:
            with tx.networks.edit(network_id) as edited:
                edited.spec.CopyFrom(network_spec)
        _write_volumes(tx, planned, stack_id)
        for config in planned.create_configs:
            tx.configs.create(config)
        for secret in planned.create_secrets:
            tx.secrets.create(secret)
        for service in planned.create_services:
            record(tx, tx.services.create(begin(service)), reason or "created", self._seat.ids)
        for service_id, service_spec in planned.update_services:
            with tx.services.edit(service_id) as updated:
                set_spec(updated, service_spec)
                record(tx, updated, reason or "deployed", self._seat.ids)
        for cron_job in planned.create_cron_jobs:
            tx.cron_jobs.create(cron_jobs.begin(cron_job, self._seat.now_ms))
        for cron_job_id, cron_job_spec in planned.update_cron_jobs:
            with tx.cron_jobs.edit(cron_job_id) as changed:
                cron_jobs.set_spec(changed, cron_job_spec, self._seat.now_ms)
        _let_end(tx, planned)
        perform(tx, planned.delete, self._seat.ids, self._seat.now_ms)


def _write_volumes(tx: Editor, planned: StackPlan, stack_id: str) -> None:
    for volume in planned.create_volumes:
        tx.volumes.create(volume)
    for volume_id, spec in planned.update_volumes:
        left_by = tx.view.volumes.get(volume_id).stack_id
        with tx.volumes.edit(volume_id) as volume:
            volume.spec.CopyFrom(spec)
        for row in tx.view.volumes.by("stack_id", left_by):
            with tx.volumes.edit(row.id) as taken:
                taken.stack_id = stack_id


def _let_end(tx: Editor, planned: StackPlan) -> None:
    """Have the services and cron jobs that leave end first; they go when nothing of them runs."""
    for service_id in planned.remove_services:
        with tx.services.edit(service_id) as service:
            service.removing = True
    for cron_job_id in planned.remove_cron_jobs:
        with tx.cron_jobs.edit(cron_job_id) as cron_job:
            cron_job.removing = True


def _present(view: View, spec: StackSpec, stack_id: str) -> Present:
    configs = [config.name for config in spec.configs]
    secrets = [secret.name for secret in spec.secrets]
    specs = [*spec.services, *(cron_job.job for cron_job in spec.cron_jobs)]
    return Present(
        services=list(view.services),
        cron_jobs=list(view.cron_jobs),
        networks=list(view.networks),
        volumes=[row for row in view.volumes if not row.removing],
        stacks=frozenset(stack.id for stack in view.stacks),
        configs=concerned(view.configs, configs, specs, stack_id),
        secrets=concerned(view.secrets, secrets, specs, stack_id),
        tasks=list(view.tasks),
        revisions=list(view.revisions),
    )


def _refuse_ports(view: View, planned: StackPlan) -> None:
    """Raise InUse when a service outside of this deployment has one of its ports."""
    updated = {service_id for service_id, _ in planned.update_services}
    passed_over = updated | set(planned.remove_services)
    specs = [service.spec for service in planned.create_services]
    specs.extend(spec for _, spec in planned.update_services)
    for spec in specs:
        refuse_taken_ports(spec, view.services, passed_over)


def _summary(view: View, stack: Stack) -> StackSummary:
    services = view.services.by("stack_id", stack.id)
    tallies = [tally_of(view, service) for service in services]
    return StackSummary(
        stack=stack,
        services=len(services),
        tasks_running=sum(tally.running for tally in tallies),
        tasks_wanted=sum(tally.wanted for tally in tallies),
    )
