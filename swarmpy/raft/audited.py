"""A private copy of pysyncobj's core for each member, after a look that it is the one we read.

pysyncobj keeps time and chance in module globals. So that several managers can live in one
process, each on its own clock and seed, every member executes the module anew and sets the
globals of that copy. `sys.modules` is never touched, so nothing leaks to anybody.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Callable
from functools import lru_cache
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Final, NoReturn

from swarmpy.errors import WrongState

MODULE: Final = "pysyncobj.syncobj"
AUDITED_SHA256: Final = "e8bdf06797085d734df86e24ab4802fe87893dff77268565ec036f7ad4a1cfe4"
"""Of syncobj.py in pysyncobj 0.3.17: what adapter.py replaces, and relies on, is in there."""


def private_copy(now: Callable[[], float]) -> ModuleType:
    """Return a fresh copy of the module, with `now` for time and without chance or pickle.

    Raises:
        WrongState: the installed pysyncobj is not the audited one.
    """
    spec = _audited_spec()
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    replacements = {
        "monotonicTime": now,
        "random": SimpleNamespace(random=_forbidden),
        "time": SimpleNamespace(sleep=_forbidden),
        "pickle": SimpleNamespace(dumps=_forbidden, loads=_forbidden),
        "createPoller": lambda _kind: SimpleNamespace(poll=lambda _timeout: None),
    }
    for name, value in replacements.items():
        assert hasattr(module, name), name
        setattr(module, name, value)
    return module


def check_sha256(source: bytes) -> None:
    """Refuse any other source than the audited one. Raises WrongState."""
    found = hashlib.sha256(source).hexdigest()
    if found != AUDITED_SHA256:
        raise WrongState(
            f"{MODULE} is not the source that was audited (sha256 {found[:12]}...)",
            remedy="install pysyncobj==0.3.17 from its wheel",
        )


@lru_cache(maxsize=1)
def _audited_spec() -> ModuleSpec:
    spec = importlib.util.find_spec(MODULE)
    assert spec is not None
    assert spec.origin is not None
    check_sha256(Path(spec.origin).read_bytes())
    return spec


def _forbidden(*_args: object, **_options: object) -> NoReturn:
    raise AssertionError("pysyncobj reached for chance, sleep or pickle, which it must not use")
