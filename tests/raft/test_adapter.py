"""pysyncobj is the one that was audited, one copy for each member, and without its dangers."""

from __future__ import annotations

import sys

import pysyncobj.syncobj
import pytest

from swarmpy.errors import WrongState
from swarmpy.raft import audited


def test_another_source_than_the_audited_one_is_refused() -> None:
    with pytest.raises(WrongState, match=r"pysyncobj\.syncobj is not the source"):
        audited.check_sha256(b"import pickle\n")


def test_each_copy_has_its_own_time_and_touches_no_other() -> None:
    stock_time = pysyncobj.syncobj.monotonicTime
    first = audited.private_copy(lambda: 1.0)
    second = audited.private_copy(lambda: 2.0)
    assert (first.monotonicTime(), second.monotonicTime()) == (1.0, 2.0)
    assert first.SyncObj is not second.SyncObj
    assert pysyncobj.syncobj.monotonicTime is stock_time
    assert sys.modules["pysyncobj.syncobj"] is pysyncobj.syncobj


@pytest.mark.parametrize(
    "reach",
    ["pickle.dumps", "pickle.loads", "random.random", "time.sleep"],
)
def test_a_copy_can_neither_pickle_nor_sleep_nor_roll_dice(reach: str) -> None:
    module, name = reach.split(".")
    copy = audited.private_copy(lambda: 0.0)
    with pytest.raises(AssertionError):
        getattr(getattr(copy, module), name)(0)
