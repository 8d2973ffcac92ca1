"""Gate 5: encrypt the inspected files to the recipient, and sign the manifest that binds everything together.

Nothing is encrypted that did not pass: the reports of the gates before are read, and held against the ledger.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from extracts.canonical import digest
from extracts.errors import CheckFailed
from extracts.extraction.values import Extract, Report
from extracts.handover import facts
from extracts.handover.delivery import Approval, Assembled, assemble
from extracts.handover.encryption import Encrypted, encrypt
from extracts.handover.manifest import LINEAGE
from extracts.record import ledger, register
from extracts.record.delivery_entries import DeliveryEntry
from extracts.record.event import Anchor
from extracts.record.transaction import reading, unit_of_work
from extracts.steps import evidence, lineage, manifest_facts
from extracts.steps.approval import Approved, approved_now
from extracts.steps.claim import check_staging
from extracts.steps.part_keys import pseudonym_key
from extracts.steps.signers import service_principal
from extracts.steps.signers import sign_manifest as signature_of
from extracts.steps.state import RunState, check_unchanged, extract_digest, load_extract, settled_states
from extracts.steps.transfer import decryption_keys

if TYPE_CHECKING:
    from pathlib import Path

    from extracts.steps.run import RunKey
    from extracts.steps.run_folder import RunFolder
    from extracts.steps.workplace import Workplace

REPORTS = "reports"
PARTS = "recipients"
DELIVERY = "delivery"


def sign_manifest(work: Workplace, key: RunKey, folder: RunFolder) -> dict[str, Any]:
    """Complete the delivery in staging: encrypted, signed, ready to be released.

    Raises CheckFailed if a report is missing or did not pass, NotPermitted if the recipient has no key.
    """
    states, staging = settled_states(work, key, folder), check_staging(folder, key)
    approved = approved_now(work, key.request_id, *key.starters)
    for state in states:
        check_unchanged(state, approved.decision.digest, approved.signed_plan.digest)
    made = [_sign(work, key, folder, approved.part(s.recipient), s, s.staging(staging)) for s in states]
    if not states[0].part:
        return made[0]
    return {PARTS: {state.part: found for state, found in zip(states, made, strict=True)}}


def _sign(
    work: Workplace, key: RunKey, folder: RunFolder, approved: Approved, state: RunState, staging: Path
) -> dict[str, Any]:
    reports = passed_reports(work, key, state, folder, staging)
    extract = load_extract(staging)
    recipients = decryption_keys(work, state.recipient)
    anchor = _anchored(work, key, state, extract)
    target = staging / DELIVERY
    target.mkdir(mode=0o700, exist_ok=True)
    sealed = {f.dataset: _seal(f.path, target, [k.public_key for k in recipients], f.sha256) for f in extract.files}
    previous = _previous(work, state)
    secret = pseudonym_key(work, approved)
    manifest = manifest_facts.complete(
        {
            **_agreement_parts(work, approved, state, extract),
            **_data_parts(work, approved, extract, sealed),
            "reports": manifest_facts.report_facts(reports),
            "encrypted_to": tuple(k.fingerprint for k in recipients),
            "made_by": manifest_facts.made_by(key.dag_id, key.run_id, key.try_number, work.image_digest),
            "ledger": facts.LedgerAnchor(anchor.sequence, anchor.digest),
            "signer": service_principal(work),
            "pseudonym_key": secret.key_id if secret else "",
            "previous": facts.Previous(previous.delivery_id, previous.manifest_digest) if previous else None,
        }
    )
    made = assemble(target, manifest, _approval(approved), lambda data: signature_of(work, data))
    evidence.remember(work, key, state.delivery_id, evidence.MANIFEST_SIGNED, {"manifest": made.manifest_digest})
    lineage.delivery_signed(folder, state, target / LINEAGE)
    folder.write(state.note("manifest"), {"manifest_digest": made.manifest_digest, "files": made.files})
    return _found(made, sealed)


def passed_reports(
    work: Workplace, key: RunKey, state: RunState, folder: RunFolder, staging: Path
) -> tuple[Report, ...]:
    """The reports of validation and inspection. Raises CheckFailed unless all passed, and on what is in staging now."""
    documents = folder.read(state.note(REPORTS)).get("reports", [])
    reports = TypeAdapter(tuple[Report, ...]).validate_python(documents)
    if not reports or not all(r.passed for r in reports):
        raise CheckFailed(
            "This run has no complete set of passed reports: nothing may be signed.",
            advice="validate_extract did not pass, or was walked around. Start a new run.",
        )
    proved = {"extract": extract_digest(staging), "reports": digest(documents)}
    evidence.demand(work, key, state.delivery_id, evidence.EXTRACT_VALIDATED, proved)
    return reports


def _anchored(work: Workplace, key: RunKey, state: RunState, extract: Extract) -> Anchor:
    """Where the ledger stands right after it was told that this manifest is being made."""
    now = work.now()
    counts = {f.dataset: f.rows for f in extract.files}
    with unit_of_work(work.register) as unit:
        unit.event(
            now, "manifest.prepared", state.delivery_id, key.actor, {"rows": counts, "plan_digest": state.plan_digest}
        )
    with reading(work.register) as view:
        return ledger.head(view.connection)


def _seal(clear: Path, target: Path, recipients: list[str], clear_sha256: str) -> Encrypted:
    name = f"{clear.name}.age"
    (target / name).unlink(missing_ok=True)
    return encrypt(clear, target / name, recipients, clear_sha256=clear_sha256)


def _previous(work: Workplace, state: RunState) -> DeliveryEntry | None:
    with reading(work.register) as view:
        return register.last_published(view, state.request_id, state.part)


def _agreement_parts(work: Workplace, approved: Approved, state: RunState, extract: Extract) -> dict[str, Any]:
    now = work.now()
    delivery = facts.DeliveryFacts(
        id=state.delivery_id,
        period=state.period,
        period_first=state.first,
        period_last=state.last,
        revision=state.revision,
        data_as_at=extract.snapshot.at,
        extracted_at=extract.finished_at,
        made_at=now,
        supersedes=state.supersedes,
        reason=state.reason,
    )
    return {
        "delivery": delivery,
        "agreement": manifest_facts.agreement_facts(approved, work.policy),
        "handling": manifest_facts.handling(approved, now.date()),
    }


def _data_parts(work: Workplace, approved: Approved, extract: Extract, sealed: dict[str, Encrypted]) -> dict[str, Any]:
    planned = {d.dataset: d for d in approved.plan.datasets}
    return {
        "files": tuple(
            manifest_facts.file_facts(f, sealed[f.dataset], planned[f.dataset], work.dataset(f.dataset))
            for f in extract.files
        ),
        "sources": tuple(manifest_facts.source_facts(extract, s, work.dataset(s.dataset)) for s in extract.sources),
        "reconciliation": manifest_facts.reconciliation(extract.files),
        "disclosure": manifest_facts.disclosure(approved.plan, extract.files),
    }


def _approval(approved: Approved) -> Approval:
    published = approved.published
    return Approval(
        approved.decision.canonical(),
        published.board.signature,
        published.controller.signature,
        approved.signed_plan.canonical(),
    )


def _found(made: Assembled, sealed: dict[str, Encrypted]) -> dict[str, Any]:
    return {
        "manifest": made.manifest_digest,
        "bytes": sum(s.bytes for s in sealed.values()),
        "files": sorted(made.files),
    }
