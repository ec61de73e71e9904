import random
from pathlib import Path

import pytest

from swarmpy.gossip.epoch import EpochFile
from swarmpy.testing.faulty_disk import FaultyDisk


class SetClock:
    """A wall clock that an administrator sets."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def now(self) -> float:
        return self.now_s

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("nobody waits here")


def make_disk() -> FaultyDisk:
    return FaultyDisk(random.Random(1), SetClock())


PATH = Path("/n1/gossip-epoch")


def test_each_life_is_later_than_all_before_whatever_the_clock_says() -> None:
    disk, clock = make_disk(), SetClock()
    disk.make_dir(PATH.parent)
    epochs = []
    for now_s in (1000.0, 1000.0, 5000.0, 20.0, 20.0, 9000.0):
        clock.now_s = now_s
        epochs.append(EpochFile(disk, PATH, clock).next())
    assert epochs == [1000, 1001, 5000, 5001, 5002, 9000]


@pytest.mark.parametrize("damage", [b"", b"soon", b"9" * 40], ids=["empty", "words", "too long"])
def test_a_damaged_file_leaves_the_clock(damage: bytes) -> None:
    disk = make_disk()
    disk.make_dir(PATH.parent)
    disk.replace(PATH, damage)
    assert EpochFile(disk, PATH, SetClock()).next() == 1000
