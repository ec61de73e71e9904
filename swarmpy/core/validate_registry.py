"""Checks what people say of a registry."""

from __future__ import annotations

import re

from swarmpy.core.image_name import registry_name
from swarmpy.core.validate_faults import Faults
from swarmpy.pb.control_pb2 import LoginRegistryRequest

TEXT_MAX_BYTES = 16 * 1024
"""Tokens of cloud registries have a few thousand bytes."""
_HOST = re.compile(
    r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?(:[0-9]{1,5})?|\[[0-9a-f:]+\](:[0-9]{1,5})?"
)


def validate_login(request: LoginRegistryRequest) -> None:
    """Raise InvalidInput, one line per fault, unless nodes could try this."""
    faults = Faults()
    if not _HOST.fullmatch(registry_name(request.registry)):
        faults.add("registry", f"is {request.registry!r}", "HOST or HOST:PORT", "correct it")
    if not request.username or len(request.username) > TEXT_MAX_BYTES:
        faults.add("username", "is empty or too long", "a user's name", "write it")
    if not request.password or len(request.password) > TEXT_MAX_BYTES:
        faults.add("password", "is empty or too long", "a password or token", "write it")
    try:
        request.password.decode()
    except UnicodeDecodeError:
        faults.add("password", "is no text", "UTF-8", "correct it")
    faults.raise_any()
