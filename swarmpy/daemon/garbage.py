"""How often Python looks for garbage that refers to itself: seldom, for a manager makes little.

By default it looks through what is new after every 700 objects, and through all there are after a
quarter more of them: with thousands of entries and proposals under way that is a tenth of the time.
"""

from __future__ import annotations

import gc
from typing import Final

YOUNG_OBJECTS: Final = 20_000
"""New objects between two looks at them. Raised: garbage that refers to itself stays longer."""
YOUNG_LOOKS: Final = 50
"""Looks at the new ones for each look at those that survived one."""
OLDER_LOOKS: Final = 100
"""Of these for each look at all."""


def look_seldom() -> None:
    """Look through what is there for the last time; call it when everything is imported."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, YOUNG_LOOKS, OLDER_LOOKS)
