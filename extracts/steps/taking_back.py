"""Takes deliveries back: withdrawn for good, or expired because nobody acknowledged them; and publishes again.

Rules:
1. The register says so first, with its event; then the transfer area is changed, and that is told in turn. Whoever is
   killed in between, or cannot reach the area, leaves what the clocks finish (`clear_area`).
2. The index is marked before the files go: a recipient who looks in between sees why, and not a hole.
3. What expires is kept by the controller, encrypted as it was, until it is published again, withdrawn, or to be
   destroyed. What is withdrawn is kept by nobody.
4. Publishing again asks for the approval as a release does, and publishes the very files that left before.
5. Withdrawing a delivery leaves the pseudonym key; only ending the agreement retires it.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from extracts.agreement.custody import Custody, CustodyNow
from extracts.agreement.status import Status
from extracts.canonical import digest_file
from extracts.catalogue.forms import readable
from extracts.errors import ExtractsError, IllegalTransition, NotFound, Refused, TechnicalFailure
from extracts.handover.dropzone.interface import Place
from extracts.handover.manifest import MANIFEST
from extracts.record import custody, register
from extracts.record.transaction import Work, reading, unit_of_work
from extracts.steps import notices
from extracts.steps.actor import names_of
from extracts.steps.approval import approved_now
from extracts.steps.certificates import check_certificates
from extracts.steps.signers import index_signer
from extracts.steps.transfer import drop_zone, recipient_of

if TYPE_CHECKING:
    from extracts.steps.workplace import Workplace

NOT_ACKNOWLEDGED = "it was not acknowledged in time"
WITHDRAWN = "the controller withdrew it"
CERTIFIED = "its recipient certified that it was destroyed"
REVOKED = "its agreement was revoked"
_ASK_AGAIN = "It can be published again as it was: ask the contact in the notice of your agreement."
_DESTROY = "Do not use it. Whoever has a copy destroys it, and certifies that: `extracts attest-destroyed`."


@dataclass(frozen=True)
class TakenBack:
    """A delivery that was taken back. `collected_by`: who says by receipt that they have it, or nobody."""

    delivery_id: str
    recipient: str
    collected_by: str
    was: Custody


def withdraw(work: Workplace, delivery_id: str, actor: str, reasons: str) -> TakenBack:
    """Withdraw one delivery for good, and empty its place in the area.

    Raises NotFound, IllegalTransition (withdrawn or destroyed before, or not out yet), UsageError; TechnicalFailure if
    it is withdrawn, and the area could not be changed yet.
    """
    text = readable("reasons", reasons)
    done = _withdraw(work, delivery_id, actor, WITHDRAWN)
    _clear(work, (delivery_id,), text)
    return done


def withdraw_all(work: Workplace, request_id: str, actor: str, why: str = REVOKED) -> tuple[TakenBack, ...]:
    """Withdraw every delivery of an agreement that has ended. Raises TechnicalFailure as `withdraw` does."""
    with reading(work.register) as view:
        there = custody.custodies(view, request_id=request_id)
    ids = [c.delivery_id for c in there if c.state not in (Custody.WITHDRAWN, Custody.DESTROYED)]
    done = tuple(_withdraw(work, delivery_id, actor, why) for delivery_id in ids)
    _clear(work, tuple(ids), why)
    return done


def expire(work: Workplace, delivery_id: str, actor: str) -> bool:
    """Take one out of the area that nobody acknowledged in time; False if somebody just did."""
    now = work.now()
    with unit_of_work(work.register) as unit:
        there = custody.lock_custody(unit, delivery_id)
        if there.state not in (Custody.PUBLISHED, Custody.COLLECTED):
            return False
        custody.save_step(unit, there, Custody.EXPIRED, at=now, actor=actor)
        unit.event(now, "delivery.expired", delivery_id, actor, {"was": there.state})
        notices.taken_back(unit, there, NOT_ACKNOWLEDGED, _ASK_AGAIN, now)
    _clear(work, (delivery_id,), NOT_ACKNOWLEDGED)
    return True


def republish(work: Workplace, delivery_id: str, actor: str) -> Path:
    """Publish an expired delivery again, as it was; the folder that the recipient sees.

    Raises IllegalTransition unless it is expired, Refused if it is superseded, past its day or not kept here,
    ApprovalMissing and its kin, NotPermitted, DropZoneUnreachable, Busy.
    """
    with reading(work.register) as view:
        there, entry = custody.custody_now(view, delivery_id), register.get_delivery(view, delivery_id)
    kept = _kept(work, delivery_id)
    _may_come_back(work, there, kept, entry.manifest_digest)
    approved_now(work, there.request_id, *names_of(actor))
    check_certificates(work, there.request_id, entry.part)
    recipient_of(work, there.recipient)
    place, zone, signer = _place(there), drop_zone(work), index_signer(work)
    published = zone.publish(kept, signer, work.now())
    zone.relist(place, signer, work.now())
    now = work.now()
    with unit_of_work(work.register) as unit:
        register.hold_status(unit, there.request_id, there.version, Status.APPROVED)
        custody.save_step(unit, custody.lock_custody(unit, delivery_id), Custody.PUBLISHED, at=now, actor=actor)
        unit.event(now, "delivery.republished", delivery_id, actor, {"manifest_digest": entry.manifest_digest})
        notices.delivered(unit, entry, now, again=True)
    return Path(published.path)


def clear_area(work: Workplace) -> tuple[str, ...]:
    """Take out of the area what the register says is no longer in it, and was not yet seen to be gone; their ids."""
    return _clear(work, (), "")


# --- how --------------------------------------------------------------------------------------------------------------


def _withdraw(work: Workplace, delivery_id: str, actor: str, why: str) -> TakenBack:
    now = work.now()
    with unit_of_work(work.register) as unit:
        there = _locked(unit, delivery_id)
        custody.save_step(unit, there, Custody.WITHDRAWN, at=now, actor=actor)
        register.withdraw_delivery(unit, delivery_id)
        told = {"was": there.state, "with_recipient": there.with_recipient, "because": why}
        unit.event(now, "delivery.withdrawn", delivery_id, actor, told)
        notices.taken_back(unit, there, why, _DESTROY, now)
        if there.with_recipient:
            notices.destroy_now(unit, there, now)
    return TakenBack(delivery_id, there.recipient, there.recipient if there.with_recipient else "", there.state)


def _locked(unit: Work, delivery_id: str) -> CustodyNow:
    try:
        return custody.lock_custody(unit, delivery_id)
    except NotFound:
        state = register.get_delivery(unit, delivery_id).state
        raise IllegalTransition(
            f"{delivery_id} is {state}: it has not left, so there is nothing to withdraw.",
            advice="Suspend or revoke its agreement: a run that is under way stops at its next gate.",
        ) from None


def _clear(work: Workplace, delivery_ids: tuple[str, ...], reason: str) -> tuple[str, ...]:
    """Mark and remove; what fails is told once all others are done."""
    with reading(work.register) as view:
        steps = custody.to_remove(view, delivery_ids)
        there = {c.delivery_id: c for c in custody.custodies(view, delivery_ids={s[0] for s in steps})}
    failed, done = [], []
    for delivery_id, number, step in steps:
        try:
            _empty_place(work, there[delivery_id], step, reason or _WORDS[step])
        except ExtractsError as error:
            failed.append(f"{delivery_id} ({type(error).__name__})")
            continue
        _note_removed(work, delivery_id, number, step)
        done.append(delivery_id)
    if failed:
        raise TechnicalFailure(
            f"Taken back in the register, but perhaps still in the transfer area: {', '.join(failed)}.",
            advice="It is tried again every few minutes. Can the area be reached, and is nobody publishing there?",
        )
    return tuple(done)


_WORDS = {Custody.EXPIRED: NOT_ACKNOWLEDGED, Custody.WITHDRAWN: WITHDRAWN, Custody.DESTROYED: CERTIFIED}


def _empty_place(work: Workplace, there: CustodyNow, step: Custody, reason: str) -> None:
    place, zone = _place(there), drop_zone(work)
    if there.state not in _WORDS:
        return  # an older expiry, whose removal was never noted: what lies there now is there rightly
    zone.withdraw(place, reason, index_signer(work), work.now())
    kept = _kept(work, there.delivery_id)
    zone.remove(place, kept if step is Custody.EXPIRED and there.state is Custody.EXPIRED else None)
    if there.state is not Custody.EXPIRED:
        shutil.rmtree(kept, ignore_errors=True)


def _note_removed(work: Workplace, delivery_id: str, number: int, step: Custody) -> None:
    now = work.now()
    with unit_of_work(work.register) as unit:
        if custody.save_removal(unit, delivery_id, number, now):
            unit.event(now, "delivery.removed", delivery_id, "service", {"because": step})


def _may_come_back(work: Workplace, there: CustodyNow, kept: Path, manifest_digest: str) -> None:
    if there.state is not Custody.EXPIRED:
        raise IllegalTransition(
            f"{there.delivery_id} is {there.state}; only what was taken back unacknowledged is published again.",
            advice="A correction is a new revision: `extracts redeliver`.",
        )
    if there.superseded or (there.destroy_by and there.destroy_by <= work.today()):
        why = "was replaced by a later revision" if there.superseded else f"had to be destroyed by {there.destroy_by}"
        raise Refused(f"{there.delivery_id} {why}: it is not published again.")
    if not (kept / MANIFEST).is_file() or digest_file(kept / MANIFEST) != manifest_digest:
        raise Refused(
            f"{there.delivery_id} is not kept here as it left.",
            advice="Republish where it was taken back, or deliver the period again: `extracts redeliver`.",
        )


def _place(there: CustodyNow) -> Place:
    return Place(there.recipient, there.request_id, there.delivery_id)


def _kept(work: Workplace, delivery_id: str) -> Path:
    return work.places.taken_back / delivery_id


def forget_kept(work: Workplace, now: datetime) -> None:
    """What is kept to be published again is kept no longer than the recipient might."""
    with reading(work.register) as view:
        past = {c.delivery_id for c in custody.custodies(view, destroy_before=now.date())}
    folder = work.places.taken_back
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.name in past:
            shutil.rmtree(path, ignore_errors=True)
