"""Asks for what must not stand in a command line: keys and passphrases, typed or piped in."""

from __future__ import annotations

import getpass
import sys

from swarmpy.errors import InvalidInput

LINE_CHARS = 4096


def ask(what: str) -> str:
    """Return what is typed, unseen, on a terminal; else the next line of stdin.

    Raises:
        InvalidInput: there is nothing.
    """
    on_terminal = sys.stdin.isatty()
    text = getpass.getpass(f"{what}: ") if on_terminal else sys.stdin.readline(LINE_CHARS)
    text = text.rstrip("\r\n")
    if not text:
        raise InvalidInput(f"no {what} was given", remedy="type it, or pipe it in")
    return text


def ask_new_passphrase(what: str) -> str:
    """Return a new passphrase; on a terminal it is typed twice. Raises InvalidInput."""
    first = ask(what)
    if sys.stdin.isatty() and ask(f"{what} again") != first:
        raise InvalidInput("the two are not the same; nothing was changed")
    return first
