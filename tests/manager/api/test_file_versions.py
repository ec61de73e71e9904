"""A change of a config or secret is another version, and who follows it gets it."""

from __future__ import annotations

import pytest

from swarmpy.errors import AlreadyExists, InUse, InvalidInput, NotFound
from swarmpy.manager.api.configs import Configs
from swarmpy.manager.api.cron_jobs import CronJobs
from swarmpy.manager.api.secrets import Secrets
from swarmpy.manager.api.services import Services
from swarmpy.manager.api.stacks import Stacks
from swarmpy.manager.outdated_files import OutdatedFiles
from swarmpy.manager.seat import Seat
from swarmpy.pb.control_pb2 import (
    CreateConfigRequest,
    CreateCronJobRequest,
    CreateSecretRequest,
    CreateServiceRequest,
    DeployStackRequest,
    GetConfigRequest,
    GetSecretRequest,
    RemoveConfigRequest,
    UpdateConfigRequest,
    UpdateSecretRequest,
    UpdateServiceRequest,
)
from swarmpy.pb.objects_pb2 import Config, Service, Task
from swarmpy.pb.specs_pb2 import ConfigSpec, CronJobSpec, SecretSpec, StackSpec
from swarmpy.pb.types_pb2 import FILE_CHANGE_LIVE, TASK_STATE_RUNNING, FileReference
from swarmpy.testing import builders
from tests.client.specs import nightly
from tests.manager.one_manager import leading_seat, put


async def create(seat: Seat, name: str = "motd", data: bytes = b"1", **keys: bytes) -> Config:
    spec = ConfigSpec(name=name, data=b"" if keys else data, entries=keys)
    return await Configs(seat).create_config(CreateConfigRequest(spec=spec))


async def update(seat: Seat, name: str = "motd", data: bytes = b"2", **keys: bytes) -> Config:
    spec = ConfigSpec(name=name, data=b"" if keys else data, entries=keys)
    return await Configs(seat).update_config(UpdateConfigRequest(spec=spec))


async def serve(seat: Seat, service: str = "web", /, **reference: object) -> Service:
    spec = builders.service_spec(service)
    fields = {"name": "motd", "target": "/etc/motd", **reference}
    spec.task.containers[0].configs.append(FileReference(**fields))  # type: ignore[arg-type]
    return await Services(seat).create_service(CreateServiceRequest(spec=spec))


def meant(seat: Seat, name: str = "web") -> str:
    """Return the stored name of the version that a service means."""
    (row,) = seat.store.view.services.by("name", name)
    config = seat.store.view.configs.find(row.spec.task.containers[0].configs[0].id)
    return "" if config is None else config.spec.name


def stored(seat: Seat) -> list[str]:
    return [row.spec.name for row in seat.store.view.configs]


async def test_an_update_is_another_version_and_the_same_content_is_none() -> None:
    seat = await leading_seat()
    await create(seat)
    assert (await update(seat)).spec.name == "motd.2"
    assert (await update(seat)).spec.name == "motd.2"
    assert stored(seat) == ["motd", "motd.2"]
    newest = await Configs(seat).get_config(GetConfigRequest(config="motd"))
    assert newest.spec.data == b"2"


async def test_a_service_that_follows_rolls_and_remembers_why() -> None:
    seat = await leading_seat()
    await create(seat)
    before = await serve(seat)
    await update(seat)
    after = seat.store.view.services.get(before.id)
    assert meant(seat) == "motd.2"
    assert after.spec_version == before.spec_version + 1
    assert after.previous_spec == before.spec, "so that a rollback finds the old version"
    newest = max(seat.store.view.revisions.by("service_id", before.id), key=lambda row: row.number)
    assert newest.reason == "config motd is at version 2"


@pytest.mark.parametrize(
    "reference",
    [{"version": 1}, {"on_change": FILE_CHANGE_LIVE}],
    ids=["pinned", "live"],
)
async def test_a_service_that_is_pinned_or_changes_in_place_does_not_roll(
    reference: dict[str, object],
) -> None:
    seat = await leading_seat()
    await create(seat)
    before = await serve(seat, "web", **reference)
    await update(seat)
    assert seat.store.view.services.get(before.id) == before


async def test_a_job_keeps_what_it_began_with_and_the_next_run_of_a_cron_job_does_not() -> None:
    seat = await leading_seat()
    await create(seat)
    reference = FileReference(name="motd", target="/etc/motd")
    job = builders.service_spec("once")
    job.replicated_job.completions = 1
    job.task.containers[0].configs.append(reference)
    await Services(seat).create_service(CreateServiceRequest(spec=job))
    cron = CronJobSpec()
    cron.CopyFrom(nightly())
    cron.job.task.containers[0].configs.append(reference)
    cron_job = await CronJobs(seat).create_cron_job(CreateCronJobRequest(spec=cron))
    made = await update(seat)
    assert meant(seat, "once") == "motd"
    stored_cron = seat.store.view.cron_jobs.get(cron_job.id)
    assert stored_cron.spec.job.task.containers[0].configs[0].id == made.id


@pytest.mark.parametrize("on_change", [0, FILE_CHANGE_LIVE], ids=["roll", "live"])
async def test_a_version_without_a_key_that_is_named_is_refused(on_change: int) -> None:
    seat = await leading_seat()
    await create(seat, a=b"1")
    await serve(seat, key="a", target="/etc/app/a", on_change=on_change)
    with pytest.raises(InvalidInput, match=r"web: .*configs\[0\].key: .* has no key 'a'; .* b"):
        await update(seat, b=b"1")
    assert stored(seat) == ["motd"]


async def test_an_unknown_key_is_refused_with_those_there_are() -> None:
    seat = await leading_seat()
    await create(seat, a=b"1", b=b"2")
    with pytest.raises(InvalidInput, match="config 'motd' has no key 'c'; its keys: a, b"):
        await serve(seat, key="c")


async def test_a_name_is_taken_as_long_as_a_version_is_there() -> None:
    seat = await leading_seat()
    await create(seat)
    await update(seat)
    await OutdatedFiles(seat).look()
    assert stored(seat) == ["motd.2"]
    with pytest.raises(AlreadyExists, match="a config named 'motd' exists already"):
        await create(seat)
    assert (await update(seat, data=b"3")).spec.name == "motd.3"
    await serve(seat)
    assert meant(seat) == "motd.3"


async def test_what_nothing_refers_to_goes_and_everything_else_stays() -> None:
    seat = await leading_seat()
    await create(seat)
    service = await serve(seat)
    pinned = await serve(seat, "old", version=1)
    for data in (b"2", b"3"):
        await update(seat, data=data)
    await OutdatedFiles(seat).look()
    assert stored(seat) == ["motd", "motd.2", "motd.3"], "the revisions of web need them"
    async with seat.store.update() as tx:
        for row in seat.store.view.revisions.by("service_id", service.id):
            tx.revisions.delete(row.id)
        with tx.services.edit(service.id) as edited:
            edited.ClearField("previous_spec")
    running = Task(id="t", service_id=service.id, node_id="n1")
    running.spec.CopyFrom(pinned.spec.task)
    running.spec.containers[0].configs[0].id = seat.store.view.configs.by("name", "motd.2")[0].id
    running.status.state = running.desired_state = TASK_STATE_RUNNING
    await put(seat.store, tasks=[running])
    await OutdatedFiles(seat).look()
    assert stored(seat) == ["motd", "motd.2", "motd.3"], "a task runs with it"
    async with seat.store.update() as tx:
        tx.tasks.delete("t")
    await OutdatedFiles(seat).look()
    assert stored(seat) == ["motd", "motd.3"], "one is pinned, one is the newest"


async def test_all_versions_go_together_unless_one_is_used() -> None:
    seat = await leading_seat()
    await create(seat)
    await serve(seat, on_change=FILE_CHANGE_LIVE)
    await update(seat)
    with pytest.raises(InUse, match="config 'motd' is used by web"):
        await Configs(seat).remove_config(RemoveConfigRequest(config="motd"))
    spec = builders.service_spec("web")
    await Services(seat).update_service(UpdateServiceRequest(service="web", spec=spec))
    await Configs(seat).remove_config(RemoveConfigRequest(config="motd"))
    assert stored(seat) == []


async def test_a_stacks_config_is_changed_by_its_manifest_and_others_follow_it() -> None:
    seat = await leading_seat()
    stack = StackSpec(name="shop", configs=[ConfigSpec(name="shop_page", data=b"1")])
    stack.services.append(builders.service_spec("shop_web"))
    await Stacks(seat).deploy_stack(DeployStackRequest(spec=stack))
    with pytest.raises(InUse, match="its manifest says what is in it"):
        await update(seat, "shop_page")
    spec = builders.service_spec("other")
    spec.task.containers[0].configs.append(FileReference(name="shop_page", target="/p"))
    await Services(seat).create_service(CreateServiceRequest(spec=spec))
    assert meant(seat, "other") == "shop_page.1"
    stack.configs[0].data = b"2"
    await Stacks(seat).deploy_stack(DeployStackRequest(spec=stack))
    assert meant(seat, "other") == "shop_page.2"


async def test_a_deployment_that_changes_more_than_a_config_loses_none_of_it() -> None:
    seat = await leading_seat()
    stack = StackSpec(name="shop", configs=[ConfigSpec(name="shop_page", data=b"1")])
    web = builders.service_spec("shop_web")
    web.task.containers[0].configs.append(FileReference(name="shop_page", target="/p"))
    stack.services.append(web)
    await Stacks(seat).deploy_stack(DeployStackRequest(spec=stack))
    stack.configs[0].data = b"2"
    stack.services[0].task.containers[0].image = "another:2"
    await Stacks(seat).deploy_stack(DeployStackRequest(spec=stack))
    (row,) = seat.store.view.services.by("name", "shop_web")
    assert row.spec.task.containers[0].image == "another:2"
    assert meant(seat, "shop_web") == "shop_page.2"
    assert row.spec_version == 2, "it is one update"


async def test_what_is_not_there_has_no_next_version() -> None:
    seat = await leading_seat()
    with pytest.raises(NotFound, match="no config is named 'motd'"):
        await update(seat)


async def test_a_secrets_answers_say_how_long_it_is_and_never_what() -> None:
    seat = await leading_seat()
    secrets = Secrets(seat)
    spec = SecretSpec(name="key", entries={"user": b"canary", "password": b"canary-2"})
    answers = [await secrets.create_secret(CreateSecretRequest(spec=spec))]
    spec.entries["user"] = b"canary-3"
    answers.append(await secrets.update_secret(UpdateSecretRequest(spec=spec)))
    answers.append(await secrets.get_secret(GetSecretRequest(secret="key")))
    assert dict(answers[-1].sizes) == {"user": 8, "password": 8}
    assert all(b"canary" not in answer.SerializeToString() for answer in answers)
