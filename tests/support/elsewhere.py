"""Agreements that run elsewhere: `values(title="...")` is a good one with one thing changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from extracts.record.elsewhere import ElsewhereEntry
from extracts.steps.elsewhere import add_elsewhere
from tests.support.world import World

ID = "elsewhere-2024-007"
KEEPER, OWNER = "data.engineer@dwp.example", "asset.owner@dwp.example"
DIGEST = "sha256:" + "a" * 64


def values(**changes: Any) -> dict[str, Any]:
    """What somebody hands in; a change to None leaves it out."""
    given = {
        "title": "Blue badge look-ups by letter",
        "carrier": "paper",
        "recipient": "fife-council",
        "classes": ["name and address", "award of a disability benefit"],
        "gateway": "welfare-reform-act-2012-s131",
        "owner": OWNER,
        "valid_from": "2024-04-01",
        "valid_until": "2027-03-31",
        "review_on": "2026-12-01",
        "scan_digest": DIGEST,
    }
    return {name: value for name, value in (given | changes).items() if value is not None}


def registered(world: World, elsewhere_id: str = ID, **changes: Any) -> ElsewhereEntry:
    """One in this world's register."""
    return add_elsewhere(world.work, elsewhere_id, values(**changes), KEEPER)


def options(file: Path, **changes: str) -> list[str]:
    """The same as a command's options."""
    given: dict[str, str] = {
        "title": "Blue badge look-ups by letter",
        "by": "paper",
        "recipient": "fife-council",
        "class": "name and address",
        "gateway": "welfare-reform-act-2012-s131",
        "owner": OWNER,
        "valid-from": "2024-04-01",
        "valid-until": "2027-03-31",
        "scan": str(file),
        "as-user": KEEPER,
    }
    return [part for name, value in (given | changes).items() if value for part in (f"--{name}", value)]
