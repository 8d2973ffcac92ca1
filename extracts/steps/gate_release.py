"""Gate 6: everything that could have changed since the build is asked again; then the delivery becomes visible.

Rules:
1. Approval, deployed views, the role's rights and holds newer than the snapshot are read afresh.
2. The register's approved status is held by a lock while the intent is recorded: a revocation comes before it or
   after it, never in between.
3. Intent event, act, outcome event. A crash between them is settled by `reconcile` at the next start.
4. Several recipients' deliveries are all asked about first, then published one after another. A crash leaves some
   published and the others as they were; the next try publishes those.
5. What is staged is verified as its recipient will, and must be what this run signed and nothing else.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from extracts.agreement.status import Status
from extracts.canonical import digest_file
from extracts.errors import ApprovalMissing, ExtractsError, HoldStops
from extracts.handover.dropzone.interface import DropZone, Published
from extracts.handover.manifest import MANIFEST, Manifest, read_manifest
from extracts.handover.verify import verify_delivery
from extracts.record import register
from extracts.record.delivery_entries import LEFT_THE_HOUSE, DeliveredFile
from extracts.record.locks import PeriodLock, period_lock
from extracts.record.transaction import reading, unit_of_work
from extracts.steps import evidence, membership, notices, source
from extracts.steps.approval import Approved, approved_now
from extracts.steps.claim import check_staging
from extracts.steps.gate_sign import DELIVERY, PARTS, passed_reports
from extracts.steps.recipients_now import WAITING, in_words, recipients_now
from extracts.steps.reconcile import reconcile_delivery
from extracts.steps.signers import index_signer
from extracts.steps.state import RunState, check_unchanged, load_extract, load_states, settled
from extracts.steps.transfer import drop_zone

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from extracts.steps.run import RunKey
    from extracts.steps.run_folder import RunFolder
    from extracts.steps.workplace import Workplace


def release(work: Workplace, key: RunKey, folder: RunFolder) -> dict[str, Any]:
    """Make each delivery visible to its recipient, once.

    Raises ApprovalMissing and its kin, SourceChanged, HoldStops, DropZoneUnreachable, DiskFull, Busy. Of several
    recipients, one that may get nothing any more holds up no other; everything else stops whatever has not left yet.
    """
    states = load_states(folder)
    with period_lock(work.register, key.request_id, states[0].period) as lock:
        reconcile_delivery(work, key.request_id, states[0].period, key.actor)
        released = {s.delivery_id: before for s in states if (before := _released_before(work, key, s))}
        left = [settled(work, key, s) for s in states if s.delivery_id not in released]
        waiting = _release(work, key, folder, left, lock, released) if left else {}
    told = [released[s.delivery_id] for s in states if s.delivery_id in released]
    if not states[0].part:
        return told[0]
    rows = Counter[str]()
    for one in told:
        rows.update(one["rows"])
    ids = ", ".join(one["delivery"] for one in told)
    found = {"delivery": ids, PARTS: {one["recipient"]: one for one in told}, "rows": dict(rows)}
    return found | ({WAITING: in_words(waiting)} if waiting else {})


def _release(
    work: Workplace,
    key: RunKey,
    folder: RunFolder,
    states: Sequence[RunState],
    lock: PeriodLock,
    released: dict[str, dict[str, Any]],
) -> Mapping[str, ExtractsError]:
    """Release what has not left yet, one after another, into `released`; why somebody waits."""
    staging = check_staging(folder, key)
    for state in states:
        passed_reports(work, key, state, folder, state.staging(staging))
    approved = approved_now(work, key.request_id, *key.starters)
    for state in states:
        check_unchanged(state, approved.decision.digest, approved.signed_plan.digest)
    may, waiting = recipients_now(work, [approved.part(s.recipient) for s in states])
    now = [s for s in states if s.recipient in {part.plan.recipient for part in may}]
    source.check(work, approved.plan)
    for state in now:
        _no_newer_holds(work, approved, state.staging(staging))
    zone = drop_zone(work)
    zone.check()
    for state in now:
        _is_what_was_signed(work, key, state, state.staging(staging) / DELIVERY)
    for state in now:
        released[state.delivery_id] = _publish(work, key, state, state.staging(staging), zone, lock)
    return waiting


def _publish(
    work: Workplace, key: RunKey, state: RunState, staging: Path, zone: DropZone, lock: PeriodLock
) -> dict[str, Any]:
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
    return _told(state, digest, {f.dataset: f.rows for f in manifest.files})


def _released_before(work: Workplace, key: RunKey, state: RunState) -> dict[str, Any]:
    """What an earlier try of this gate released before it was killed; empty if it did not."""
    with reading(work.register) as view:
        delivery = register.get_delivery(view, state.delivery_id)
    if delivery.state not in LEFT_THE_HOUSE or delivery.run_id != key.name:
        return {}
    return _told(state, delivery.manifest_digest, {f.dataset: f.rows for f in delivery.files})


def _told(state: RunState, digest: str, rows: dict[str, int]) -> dict[str, Any]:
    return {"delivery": state.delivery_id, "recipient": state.recipient, "manifest": digest, "rows": rows}


def _is_what_was_signed(work: Workplace, key: RunKey, state: RunState, folder: Path) -> None:
    signed = {"manifest": digest_file(folder / MANIFEST)}
    evidence.demand(work, key, state.delivery_id, evidence.MANIFEST_SIGNED, signed)
    found = verify_delivery(folder, work.places.allowed_signers, work.now())
    found.check()
    manifest, _ = read_manifest((folder / MANIFEST).read_bytes())
    told = (manifest.delivery.id, manifest.agreement.plan_digest, manifest.agreement.recipient.id)
    if told != (state.delivery_id, state.plan_digest, state.recipient):
        raise ApprovalMissing(f"What is staged is not {state.delivery_id}.", advice="Start a new run.")


def _no_newer_holds(work: Workplace, approved: Approved, staging: Path) -> None:
    newer = source.holds_since(work, approved.plan, load_extract(staging))
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
