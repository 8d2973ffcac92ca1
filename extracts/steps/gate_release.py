"""Gate 6: everything that could have changed since the build is asked again; then the delivery becomes visible.

Rules:
1. Approval, deployed views, the role's rights and holds newer than the snapshot are read afresh.
2. The register's approved status is held by a lock while the intent is recorded: a revocation comes before it or
   after it, never in between.
3. Intent event, act, outcome event. A crash between them is settled by `reconcile` at the next start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extracts.agreement.status import Status
from extracts.errors import ExtractsError, HoldStops
from extracts.handover.dropzone.interface import Published
from extracts.handover.manifest import MANIFEST, Manifest, read_manifest
from extracts.record import register
from extracts.record.delivery_entries import DeliveredFile
from extracts.record.locks import period_lock
from extracts.record.transaction import unit_of_work
from extracts.steps import source
from extracts.steps.approval import Approved, approved_now
from extracts.steps.claim import check_staging
from extracts.steps.gate_sign import DELIVERY, passed_reports
from extracts.steps.reconcile import reconcile_delivery
from extracts.steps.signers import index_signer
from extracts.steps.state import RunState, check_unchanged, load_extract, load_state
from extracts.steps.transfer import drop_zone

if TYPE_CHECKING:
    from pathlib import Path

    from extracts.steps.run import RunKey
    from extracts.steps.run_folder import RunFolder
    from extracts.steps.workplace import Workplace


def release(work: Workplace, key: RunKey, folder: RunFolder) -> dict[str, Any]:
    """Make the delivery visible to its recipient, once.

    Raises ApprovalMissing and its kin, SourceChanged, HoldStops, DropZoneUnreachable, DiskFull, Busy.
    """
    state, staging = load_state(folder), check_staging(folder, key)
    passed_reports(folder)
    with period_lock(work.register, key.request_id, state.period) as lock:
        approved = approved_now(work, key.request_id, key.started_by)
        check_unchanged(state, approved.decision.digest, approved.plan.digest)
        _source_is_still_so(work, approved, staging)
        zone = drop_zone(work)
        zone.check()
        manifest, digest = _intend(work, key, state, staging / DELIVERY)
        lock.check()
        try:
            published = zone.publish(staging / DELIVERY, index_signer(work), work.now())
        except ExtractsError:
            # What the recipient can see decides, not how far this process came.
            reconcile_delivery(work, key.request_id, state.period, key.actor)
            raise
        _tell(work, key, state, published, digest)
    return {
        "delivery": state.delivery_id,
        "recipient": approved.plan.recipient,
        "manifest": digest,
        "rows": {f.dataset: f.rows for f in manifest.files},
    }


def _source_is_still_so(work: Workplace, approved: Approved, staging: Path) -> None:
    extract = load_extract(staging)
    source.check(work, approved.plan)
    newer = source.holds_since(work, approved.plan, extract)
    if newer:
        raise HoldStops(
            f"{approved.plan.request_id}: {newer} rows have been put on hold since the snapshot was taken.",
            advice="Nothing was delivered. Run it again: the new snapshot leaves them out.",
        )


def _intend(work: Workplace, key: RunKey, state: RunState, folder: Path) -> tuple[Manifest, str]:
    from extracts.canonical import digest_bytes

    data = (folder / MANIFEST).read_bytes()
    manifest, _ = read_manifest(data)
    digest, now = digest_bytes(data), work.now()
    files = [DeliveredFile(f.name, f.dataset, f.rows, f.bytes, f.sha256) for f in manifest.files]
    with unit_of_work(work.register) as unit:
        register.hold_status(unit, state.request_id, state.version, Status.APPROVED)
        register.start_publishing(
            unit,
            state.delivery_id,
            path=f"{manifest.agreement.recipient.id}/{state.request_id}/{state.delivery_id}",
            manifest_digest=digest,
            previous_manifest_digest=manifest.previous.manifest_digest if manifest.previous else "",
            files=files,
        )
        unit.event(now, "delivery.publishing", state.delivery_id, key.actor, {"manifest_digest": digest})
    return manifest, digest


def _tell(work: Workplace, key: RunKey, state: RunState, published: Published, digest: str) -> None:
    now = work.now()
    told = {"manifest_digest": digest, "again": published.already_there, "supersedes": state.supersedes}
    with unit_of_work(work.register) as unit:
        register.publish_delivery(unit, state.delivery_id, at=now)
        unit.event(now, "delivery.published", state.delivery_id, key.actor, told)
