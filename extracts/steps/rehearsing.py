"""Sends a rehearsal: made-up rows of the agreement's form, through everything that its deliveries will go through.

Rules:
1. The agreement is in force, its recipient confirmed, with keys that count today: else a rehearsal would show nothing.
2. No row of the source is read. What is sent is checked as its recipient will check it, before it is sent.
3. One at a time for each recipient: an earlier one that was not acknowledged is given up, and taken out of the area,
   before another comes. Of several recipients each has a rehearsal of its own.
4. It is saved before it is published, with its ledger event. Whoever is killed in between starts another one.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from extracts.agreement.status import Status
from extracts.catalogue.recipient_keys import RecipientKey
from extracts.errors import CheckFailed, ExtractsError, NotPermitted, Refused
from extracts.extraction.made_up import made_up_file
from extracts.extraction.values import ExtractFile
from extracts.handover import facts
from extracts.handover.collection.checks import check_opened
from extracts.handover.delivery import Approval, assemble
from extracts.handover.encryption import encrypt
from extracts.handover.findings import Finding, Result
from extracts.handover.manifest import Manifest
from extracts.handover.rehearsal import marked
from extracts.handover.verify import verify_delivery
from extracts.record import ledger, register, rehearsals
from extracts.record.event import Anchor
from extracts.record.locks import period_lock
from extracts.record.rehearsals import Rehearsal, Step
from extracts.record.transaction import reading, unit_of_work
from extracts.steps import manifest_facts, notices
from extracts.steps.approval import Approved, approved_now
from extracts.steps.rehearsals import clear_rehearsals, end_open, missing_rehearsal
from extracts.steps.run_folder import folder_name, remove_staged
from extracts.steps.signers import rehearsal_index_signer, rehearsal_principal, sign_rehearsal
from extracts.steps.transfer import decryption_keys, drop_zone

if TYPE_CHECKING:
    from extracts.steps.workplace import Workplace

LOCK = "rehearsal"
REPLACED = "another rehearsal took its place"
_NOTHING_READ = "no source was read"


def rehearse_each(work: Workplace, request_id: str, actor: str, recipient: str = "") -> list[tuple[Rehearsal, Path]]:
    """Send one to each recipient that needs one still, or to the one that is named; each, and the folder that it sees.

    An agreement that needs none any more may be rehearsed again all the same. Raises what `rehearse` raises.
    """
    approved = approved_now(work, request_id)
    if recipient:
        return [rehearse(work, request_id, actor, recipient)]
    wanted = [p.plan.recipient for p in approved.parts() if missing_rehearsal(work, p) is not None]
    sent, refused = list[tuple[Rehearsal, Path]](), list[ExtractsError]()
    for each in wanted or approved.signed_plan.recipients:
        try:
            sent.append(rehearse(work, request_id, actor, each))
        except (Refused, NotPermitted) as error:  # of this recipient: it holds up no other
            refused.append(error)
    if not sent:
        raise refused[0]
    return sent


def rehearse(work: Workplace, request_id: str, actor: str, recipient: str = "") -> tuple[Rehearsal, Path]:
    """Send one; what was sent, and the folder that its recipient sees. `recipient`: which of several.

    Raises ApprovalMissing and its kin, NotFound (the agreement is not for it), NotPermitted (the recipient),
    SignatureInvalid (the service's key may not sign rehearsals), CheckFailed (the plan's form cannot be made up),
    DropZoneUnreachable, DiskFull, Busy.
    """
    with period_lock(work.register, request_id, LOCK) as lock:
        approved = approved_now(work, request_id)
        approved = approved.part(recipient or approved.signed_plan.recipients[0])
        keys = decryption_keys(work, approved.plan.recipient)
        signer = rehearsal_principal(work)
        drop_zone(work).check()
        end_open(work, request_id, actor, REPLACED, approved.plan.recipient)
        clear_rehearsals(work, request_id)
        with _staged(work, request_id) as folder:
            entry = _make(work, approved, keys, signer, folder, actor)
            lock.check()
            path = drop_zone(work).publish(folder / entry.rehearsal_id, rehearsal_index_signer(work), work.now()).path
        return _tell(work, entry, actor), Path(path)


def _make(
    work: Workplace, approved: Approved, keys: tuple[RecipientKey, ...], signer: str, folder: Path, actor: str
) -> Rehearsal:
    """The rehearsal, assembled in its folder under `folder`, and saved."""
    now = work.now()
    with reading(work.register) as view:
        number = rehearsals.next_number(view, approved.plan.request_id)
    delivery = _delivery(approved, number, now)
    target = folder / delivery.id
    target.mkdir(mode=0o700)
    made = tuple(_file(work, approved, planned.dataset, folder) for planned in approved.plan.datasets)
    files = tuple(_sealed(work, approved, file, target, keys) for file in made)
    reports = (_report(approved, folder, files),)
    anchor = _anchored(work, delivery.id, approved, made, actor)
    parts = _parts(work, approved, made, delivery) | {
        "files": files,
        "reports": reports,
        "encrypted_to": tuple(k.fingerprint for k in keys),
        "ledger": facts.LedgerAnchor(anchor.sequence, anchor.digest),
        "signer": signer,
    }
    assembled = assemble(target, Manifest(**parts), _approval(approved), lambda data: sign_rehearsal(work, data))
    verify_delivery(target, work.places.allowed_signers, work.now(), rehearsal=True).check()
    return _save(work, approved, number, delivery.id, assembled.manifest_digest, files, actor)


def _delivery(approved: Approved, number: int, now: datetime) -> facts.DeliveryFacts:
    period, today = f"rehearsal-{number}", now.date()
    return facts.DeliveryFacts(
        id=f"{marked(approved.plan.request_id)}.{period}.r1",
        period=period,
        period_first=today,
        period_last=today,
        revision=1,
        data_as_at=now,
        extracted_at=now,
        made_at=now,
    )


def _file(work: Workplace, approved: Approved, name: str, folder: Path) -> ExtractFile:
    planned = next(d for d in approved.plan.datasets if d.dataset == name)
    return made_up_file(approved.plan, planned, work.dataset(name), folder / marked(f"{name}.parquet"))


def _sealed(
    work: Workplace, approved: Approved, file: ExtractFile, target: Path, keys: tuple[RecipientKey, ...]
) -> facts.FileFacts:
    sealed = encrypt(
        file.path, target / f"{file.path.name}.age", [k.public_key for k in keys], clear_sha256=file.sha256
    )
    planned = next(d for d in approved.plan.datasets if d.dataset == file.dataset)
    return manifest_facts.file_facts(file, sealed, planned, work.dataset(file.dataset))


def _report(approved: Approved, folder: Path, files: tuple[facts.FileFacts, ...]) -> facts.ReportFacts:
    """What its recipient will find, found here first. Raises CheckFailed."""
    found = [f for file in files for f in check_opened(folder / file.clear_name, file, approved.plan, rehearsal=True)]
    if wrong := [str(f) for f in found if f.result is Result.FAILED]:
        raise CheckFailed(
            f"{approved.plan.request_id}: rows of its form could not be made up: {'; '.join(wrong)}.",
            advice="Nothing was sent. Tell whoever maintains this software: its made-up values do not fit this plan.",
        )
    return facts.ReportFacts("Made-up rows", "what a recipient checks", tuple(map(_check, found)))


def _check(finding: Finding) -> facts.CheckFacts:
    passed = finding.result is Result.CHECKED
    return facts.CheckFacts(finding.what, finding.file, passed, not_applicable="" if passed else finding.what)


def _parts(
    work: Workplace, approved: Approved, made: tuple[ExtractFile, ...], delivery: facts.DeliveryFacts
) -> dict[str, Any]:
    handling = manifest_facts.handling(approved, delivery.made_at.date())
    return {
        "delivery": delivery,
        "agreement": manifest_facts.agreement_facts(approved, work.policy),
        "handling": replace(handling, classification="TEST (made-up rows; nothing about anybody)"),
        "sources": tuple(_source(approved, file.dataset, delivery.made_at) for file in made),
        "reconciliation": manifest_facts.reconciliation(made),
        "disclosure": manifest_facts.disclosure(approved.plan, made),
        "made_by": manifest_facts.made_by("", delivery.period, 1, work.image_digest),
    }


def _source(approved: Approved, dataset: str, at: datetime) -> facts.SourceFacts:
    planned = next(d for d in approved.plan.datasets if d.dataset == dataset)
    return facts.SourceFacts(
        dataset=dataset,
        system=_NOTHING_READ,
        relation=planned.relation,
        system_identifier="",
        server_version="",
        snapshot=_NOTHING_READ,
        log_position="",
        loaded_at=at,
        age_minutes=0,
        enforced_by=_NOTHING_READ,
        hold_list_loaded_at=at,
        hold_list_entries=0,
        curated_view_digest=planned.view_digest,
        agreement_view_digest="",
    )


def _anchored(
    work: Workplace, rehearsal_id: str, approved: Approved, made: tuple[ExtractFile, ...], actor: str
) -> Anchor:
    told = {"rows": {f.dataset: f.rows for f in made}, "plan_digest": approved.signed_plan.digest}
    with unit_of_work(work.register) as unit:
        unit.event(work.now(), "rehearsal.prepared", rehearsal_id, actor, told)
    with reading(work.register) as view:
        return ledger.head(view.connection)


def _approval(approved: Approved) -> Approval:
    published = approved.published
    return Approval(
        decision=approved.decision.canonical(),
        board_signature=published.board.signature,
        controller_signature=published.controller.signature,
        plan=approved.signed_plan.canonical(),
    )


def _save(
    work: Workplace,
    approved: Approved,
    number: int,
    rehearsal_id: str,
    manifest_digest: str,
    files: tuple[facts.FileFacts, ...],
    actor: str,
) -> Rehearsal:
    now, plan = work.now(), approved.plan
    entry = Rehearsal(
        rehearsal_id=rehearsal_id,
        request_id=plan.request_id,
        version=approved.decision.request_version,
        number=number,
        recipient=plan.recipient,
        decision_digest=approved.decision.digest,
        manifest_digest=manifest_digest,
        files={f.name: f.sha256 for f in files},
        made_at=now,
        made_by=actor,
    )
    with unit_of_work(work.register) as unit:
        register.hold_status(unit, plan.request_id, entry.version, Status.APPROVED)
        rehearsals.save_rehearsal(unit, entry)
        unit.event(now, "rehearsal.publishing", rehearsal_id, actor, {"manifest_digest": manifest_digest})
    return entry


def _tell(work: Workplace, entry: Rehearsal, actor: str) -> Rehearsal:
    now = work.now()
    with unit_of_work(work.register) as unit:
        there = rehearsals.lock_rehearsal(unit, entry.rehearsal_id)
        rehearsals.save_step(unit, there, Step.PUBLISHED, at=now, actor=actor)
        unit.event(now, "rehearsal.published", entry.rehearsal_id, actor, {"manifest_digest": entry.manifest_digest})
        notices.rehearsal(unit, entry, now)
    with reading(work.register) as view:
        return rehearsals.get_rehearsal(view, entry.rehearsal_id)


@contextmanager
def _staged(work: Workplace, request_id: str) -> Iterator[Path]:
    """A folder of its own (0700), which is gone afterwards."""
    folder = work.places.staging / folder_name(marked(request_id))
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        remove_staged(folder)
