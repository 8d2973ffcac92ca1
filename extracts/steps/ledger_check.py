"""Verifies the ledger against the anchors in signed manifests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from extracts.errors import UsageError
from extracts.handover.chain import anchors_in
from extracts.record.event import Anchor
from extracts.record.transaction import reading
from extracts.record.verification import LedgerReport, verify
from extracts.steps.ledger_checkpoint import load_checkpoint, save_checkpoint

if TYPE_CHECKING:
    from extracts.steps.workplace import Workplace


def check_ledger(
    work: Workplace, folders: Sequence[Path], *, required: bool = True, since_checkpoint: bool = False
) -> LedgerReport:
    """What holds of the ledger. `folders` hold deliveries; a manifest there that is not signed is refused.

    Where nothing is wrong, its end is kept as the checkpoint; `since_checkpoint` looks only at what came after the last
    one. Raises UsageError if a folder holds no delivery, unless none is `required`; TechnicalFailure.
    """
    checkpoint = load_checkpoint(work.places.home) if since_checkpoint else None
    anchors = [anchor for folder in folders for anchor in _anchors(work, folder, required)]
    with reading(work.register) as view:
        report = verify(view.connection, anchors, checkpoint)
    if report.passed:
        save_checkpoint(work.places.home, report.head, work.now())
    return report


def _anchors(work: Workplace, folder: Path, required: bool) -> list[Anchor]:
    try:
        found = anchors_in(folder, work.places.allowed_signers)
    except UsageError:
        if required:
            raise
        return []
    return [Anchor(a.sequence, a.head, a.delivery_id) for a in found]
