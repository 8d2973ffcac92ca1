"""Takes in what recipients signed: receipts and certificates of destruction, from their inboxes.

Rules:
1. A document is judged by the rules of `handover.receipt_rules`, in their order. What it says, the step of custody that
   follows from it and the ledger's event are saved together; only then it is taken out of the inbox. Whoever is killed
   in between finds it again: it was taken before, and changes nothing.
2. What is refused is recorded once per reason, by digest, and its recipient is told why, and what to do. Its content is
   repeated nowhere.
3. One recipient's inbox holds up no other.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from extracts.agreement.custody import Custody, CustodyNow, moved_by_receipt
from extracts.catalogue.parties import Recipient
from extracts.errors import DropZoneUnreachable, InvalidDocument
from extracts.handover.certificate import Certificate, certificate_objection, read_certificate
from extracts.handover.dropzone.inbox import Inbox
from extracts.handover.receipt import SUFFIX, Receipt, ReceiptResult, read_receipt
from extracts.handover.receipt_rules import OBJECTIONS, Left, Objection, receipt_objection
from extracts.handover.rehearsal import is_marked
from extracts.record import custody, register, rehearsals
from extracts.record.transaction import Reading, Work, unit_of_work
from extracts.steps import notices
from extracts.steps.offers import Offer, fingerprint_or_none, read_offers, signers_of
from extracts.steps.rehearsals import take_rehearsal_receipt
from extracts.steps.transfer import inbox as inbox_of

if TYPE_CHECKING:
    from pathlib import Path

    from extracts.steps.workplace import Workplace

_ROUNDS = 50


@dataclass(frozen=True)
class Dealt:
    """One document that was dealt with. `objection` is empty if it was taken; `deliveries` are those that it moved."""

    recipient: str
    digest: str
    objection: str = ""
    deliveries: tuple[str, ...] = ()


@dataclass(frozen=True)
class TakenIn:
    """One round. `waiting`: files without their other half; `problems`: inboxes that could not be looked into."""

    dealt: tuple[Dealt, ...]
    waiting: int
    problems: tuple[str, ...]

    @property
    def taken(self) -> tuple[Dealt, ...]:
        """What was taken."""
        return tuple(d for d in self.dealt if not d.objection)

    @property
    def refused(self) -> tuple[Dealt, ...]:
        """What was refused."""
        return tuple(d for d in self.dealt if d.objection)


def take_receipts(work: Workplace) -> TakenIn:
    """Deal with everything that lies in the inboxes now."""
    dealt: list[Dealt] = []
    waiting, problems = 0, []
    with inbox_of(work) as inbox:
        for recipient in work.parties.recipients.values():
            try:
                found, left_over = _one_inbox(work, inbox, recipient)
            except DropZoneUnreachable as error:
                problems.append(str(error))
                continue
            dealt += found
            waiting += left_over
    return TakenIn(tuple(dealt), waiting, tuple(problems))


def _one_inbox(work: Workplace, inbox: Inbox, recipient: Recipient) -> tuple[list[Dealt], int]:
    """An inbox offers a limited number at once: it is looked into again until nothing can be dealt with."""
    dealt: list[Dealt] = []
    with signers_of(work, recipient) as signers:
        for _ in range(_ROUNDS):
            offered = read_offers(inbox, recipient)
            for offer in offered.offers:
                dealt.append(_deal_with(work, offer, signers))
                offer.taken_from(inbox)
            if not offered.offers:
                break
    return dealt, offered.waiting


def _deal_with(work: Workplace, offer: Offer, signers: Path) -> Dealt:
    fingerprint = fingerprint_or_none(work, offer, signers)
    if fingerprint is None:
        return _refuse(work, offer, Objection.FORGED)
    try:
        said = read_receipt(offer.data) if offer.kind == SUFFIX else read_certificate(offer.data)
    except InvalidDocument:
        return _refuse(work, offer, Objection.UNREADABLE)
    with unit_of_work(work.register) as unit:
        if custody.was_taken(unit, offer.digest) or rehearsals.was_taken(unit, offer.digest):
            objection: Objection | None = Objection.REPLAYED
        elif _is_mixed_up(offer, said):
            objection = Objection.MIXED
        elif isinstance(said, Receipt) and offer.is_test:
            objection = take_rehearsal_receipt(work, unit, offer, said, fingerprint)
        elif isinstance(said, Receipt):
            objection = _take_receipt(work, unit, offer, said, fingerprint)
        else:
            objection = _take_certificate(work, unit, offer, said, fingerprint)
    if objection is not None:
        return _refuse(work, offer, objection, _named(said))
    return Dealt(offer.recipient.id, offer.digest, deliveries=_named(said))


def _is_mixed_up(offer: Offer, said: Receipt | Certificate) -> bool:
    """A receipt is about what its name and namespace say; a certificate is about deliveries alone."""
    if isinstance(said, Certificate):
        return any(map(is_marked, _named(said)))
    return is_marked(said.delivery_id) is not offer.is_test


def _named(said: Receipt | Certificate) -> tuple[str, ...]:
    return (said.delivery_id,) if isinstance(said, Receipt) else tuple(d.delivery_id for d in said.deliveries)


# --- receipts ---------------------------------------------------------------------------------------------------------


def _take_receipt(work: Workplace, unit: Work, offer: Offer, said: Receipt, key: str) -> Objection | None:
    now = work.now()
    left = _left(unit, (said.delivery_id,))
    objection = receipt_objection(said, offer.recipient.id, left.get(said.delivery_id), now)
    if objection is not None:
        return objection
    there = custody.lock_custody(unit, said.delivery_id)
    custody.save_receipt(
        unit,
        custody.ReceiptEntry(
            offer.digest, said.delivery_id, said.result, said.at, key, offer.data.decode(), offer.signature, now
        ),
    )
    step = moved_by_receipt(there.state, said.result is ReceiptResult.DECRYPTED)
    if step is not None:
        custody.save_step(unit, there, step, at=now, actor=offer.recipient.id, document_digest=offer.digest)
    kind = f"delivery.{step}" if step else "receipt.taken"
    told = {"receipt": offer.digest, "result": said.result, "key": key, "manifest_digest": said.manifest_digest}
    unit.event(now, kind, said.delivery_id, offer.recipient.id, told)
    if there.state is Custody.WITHDRAWN:
        notices.destroy_now(unit, there, now)
    return None


def _left(view: Reading, delivery_ids: tuple[str, ...]) -> dict[str, Left]:
    """What is known of these deliveries, of those that left."""
    found = {}
    for there in custody.custodies(view, delivery_ids=delivery_ids):
        entry = register.get_delivery(view, there.delivery_id)
        files = {f.name: f.sha256 for f in entry.files}
        found[there.delivery_id] = Left(
            there.delivery_id, there.recipient, entry.manifest_digest, files, there.published_at
        )
    return found


# --- certificates -----------------------------------------------------------------------------------------------------


def _take_certificate(work: Workplace, unit: Work, offer: Offer, said: Certificate, key: str) -> Objection | None:
    now, ids = work.now(), _named(said)
    objection = certificate_objection(said, offer.recipient.id, _left(unit, ids), now)
    if objection is not None:
        return objection
    there = [custody.lock_custody(unit, delivery_id) for delivery_id in sorted(ids)]
    custody.save_certificate(
        unit,
        custody.CertificateEntry(
            offer.digest, offer.recipient.id, said.at, key, offer.data.decode(), offer.signature, now
        ),
    )
    told = {"certificate": offer.digest, "key": key, "destroyed_at": said.destroyed_at}
    unit.event(now, "certificate.taken", offer.recipient.id, offer.recipient.id, {**told, "deliveries": len(ids)})
    for each in there:
        _destroyed(unit, each, offer, now, told)
    return None


def _destroyed(unit: Work, there: CustodyNow, offer: Offer, now: datetime, told: dict[str, object]) -> None:
    """A delivery that was certified before keeps its first certificate."""
    if there.state is not Custody.DESTROYED:
        actor = offer.recipient.id
        custody.save_step(unit, there, Custody.DESTROYED, at=now, actor=actor, document_digest=offer.digest)
        unit.event(now, "delivery.destroyed", there.delivery_id, actor, told)


# --- refusals ---------------------------------------------------------------------------------------------------------


def _latest_of(view: Reading, recipient: str) -> tuple[str, int] | None:
    """(request, version) of what was sent there last: a delivery, or the rehearsal before the first."""
    if found := custody.latest_of(view, recipient):
        return found
    tried = rehearsals.list_rehearsals(view, recipient=recipient)
    return (tried[-1].request_id, tried[-1].version) if tried else None


def _refuse(work: Workplace, offer: Offer, objection: Objection, named: tuple[str, ...] = ()) -> Dealt:
    now, recipient = work.now(), offer.recipient.id
    with unit_of_work(work.register) as unit:
        theirs = [c for c in custody.custodies(unit, delivery_ids=named) if c.recipient == recipient]
        delivery_id = theirs[0].delivery_id if len(theirs) == 1 else ""
        if custody.save_refusal(unit, offer.digest, recipient, objection, delivery_id, now):
            told = {"digest": offer.digest, "objection": objection, "kind": offer.kind.strip(".").partition(".")[0]}
            unit.event(now, "receipt.refused", delivery_id or recipient, recipient, told)
            about = (theirs[0].request_id, theirs[0].version) if theirs else _latest_of(unit, recipient)
            if about is not None:
                why = OBJECTIONS[objection]
                notices.receipt_refused(unit, *about, recipient, offer.digest, delivery_id, why, now)
    return Dealt(recipient, offer.digest, objection, named if theirs else ())
