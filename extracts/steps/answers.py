"""The answer to a request, out of the register: only what is signed in full, and whose signatures hold at this moment.

What goes out is told to the ledger with its digest (`page.signed`). The newest answer page of each decision is kept, so
that pages inside Airflow can hand it out where the service's key is not.
"""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from extracts import signing
from extracts.agreement.answer import Answer, Named, SignedBy, write_answer
from extracts.agreement.decision import Decision
from extracts.agreement.request import request_from_document
from extracts.canonical import digest_bytes
from extracts.errors import NotFound, SignatureInvalid, TechnicalFailure
from extracts.record import ledger, register
from extracts.record.entries import SignatureEntry
from extracts.record.transaction import Reading, reading, unit_of_work
from extracts.steps.decided import Signed, decisions_on
from extracts.steps.signers import judge
from extracts.steps.standing import assessment_of_all
from extracts.steps.verified import verify_signatures

if TYPE_CHECKING:
    from extracts.record.entries import RequestEntry
    from extracts.steps.workplace import Workplace

EVENT = "page.signed"
# A name that needs no quotes in any shell, and leads nowhere.
PAGE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,120}\.html")
_ROLES = {signing.DECISION_BOARD: "board", signing.DECISION_CONTROLLER: "controller"}


@dataclass(frozen=True)
class Answered:
    """An answer, with the decision that it tells of and the signatures on it."""

    answer: Answer
    decision: Decision
    signatures: tuple[SignatureEntry, ...]


@dataclass(frozen=True)
class SignedFile:
    """A page and the service's signature over its bytes. `kind` is `answer` or `feasibility`; `document_digest` is of
    the document that it was made from.
    """

    name: str
    page: bytes
    signature: str
    kind: str
    request_id: str
    version: int
    document_digest: str


def answer_on(work: Workplace, request_id: str, version: int | None = None) -> Answered:
    """The answer to the newest (or a named) version. Raises NotFound if nothing is decided; SignatureInvalid if what
    is signed does not hold, for then it must not go out.
    """
    with reading(work.register) as view:
        entry = register.get_request(view, request_id, version)
        signed = _complete(view, entry)
        _must_hold(work, view, signed)
        whole = assessment_of_all(view, entry)
    request = request_from_document(dict(entry.document))
    found = write_answer(
        request,
        signed.decision,
        tuple(SignedBy(_ROLES[s.namespace], s.principal, s.namespace, s.recorded_at) for s in signed.signatures),
        _named(work, entry),
        work.policy.reason_codes,
        work.now(),
        plan=signed.plan,
        whole=whole,
    )
    return Answered(found, signed.decision, signed.signatures)


def is_answered(work: Workplace, request_id: str, version: int) -> bool:
    """Whether a decision on this version is signed in full. Raises NotFound."""
    with reading(work.register) as view:
        return any(d.complete for d in decisions_on(view, register.get_request(view, request_id, version)))


def note_signed(work: Workplace, file: SignedFile, actor: str) -> None:
    """Tell the ledger what went out, before it does."""
    told: dict[str, object] = {
        "kind": file.kind,
        "version": file.version,
        "page_digest": digest_bytes(file.page),
        "document_digest": file.document_digest,
    }
    with unit_of_work(work.register) as unit:
        unit.event(work.now(), EVENT, file.request_id, actor, told)


def keep(work: Workplace, file: SignedFile, decision_digest: str) -> None:
    """Keep it as the page of this decision, whole or not at all. Raises TechnicalFailure."""
    path = _kept(work, file.request_id, decision_digest)
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as box:
        box.writestr(file.name, file.page)
        box.writestr(f"{file.name}.sig", file.signature)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".unfinished")
        unfinished.write_bytes(held.getvalue())
        unfinished.replace(path)
    except OSError as error:
        raise TechnicalFailure(
            f"The page on {file.request_id} cannot be kept in {path.parent} ({error.strerror}).",
            advice="Is the disk full, or the folder another user's?",
        ) from None


def kept_page(work: Workplace, request_id: str, decision_digest: str) -> bytes:
    """The page of a decision with its signature, as a ZIP file. Raises NotFound; SignatureInvalid if it is another than
    the ledger tells of, or the signature does not hold.
    """
    try:
        held = _kept(work, request_id, decision_digest).read_bytes()
    except FileNotFoundError:
        raise NotFound(
            f"No signed page of the answer to {request_id} has been made.",
            advice=f"Whoever runs this makes it: extracts request page {request_id}.",
        ) from None
    page, signature = _unpacked(held, request_id)
    with reading(work.register) as view:
        told = ledger.events(view.connection, subject=request_id, kind=EVENT, newest_first=True)
    at = next((e.at for e in told if e.payload.get("page_digest") == digest_bytes(page)), None)
    if at is None:
        raise SignatureInvalid(f"The ledger tells of no such page on {request_id}.", advice="Have it made again.")
    judge(work, page, signature, signing.PAGE, at)
    return held


def has_kept_page(work: Workplace, request_id: str, decision_digest: str) -> bool:
    """Whether there is one to be handed out."""
    return _kept(work, request_id, decision_digest).is_file()


def _complete(view: Reading, entry: RequestEntry) -> Signed:
    found = next((d for d in decisions_on(view, entry) if d.complete), None)
    if found is None:
        raise NotFound(
            f"{entry.request_id} version {entry.version} is {entry.status}: no decision on it is signed in full.",
            advice="Before a decision there is `--as feasibility`.",
        )
    return found


def _must_hold(work: Workplace, view: Reading, signed: Signed) -> None:
    for check in verify_signatures(work, view, signed):
        if check.problem:
            raise SignatureInvalid(
                f"The {check.role}'s signature on the decision on {signed.decision.request_id} does not hold: "
                f"{check.problem}",
                advice="No page goes out about it. Tell whoever keeps the register.",
            )


def _named(work: Workplace, entry: RequestEntry) -> Named:
    organisation = work.parties.organisations.get(entry.requester_organisation)
    known = work.parties.recipients
    recipients = [known[r].name if r in known else r for r in entry.recipient.split(", ")]
    return Named(
        organisation.name if organisation else entry.requester_organisation,
        ", ".join(recipients),
        entry.status,
    )


def _kept(work: Workplace, request_id: str, decision_digest: str) -> Path:
    return work.places.home / "pages" / f"{request_id}-{decision_digest.removeprefix('sha256:')[:16]}.zip"


def _unpacked(held: bytes, request_id: str) -> tuple[bytes, str]:
    try:
        with zipfile.ZipFile(io.BytesIO(held)) as box:
            page, signature = box.namelist()
            if not PAGE_NAME.fullmatch(page) or signature != f"{page}.sig":
                raise ValueError(page)
            return box.read(page), box.read(signature).decode()
    except (zipfile.BadZipFile, ValueError, OSError):
        raise SignatureInvalid(f"The kept page on {request_id} is damaged.", advice="Have it made again.") from None
