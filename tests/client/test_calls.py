"""Every call of the control API has a method, and its errors are ours."""

from __future__ import annotations

import pytest

from swarmpy.client.client import Client
from swarmpy.errors import AlreadyExists, Conflict, NotFound
from swarmpy.pb.control_pb2 import DESCRIPTOR
from swarmpy.pb.specs_pb2 import NetworkSpec, StackSpec, VolumeSpec
from swarmpy.pb.types_pb2 import AVAILABILITY_DRAIN, NODE_ROLE_MANAGER
from tests.client.fake_control import FakeControl
from tests.client.specs import nightly, web


async def test_every_rpc_of_the_control_api_can_be_called(
    client: Client, control: FakeControl
) -> None:
    await client.cluster()
    await client.update_cluster(autolock=True, unlock_key="SWMKEY-1-mine")
    assert await client.unlock_key() == "SWMKEY-1-mine"
    assert await client.rotate_unlock_key() == "SWMKEY-1-ours"
    assert (await client.backup()).index == 7
    token = await client.create_token(NODE_ROLE_MANAGER, ttl_s=60, uses=3)
    assert [one.uses_left for one in await client.tokens()] == [3]
    await client.revoke_token(token.token.id)
    service = await client.create_service(web())
    await client.update_service("web", web(replicas=3), version=service.version)
    assert [one.number for one in await client.revisions("web")] == [1, 2]
    await client.rollback("web")
    assert (await client.pause("web")).paused
    assert not (await client.resume("web")).paused
    assert (await client.restart("web")).spec.task.force_update == 1
    assert (await client.scale("web", 1)).spec.replicated.replicas == 1
    assert [one.id for one in (await client.services()).services] == [service.id]
    assert (await client.service("web")).id == service.id
    assert [task.slot for task in await client.tasks(service="web")] == [1]
    assert (await client.task("web.1")).service_id == service.id
    assert (await client.explain("web")).tasks
    assert [event.reason for event in await client.events()] == ["NodeReady"]
    await client.remove_service("web")
    cron_job = await client.create_cron_job(nightly())
    await client.update_cron_job("nightly", nightly(), version=cron_job.version)
    run = await client.run_cron_job("nightly")
    assert [one.active for one in await client.cron_jobs()] == [1]
    assert [one.id for one in (await client.cron_job("nightly")).runs] == [run.id]
    await client.remove_cron_job("nightly")
    await client.create_config("motd", b"hello", labels={"a": "b"})
    await client.create_secret("key", b"hush")
    assert (await client.update_config("motd", b"hello")).spec.name == "motd"
    assert (await client.config("motd")).spec.data == b"hello"
    await client.update_secret("key", entries={"a": b"hush"})
    assert not (await client.secret("key")).spec.entries
    await client.login_registry("registry.example", "me", "hush")
    assert [one.username for one in await client.registries()] == ["me"]
    await client.logout_registry("registry.example")
    await client.create_network(NetworkSpec(name="back"))
    assert [one.spec.data for one in await client.configs()] == [b"hello"]
    assert [one.spec.data for one in await client.secrets()] == [b""]
    assert [one.subnet for one in await client.networks()] == ["10.128.0.0/24"]
    await client.remove_config("motd")
    await client.remove_secret("key")
    await client.remove_network("back")
    volume = await client.create_volume(VolumeSpec(name="data"))
    assert [one.volume.id for one in await client.volumes()] == [volume.id]
    assert (await client.volume("data")).volume.id == volume.id
    await client.remove_volume("data")
    answer = await client.deploy(StackSpec(name="shop", services=[web("shop_web")]))
    assert [change.action for change in answer.changes] == ["created"]
    assert [one.tasks_running for one in await client.stacks()] == [2]
    assert len((await client.stack("shop")).tasks) == 2
    assert [piece async for piece in client.logs("shop_web")]
    assert [piece async for piece in client.exec("shop_web.1", ["true"])]
    async for _ in client.watch():
        break
    await client.remove_stack("shop")
    await client.node("alpha")
    await client.update_node("beta", availability=AVAILABILITY_DRAIN)
    assert (await client.maintain_node("beta", 1, 2)).spec.maintenance.ends_at_ms == 2
    assert [move.to_node_id for move in await client.rebalance()] == ["n2"]
    await client.remove_node("beta", force=True)
    assert len((await client.nodes()).nodes) == 1
    assert not (await client.explain_network()).probes
    methods = {method.name for method in DESCRIPTOR.services_by_name["Control"].methods}
    assert set(control.calls) == methods


async def test_an_error_is_the_same_class_on_this_side_of_the_wire(client: Client) -> None:
    with pytest.raises(NotFound, match="no service is named 'nothing'") as caught:
        await client.service("nothing")
    assert caught.value.remedy == "swarmpy service ls"


async def test_a_second_service_of_one_name_already_exists(client: Client) -> None:
    await client.create_service(web())
    with pytest.raises(AlreadyExists):
        await client.create_service(web())


async def test_an_update_from_a_version_that_is_gone_is_a_conflict(client: Client) -> None:
    service = await client.create_service(web())
    await client.scale("web", 5)
    with pytest.raises(Conflict):
        await client.update_service("web", web(), version=service.version)


async def test_stdin_goes_in_and_comes_out_changed(client: Client) -> None:
    await client.create_service(web(replicas=1))
    said = b""
    async for output in client.exec("web.1", ["cat"], stdin=b"hello"):
        said += output.stdout
    assert said == b"cat\nHELLO"
    assert output.exited
    assert output.exit_code == 0
