"""Gate 6: everything that could have changed since the build is asked again; then the delivery becomes visible.

Rules:
1. Approval, deployed views, the role's rights and holds newer than the snapshot are read afresh.
2. The register's approved status is held by a lock while the intent is recorded: a revocation comes before it or
   after it, never in between.
3. Intent event, act, outcome event. A crash between them is settled by `reconcile` at the next start.
4. What is staged is verified as its recipient will, and must be what this run signed and nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extracts.agreement.status import Status
from extracts.canonical import digest_file
from extracts.errors import ApprovalMissing, ExtractsError, HoldStops
from extracts.handover.dropzone.interface import Published
from extracts.handover.manifest import MANIFEST, Manifest, read_manifest
from extracts.handover.verify import verify_delivery
from extracts.record import register
from extracts.record.delivery_entries import LEFT_THE_HOUSE, DeliveredFile
from extracts.record.locks import period_lock
from extracts.record.transaction import reading, unit_of_work
from extracts.steps import evidence, membership, notices, source
from extracts.steps.approval import Approved, approved_now
from extracts.steps.certificates import check_certificates
from extracts.steps.claim import check_staging
from extracts.steps.gate_sign import DELIVERY, passed_reports
from extracts.steps.reconcile import reconcile_delivery
from extracts.steps.rehearsals import check_rehearsed
from extracts.steps.signers import index_signer
from extracts.steps.state import RunState, check_unchanged, load_extract, load_state, settled_state
from extracts.steps.transfer import drop_zone, recipient_of

if TYPE_CHECKING:
    from pathlib import Path

    from extracts.steps.run import RunKey
    from extracts.steps.run_folder import RunFolder
    from extracts.steps.workplace import Workplace


def release(work: Workplace, key: RunKey, folder: RunFolder) -> dict[str, Any]:
    """Make the delivery visible to its recipient, once.

    Raises ApprovalMissing and its kin, SourceChanged, HoldStops, DropZoneUnreachable, DiskFull, Busy.
    """
    with period_lock(work.register, key.request_id, load_state(folder).period) as lock:
        if told := _released_before(work, key, folder):
            return told
        state, staging = settled_state(work, key, folder), check_staging(folder, key)
        passed_reports(work, key, state, folder, staging)
        approved = approved_now(work, key.request_id, *key.starters)
        check_unchanged(state, approved.decision.digest, approved.plan.digest)
        check_certificates(work, key.request_id)
        recipient_of(work, approved.plan.recipient)
        check_rehearsed(work, approved)
        _source_is_still_so(work, approved, staging)
        zone = drop_zone(work)
        zone.check()
        _is_what_was_signed(work, key, state, approved, staging / DELIVERY)
        manifest, digest = _intend(work, key, state, staging / DELIVERY)
        membership.keep(work, state.delivery_id, staging)
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


def _released_before(work: Workplace, key: RunKey, folder: RunFolder) -> dict[str, Any]:
    """What an earlier try of this gate released before it was killed; empty if it did not."""
    state = load_state(folder)
    reconcile_delivery(work, key.request_id, state.period, key.actor)
    with reading(work.register) as view:
        delivery = register.get_delivery(view, state.delivery_id)
    if delivery.state not in LEFT_THE_HOUSE or delivery.run_id != key.name:
        return {}
    return {
        "delivery": delivery.delivery_id,
        "recipient": delivery.recipient,
        "manifest": delivery.manifest_digest,
        "rows": {f.dataset: f.rows for f in delivery.files},
    }


def _is_what_was_signed(work: Workplace, key: RunKey, state: RunState, approved: Approved, folder: Path) -> None:
    signed = {"manifest": digest_file(folder / MANIFEST)}
    evidence.demand(work, key, state.delivery_id, evidence.MANIFEST_SIGNED, signed)
    found = verify_delivery(folder, work.places.allowed_signers, work.now())
    found.check()
    manifest, _ = read_manifest((folder / MANIFEST).read_bytes())
    told = (manifest.delivery.id, manifest.agreement.plan_digest, manifest.agreement.recipient.id)
    if told != (state.delivery_id, approved.plan.digest, approved.plan.recipient):
        raise ApprovalMissing(f"What is staged is not {state.delivery_id}.", advice="Start a new run.")


def _source_is_still_so(work: Workplace, approved: Approved, staging: Path) -> None:
    extract = load_extract(staging)
    source.check(work, approved.plan)
    newer = source.holds_since(work, approved.plan, extract)
    if newer:
        raise HoldStops(
            f"{approved.plan.request_id}: {newer} people have been put on hold since the snapshot was taken.",
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
            destroy_by=manifest.handling.destroy_by,
        )
        unit.event(now, "delivery.publishing", state.delivery_id, key.actor, {"manifest_digest": digest})
    return manifest, digest


def _tell(work: Workplace, key: RunKey, state: RunState, published: Published, digest: str) -> None:
    now = work.now()
    told = {"manifest_digest": digest, "again": published.already_there, "supersedes": state.supersedes}
    with unit_of_work(work.register) as unit:
        delivery = register.publish_delivery(unit, state.delivery_id, at=now)
        unit.event(now, "delivery.published", state.delivery_id, key.actor, told)
        notices.delivered(unit, delivery, now)
