"""SwarmPy runs containers on many hosts as if they were one."""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"
__all__ = ["Client", "SyncClient", "__version__"]

_SDK = {"Client": "swarmpy.client.client", "SyncClient": "swarmpy.client.sync"}
"""Imported when first asked for: `import swarmpy` alone costs nothing. Types: __init__.pyi."""


def __getattr__(name: str) -> Any:
    if name not in _SDK:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_SDK[name]), name)
