"""Sets up logging: events with fields, coloured for a terminal, JSON lines for machines."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, MutableMapping
from typing import Any, Final, TextIO

import structlog

from swarmpy.errors import InvalidInput

LEVEL_VARIABLE: Final = "SWARMPY_LOG"
LEVELS: Final = ("debug", "info", "warning", "error")

_SECRET: Final = re.compile(r"(^|_)(secret|token|password|key|key_pem|credentials?)$")
_TOKEN_TEXT: Final = re.compile(r"SWMPY-1-\S+")


def configure(stream: TextIO, environ: Mapping[str, str]) -> None:
    """Send every event of at least SWARMPY_LOG (default info) to `stream`.

    Tracebacks come without local variables, which may hold keys and tokens.

    Raises:
        InvalidInput: SWARMPY_LOG names no level.
    """
    name = environ.get(LEVEL_VARIABLE, "info").lower()
    if name not in LEVELS:
        raise InvalidInput(
            f"{LEVEL_VARIABLE}={name} is no log level", remedy=f"use one of {', '.join(LEVELS)}"
        )
    if stream.isatty():
        ending: list[Any] = [
            structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False),
            structlog.dev.ConsoleRenderer(
                colors="NO_COLOR" not in environ,
                exception_formatter=structlog.dev.plain_traceback,
            ),
        ]
    else:
        ending = [
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.ExceptionRenderer(
                structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
            ),
            structlog.processors.JSONRenderer(),
        ]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            hide_secrets,
            *ending,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[name.upper()]
        ),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )


def hide_secrets(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Blank fields that are named like secrets, and join tokens wherever they stand."""
    for name, value in event.items():
        if _SECRET.search(name):
            event[name] = "***"
        elif isinstance(value, str) and "SWMPY-1-" in value:
            event[name] = _TOKEN_TEXT.sub("SWMPY-1-***", value)
    return event
