"""A service returns to what it was, stops and goes on as people ask, and remembers why."""

from __future__ import annotations

import pytest

from swarmpy.core.actions import SetRollout
from swarmpy.core.reap import reap
from swarmpy.errors import NotFound, WrongState
from swarmpy.manager.api.rollouts import Rollouts
from swarmpy.manager.api.services import Services
from swarmpy.manager.perform import perform
from swarmpy.manager.revisions import REVISIONS_KEPT
from swarmpy.manager.seat import Seat
from swarmpy.pb.control_pb2 import (
    CreateServiceRequest,
    ListRevisionsRequest,
    PauseServiceRequest,
    RestartServiceRequest,
    ResumeServiceRequest,
    RollbackServiceRequest,
    ScaleServiceRequest,
    UpdateServiceRequest,
)
from swarmpy.pb.objects_pb2 import (
    ROLLOUT_STATE_PAUSED,
    ROLLOUT_STATE_ROLLING_BACK,
    ROLLOUT_STATE_UPDATING,
    RolloutStatus,
    Secret,
    Service,
)
from swarmpy.pb.specs_pb2 import SecretSpec
from swarmpy.pb.types_pb2 import FileReference
from swarmpy.testing import builders
from tests.manager.one_manager import leading_seat, put


def web(image: str, *, replicas: int = 2) -> UpdateServiceRequest:
    spec = builders.service_spec("web", replicas=replicas, task=builders.task_spec(image))
    return UpdateServiceRequest(service="web", spec=spec)


async def with_images(*images: str, reason: str = "") -> Seat:
    """Return a manager with a service `web` that was asked to run these, one after the other."""
    seat = await leading_seat()
    first, *others = [web(image) for image in images]
    await Services(seat).create_service(CreateServiceRequest(spec=first.spec))
    for request in others:
        request.reason = reason
        await Services(seat).update_service(request)
    return seat


async def history(seat: Seat) -> list[tuple[int, str, str]]:
    listed = await Rollouts(seat).list_revisions(ListRevisionsRequest(service="web"))
    return [(row.number, row.spec.task.containers[0].image, row.reason) for row in listed.revisions]


async def roll_back(seat: Seat, revision: int = 0) -> Service:
    request = RollbackServiceRequest(service="web", revision=revision)
    return await Rollouts(seat).rollback_service(request)


async def test_every_change_of_the_spec_is_a_revision_with_its_reason() -> None:
    seat = await with_images("demo:1", "demo:2", reason="faster")
    await Services(seat).scale_service(ScaleServiceRequest(service="web", replicas=5))
    await Rollouts(seat).restart_service(RestartServiceRequest(service="web"))
    await roll_back(seat)
    assert await history(seat) == [
        (1, "demo:1", "created"),
        (2, "demo:2", "faster"),
        (3, "demo:2", "restarted"),
        (4, "demo:1", "rolled back"),
    ]


async def test_a_service_returns_to_any_revision_in_its_present_size() -> None:
    seat = await with_images("demo:1", "demo:2", "demo:3")
    await Services(seat).scale_service(ScaleServiceRequest(service="web", replicas=7))
    service = await roll_back(seat, 1)
    assert service.spec.task.containers[0].image == "demo:1"
    assert service.spec.replicated.replicas == 7
    assert service.rollout.state == ROLLOUT_STATE_ROLLING_BACK
    assert (await history(seat))[-1] == (4, "demo:1", "rolled back to revision 1")
    assert (await roll_back(seat, 3)).spec.task.containers[0].image == "demo:3"


async def test_what_cannot_be_returned_to_is_named() -> None:
    seat = await with_images("demo:1")
    with pytest.raises(WrongState, match="no previous spec"):
        await roll_back(seat)
    with pytest.raises(NotFound, match="no revision 7; there are 1"):
        await roll_back(seat, 7)


async def test_a_revision_whose_secret_is_gone_says_so() -> None:
    seat = await leading_seat()
    await put(seat.store, secrets=[Secret(id="s1", spec=SecretSpec(name="key"))])
    request = web("demo:1")
    request.spec.task.containers[0].secrets.append(FileReference(name="key", target="/key"))
    await Services(seat).create_service(CreateServiceRequest(spec=request.spec))
    await Services(seat).update_service(web("demo:2"))
    async with seat.store.update() as tx:
        tx.secrets.delete("s1")
    with pytest.raises(NotFound, match="no secret is named 'key'"):
        await roll_back(seat, 1)


async def test_only_so_many_revisions_are_kept() -> None:
    seat = await with_images(*(f"demo:{n}" for n in range(1, REVISIONS_KEPT + 4)))
    assert [number for number, _, _ in await history(seat)] == list(range(3, REVISIONS_KEPT + 4))
    fewer = web("demo:last")
    fewer.spec.revisions_kept = 1
    await Services(seat).update_service(fewer)
    assert len(await history(seat)) == 2


async def test_a_rollout_that_turns_back_is_a_revision_too() -> None:
    seat = await with_images("demo:1", "demo:2")
    (service,) = seat.store.view.services
    status = RolloutStatus(state=ROLLOUT_STATE_ROLLING_BACK, message="web.1 failed")
    async with seat.store.update() as tx:
        perform(tx, [SetRollout(service.id, status, service.previous_spec)], seat.ids, 0)
    assert (await history(seat))[-1] == (3, "demo:1", "rolled back: web.1 failed")


async def test_a_service_that_goes_takes_its_revisions_along() -> None:
    seat = await with_images("demo:1", "demo:2")
    (service,) = seat.store.view.services
    gone = Service()
    gone.CopyFrom(service)
    gone.removing = True
    decision = reap(service.id, gone, [], {}, 0, seat.store.view.revisions)
    async with seat.store.update() as tx:
        perform(tx, decision.actions, seat.ids, 0)
    assert not list(seat.store.view.revisions)
    assert not list(seat.store.view.services)


async def test_a_service_is_paused_and_resumed() -> None:
    seat = await with_images("demo:1")
    assert (await Rollouts(seat).pause_service(PauseServiceRequest(service="web"))).paused
    (service,) = seat.store.view.services
    async with seat.store.update() as tx:
        with tx.services.edit(service.id) as row:
            row.rollout.state = ROLLOUT_STATE_PAUSED
    resumed = await Rollouts(seat).resume_service(ResumeServiceRequest(service="web"))
    assert not resumed.paused
    assert resumed.rollout.state == ROLLOUT_STATE_UPDATING
    assert resumed.rollout.resumed_at_ms == seat.now_ms
