"""Makes the typer app of a noun, all in one manner."""

from __future__ import annotations

import typer


def noun(about: str) -> typer.Typer:
    """Return an app whose commands are this noun's verbs."""
    app = typer.Typer(
        help=about,
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        add_completion=False,
    )

    @app.callback()
    def nothing_in_common() -> None:
        pass

    return app


def verb() -> typer.Typer:
    """Return an app that is one command."""
    return typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False)
