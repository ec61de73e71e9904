"""SwarmPy runs containers on many hosts as if they were one."""

import os
from importlib import import_module
from typing import Any

__version__ = "0.1.0"
__all__ = ["Client", "SyncClient", "__version__"]

_SDK = {"Client": "swarmpy.client.client", "SyncClient": "swarmpy.client.sync"}
"""Imported when first asked for: `import swarmpy` alone costs nothing. Types: __init__.pyi."""

# gRPC reads these once, while it is imported, so they are set before anything of ours imports it.
# It cannot be told "TLS 1.3 only"; but TLS 1.2 with nothing else than an RSA suite cannot be
# spoken with our ECDSA certificates, and the suites of TLS 1.3 are not touched by this.
os.environ.setdefault("GRPC_SSL_CIPHER_SUITES", "ECDHE-RSA-AES128-GCM-SHA256")
# Otherwise it writes a line to stderr for every handshake that fails.
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")


def __getattr__(name: str) -> Any:
    if name not in _SDK:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_SDK[name]), name)
