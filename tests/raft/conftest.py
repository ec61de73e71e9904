"""Nothing in these tests may unpickle anything."""

from __future__ import annotations

from typing import NoReturn

import pysyncobj.pickle
import pytest


@pytest.fixture(autouse=True)
def _pickle_is_forbidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_args: object, **_options: object) -> NoReturn:
        raise AssertionError("somebody pickles")

    for name in ("dumps", "loads", "dump", "load"):
        monkeypatch.setattr(pysyncobj.pickle, name, forbidden, raising=False)
