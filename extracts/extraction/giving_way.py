"""Tries again what a standby ended, for it had to replay what its primary did meanwhile (a recovery conflict).

Rules:
1. Each try begins anew, under a snapshot of its own: nothing of one that was ended is kept.
2. After the last one it is an outage like any other: whoever runs this tries again later, with a pause that grows.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from extracts.errors import SourceGaveWay, SourceUnreachable

TRIES = 3
_Made = TypeVar("_Made")
_log = logging.getLogger(__name__)


def again_if_ended(act: Callable[[], _Made], doing: str) -> _Made:
    """What `act` makes. Raises SourceUnreachable if the standby ended it `TRIES` times, and what `act` raises.

    doing: for messages, such as "reading SDDSB-2026-014".
    """
    for number in range(1, TRIES):
        try:
            return act()
        except SourceGaveWay as error:
            _log.warning("While %s: %s This was try %d of %d.", doing, error.message, number, TRIES)
    try:
        return act()
    except SourceGaveWay as error:
        said = f"While {doing}: {error.message} So it went {TRIES} times."
        raise SourceUnreachable(said, advice=error.advice) from None
