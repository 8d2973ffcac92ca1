"""Up to where the ledger was verified before: kept in EXTRACTS_HOME, outside of the database that it is about.

Whoever may write there could name a later event; so the whole ledger is still verified from time to time, and every
report says what was taken on trust.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

from extracts.errors import TechnicalFailure
from extracts.record.event import Anchor

FILE = "ledger-checkpoint.json"


def load_checkpoint(home: Path) -> Anchor | None:
    """The last event that a verification saw; None if there was none. Raises TechnicalFailure if it cannot be read."""
    try:
        found = json.loads((home / FILE).read_text())
        return Anchor(int(found["sequence"]), str(found["digest"]), f"the checkpoint of {found['verified_at']}")
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        raise TechnicalFailure(
            f"The ledger's checkpoint cannot be read ({FILE} in EXTRACTS_HOME).",
            advice="Verify the whole ledger: `extracts ledger verify` without --since-checkpoint makes a new one.",
        ) from None


def save_checkpoint(home: Path, head: Anchor, now: datetime) -> None:
    """Keeps how far a verification came that found nothing. Raises TechnicalFailure."""
    unfinished = home / f".{FILE}"
    try:
        unfinished.write_text(
            json.dumps({"sequence": head.sequence, "digest": head.digest, "verified_at": now.isoformat()})
        )
        unfinished.replace(home / FILE)
    except OSError as error:
        raise TechnicalFailure(
            f"Nothing is wrong with the ledger, but its checkpoint cannot be kept ({error.strerror}).",
            advice="May this user write to EXTRACTS_HOME?",
        ) from None
