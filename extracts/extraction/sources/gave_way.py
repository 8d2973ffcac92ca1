"""Was it a standby that ended what was read, since it had to replay what its primary did (a recovery conflict)?

Rules:
1. Told by SQLSTATE. On a primary nothing that only reads in one snapshot is ended with one of these.
2. DuckDB hands on sentences in the server's language and no codes. But whatever stands in the way of a replay is ended,
   and so is whoever holds the snapshot: it is asked, for a moment, since the replay ends one after the other.
"""

from __future__ import annotations

import time
from typing import Any

import psycopg

from extracts.errors import SourceGaveWay

GAVE_WAY = ("40001", "40P01", "57P04")
_ASKED, _PAUSE_S = 20, 0.05


def gave_way(told: str) -> SourceGaveWay:
    """The error."""
    return SourceGaveWay(
        f"The standby had to replay what its primary did, and ended what was read ({told}).",
        advice="It is tried again. If it stays so, ask the source's DBA for `hot_standby_feedback` or a longer "
        "`max_standby_streaming_delay`.",
    )


def check_not_ended(holder: psycopg.Connection[Any]) -> None:
    """Raises SourceGaveWay if the holder of a snapshot is ended now, by a standby's replay."""
    for _ in range(_ASKED):
        try:
            row = holder.execute(b"SELECT pg_catalog.pg_is_in_recovery()").fetchone()
        except psycopg.Error as error:
            if error.sqlstate in GAVE_WAY:
                raise gave_way(f"SQLSTATE {error.sqlstate}") from None
            return
        if row != (True,):
            return
        time.sleep(_PAUSE_S)
