"""People see how far an image is, and managers hear of it every two seconds at most."""

from __future__ import annotations

from swarmpy.pb.types_pb2 import TASK_STATE_PREPARING, TASK_STATE_RUNNING
from tests.agent.bed import Bed, on_one_machine, task


@on_one_machine
async def test_how_far_an_image_is_is_reported_now_and_then(bed: Bed) -> None:
    await bed.start_manager()
    bed.manager.assign(task(prepare_s="10"))
    bed.start_agent()
    await bed.until_state("t1", TASK_STATE_PREPARING)
    before = len(bed.manager.reports)
    said = []
    for number in range(60):
        bed.runtime.pulling["t1"] = f"pulling {number} % of 120 MB"
        await bed.clock.sleep(0.1)
        said.append(bed.manager.statuses["t1"].message)
    assert 2 <= len(bed.manager.reports) - before <= 4
    assert any(words.startswith("pulling") for words in said)
    del bed.runtime.pulling["t1"]
    await bed.until_state("t1", TASK_STATE_RUNNING)
    assert bed.manager.statuses["t1"].message == ""


@on_one_machine
async def test_a_pull_that_does_not_move_is_told_once(bed: Bed) -> None:
    await bed.start_manager()
    bed.manager.assign(task(prepare_s="20"))
    bed.start_agent()
    await bed.until_state("t1", TASK_STATE_PREPARING)
    before = len(bed.manager.reports)
    bed.runtime.pulling["t1"] = "pulling"
    await bed.clock.sleep(15)
    assert len(bed.manager.reports) - before == 1
