"""What a gate proved, remembered in the ledger, so that the next gate need not believe the files that lie in between.

Rules:
1. Run records and staging are files, and whoever operates the machine can write there; Airflow lets its administrators
   repeat or skip any task. So a gate tells the ledger the digests of what it passed, and the next compares.
2. Only the newest event of its kind about this delivery counts, and only if this run wrote it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from extracts.errors import CheckFailed
from extracts.record import ledger
from extracts.record.transaction import reading, unit_of_work

if TYPE_CHECKING:
    from extracts.steps.run import RunKey
    from extracts.steps.workplace import Workplace

SOURCE_CHECKED = "source.checked"
EXTRACT_BUILT = "extract.built"
EXTRACT_VALIDATED = "extract.validated"
MANIFEST_SIGNED = "manifest.signed"
_GATES = {
    SOURCE_CHECKED: "check_source",
    EXTRACT_BUILT: "build_extract",
    EXTRACT_VALIDATED: "validate_extract",
    MANIFEST_SIGNED: "sign_manifest",
}


def remember(work: Workplace, key: RunKey, delivery_id: str, kind: str, proved: Mapping[str, Any]) -> None:
    """Tell the ledger what a gate of this run proved: digests and counts only."""
    now = work.now()
    with unit_of_work(work.register) as unit:
        unit.event(now, kind, delivery_id, key.actor, {"run": key.name, **proved})


def demand(work: Workplace, key: RunKey, delivery_id: str, kind: str, proved: Mapping[str, Any]) -> None:
    """Raises CheckFailed unless the newest event of this kind is by this run and says all of `proved`."""
    with reading(work.register) as view:
        found = ledger.events(view.connection, subject=delivery_id, kind=kind, limit=1, newest_first=True)
    wanted = {"run": key.name, **proved}
    if found and wanted.items() <= found[0].payload.items():
        return
    raise CheckFailed(
        f"{delivery_id}: what is in staging or in the run's record is not what {_GATES[kind]} passed.",
        advice="The gate was skipped, or something was changed or built again behind it. Start a new run.",
    )
