"""Lets a command take many flags as one dataclass, so that commands can share them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import MISSING, Field, fields
from typing import Any, get_type_hints


def with_flags(command: Callable[..., None]) -> Callable[..., None]:
    """Return `command` as typer wants it: each field of its parameter `flags` is an option.

    The fields are annotated as typer's parameters are: `Annotated[int, typer.Option(...)]`.
    """
    hints = get_type_hints(command, include_extras=True)
    kind = hints.pop("flags")
    field_hints = get_type_hints(kind, include_extras=True)
    own = [
        parameter.replace(annotation=hints[name], kind=inspect.Parameter.KEYWORD_ONLY)
        for name, parameter in inspect.signature(command).parameters.items()
        if name != "flags"
    ]
    options = [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            annotation=field_hints[field.name],
            default=_default(field),
        )
        for field in fields(kind)
    ]

    @functools.wraps(command)
    def called(**values: Any) -> None:
        flags = kind(**{field.name: values.pop(field.name) for field in fields(kind)})
        command(**values, flags=flags)

    del called.__wrapped__  # typer would look through it
    called.__signature__ = inspect.Signature([*own, *options])  # type: ignore[attr-defined]
    called.__annotations__ = {one.name: one.annotation for one in [*own, *options]}
    return called


def _default(field: Field[Any]) -> Any:
    if field.default is not MISSING:
        return field.default
    if field.default_factory is not MISSING:
        return field.default_factory()
    return inspect.Parameter.empty
