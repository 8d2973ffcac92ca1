"""The page on which Board and Controller decide: what was answered, the documents that wait, and how to sign them.

Rules:
1. A document is handed out as its very bytes, with one `ssh-keygen` line; its signature comes back by paste or upload.
   The private key never comes near this page.
2. What is drawn up and handed in goes the way of `extracts decide --print` and `--signature`; roles are asked again
   there, when it is recorded.
3. Signatures that are there are verified while the page is made.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from extracts.agreement.decision import Decision, decision_from_document
from extracts.agreement.decision_words import decision_in_words
from extracts.agreement.request import request_from_document
from extracts.agreement.review_answer import ReviewAnswer
from extracts.agreement.signers import NAMESPACES
from extracts.agreement.status import Status
from extracts.agreement.terms_in_lines import OUTCOMES, REFUSE, read_terms, recommended
from extracts.catalogue.people import Role
from extracts.catalogue.reviewers import ReviewKind
from extracts.errors import ExtractsError, NotFound, UsageError
from extracts.local.consideration import ask_again_in_airflow
from extracts.record import register
from extracts.record.reviews import ReviewAskedAgain
from extracts.record.transaction import Reading, reading
from extracts.scheduling.links import page
from extracts.settings import environment
from extracts.steps.asking import offer_by
from extracts.steps.asking_again import ask_again
from extracts.steps.deciding import draw_up_by
from extracts.steps.handing_in import HandedIn, hand_in
from extracts.steps.requests import stored_examined, stored_request
from extracts.steps.review_standing import ReviewStanding, reviews_of, whose_move
from extracts.steps.standing import Standing, standing
from extracts.steps.verified import Verified, verify_signatures
from extracts.steps.workplace import Workplace
from extracts.web.desk import open_desk
from extracts.web.marks import Mark, status_mark, verdict_mark
from extracts.web.offer import offer_on
from extracts.web.render import HEADERS, html_page
from extracts.web.sent_form import Sent, form_token
from extracts.web.visitor import Visitor, VisitorDep

DONE = {
    "drawn": "The document is drawn up. Nothing is decided before it is signed.",
    "signed": "The signature holds and is recorded. It waits for the other one.",
    "complete": "Both signatures are there: the decision is in force.",
    "returned": "The request is returned to its requester.",
    "asked-again": "The review waits for a new answer. In Airflow its form is there again.",
    "asked-again-here": "The review waits for a new answer. Airflow was not told: an engineer clears its task there.",
    "offered": "The counter-offer is with the requester, who accepts it or lets it be.",
    "accepted": "The counter-offer is accepted: it is the next version, and is considered like any other.",
    "submitted": "The request is submitted, and the Board is awaited.",
}


@dataclass(frozen=True)
class ToSign:
    """A document that waits. `roles`: those of the visitor that have not signed it."""

    decision: Decision
    signatures: tuple[tuple[Verified, Mark], ...]
    roles: tuple[Role, ...]

    @property
    def file(self) -> str:
        """What the document is called when it is saved."""
        return file_name(self.decision)

    @property
    def words(self) -> Mapping[str, Any]:
        """Its terms."""
        return decision_in_words(self.decision)

    def line(self, role: Role) -> str:
        """The one line that signs it."""
        return f"ssh-keygen -Y sign -f ~/.ssh/id_ed25519 -n {NAMESPACES[role]} {self.file}"


def decide_page(request_id: str, request: Request, visitor: VisitorDep) -> HTMLResponse:
    """The page of the newest version."""
    work = open_desk()
    found = standing(work, request_id)
    reviews = reviews_of(work, request_id)
    is_open = found.entry.status in (Status.SUBMITTED, Status.IN_REVIEW)
    with reading(work.register) as view:
        waiting = _waiting(work, view, found, visitor) if is_open else []
    return html_page(
        "decide",
        program="copy.js",
        rooms=visitor.rooms,
        entry=found.entry,
        mark=status_mark(found.entry.status),
        visitor=visitor,
        token=form_token(visitor),
        done=DONE.get(request.query_params.get("done", ""), ""),
        is_open=is_open,
        reviews=reviews,
        quorum=work.reviewers.quorum,
        carried=_carried(reviews) if visitor.is_of_board else [],
        missing=whose_move(tuple(r for r in reviews if r.entry is None)),
        waiting=waiting,
        offer=offer_on(work, found.entry),
        **(_form(work, found, reviews) if is_open else {"form": {}}),
    )


def document(request_id: str, digest: str) -> Response:
    """The canonical bytes of a decision on this request, to be saved and signed. Raises NotFound."""
    found = _decision(open_desk(), request_id, digest)
    attached = {"Content-Disposition": f'attachment; filename="{file_name(found)}"'}
    return Response(found.canonical(), media_type="application/json", headers=HEADERS | attached)


def draw_up(request_id: str, sent: Sent, visitor: VisitorDep) -> RedirectResponse:
    """Draw up what the form says; the document is then on the page."""
    work = open_desk()
    asked = request_from_document(dict(stored_request(work, request_id).document))
    terms, refused = read_terms(asked, sent)
    draw_up_by(work, request_id, terms, refused, visitor.user)
    return seen("decide", request_id, "drawn")


def sign(request_id: str, sent: Sent, visitor: VisitorDep) -> RedirectResponse:
    """Take a signature back. Raises what `hand_in` raises."""
    role, text = sent.get("role", ""), sent.get("signature", "").strip() or sent.get("file", "")
    if role not in set(Role) or not text.strip():
        raise UsageError("The form holds no signature.", advice="Paste the text of the .sig file, or choose the file.")
    work, digest = open_desk(), sent.get("digest", "")
    _decision(work, request_id, digest)
    given = HandedIn(request_id, Role(role), f"{text.strip()}\n", visitor.user, visitor.user, digest)
    signed = hand_in(work, given)
    returned = signed.status is Status.RETURNED
    return seen("decide", request_id, "returned" if returned else "complete" if signed.complete else "signed")


def make_offer(request_id: str, _: Sent, visitor: VisitorDep) -> RedirectResponse:
    """The Board's counter-offer."""
    offer_by(open_desk(), request_id, visitor.user)
    return seen("decide", request_id, "offered")


def ask_reviewer_again(request_id: str, sent: Sent, visitor: VisitorDep) -> RedirectResponse:
    """Set a carried answer aside, and let Airflow ask for the review again."""
    kind = sent.get("review", "")
    if kind not in set(ReviewKind):
        raise UsageError("The form names no review.", advice="Open the page again, and send the form there.")
    asked = ask_again(open_desk(), request_id, ReviewKind(kind), visitor.user, sent.get("reasons", ""))
    return seen("decide", request_id, "asked-again" if _in_airflow(asked) else "asked-again-here")


def _in_airflow(asked: ReviewAskedAgain) -> bool:
    """Whether Airflow asks for it, too. What was recorded stands without: it can be answered at the command line."""
    try:
        ask_again_in_airflow(environment(), asked.request_id, asked.version, asked.review)
    except ExtractsError as error:
        logging.getLogger(__name__).warning("%s: Airflow does not ask again: %s", asked.request_id, error)
        return False
    return True


def seen(room: str, request_id: str, done: str) -> RedirectResponse:
    """To the page that shows what was done, so that loading it again does nothing twice."""
    return RedirectResponse(f"{page(room, request_id)}?done={done}", status_code=303, headers=HEADERS)


def file_name(decision: Decision) -> str:
    """What the document is called when it is saved: two drafts have two names."""
    return f"{decision.request_id}-{decision.digest.removeprefix('sha256:')[:8]}.decision.json"


def _decision(work: Workplace, request_id: str, digest: str) -> Decision:
    with reading(work.register) as view:
        entry = register.get_decision(view, digest)
    if entry.request_id != request_id:
        raise NotFound(f"No decision {digest} on {request_id} is in the register.")
    return decision_from_document(entry.document)


def _waiting(work: Workplace, view: Reading, found: Standing, visitor: Visitor) -> list[ToSign]:
    made = []
    for signed in (s for s in found.decisions if not s.complete):
        checks = verify_signatures(work, view, signed)
        marked = tuple((c, verdict_mark(not c.problem, "holds", "does not hold")) for c in checks if c.signed_by)
        made.append(ToSign(signed.decision, marked, tuple(r for r in visitor.deciding if not signed.is_signed_as(r))))
    return made


def _form(work: Workplace, found: Standing, reviews: tuple[ReviewStanding, ...]) -> dict[str, Any]:
    """What the form for new terms offers, and begins with."""
    answers: dict[str, ReviewAnswer] = {r.review.value: r.answer for r in reviews if r.answer}
    examined = stored_examined(work, found.entry.request_id)
    return {
        "form": {"delegation": _usual(work.parties.delegations), **recommended(answers)},
        "columns": [(f"{REFUSE}{d.dataset}.{c.name}", d.dataset, c) for d in found.request.datasets for c in d.columns],
        "outcomes": list(OUTCOMES),
        "delegations": {d.id: f"{d.id}: {d.holder}" for d in work.parties.delegations.values()},
        "codes": work.policy.reason_codes,
        "routes": {name: route.ask for name, route in work.policy.escalation_routes.items()},
        "passes": examined.plan is not None,
        "ends_on": found.request.schedule.end_on,
    }


def _carried(reviews: tuple[ReviewStanding, ...]) -> list[ReviewStanding]:
    """Answers from an earlier version, which can be set aside while the Board has not recommended."""
    recommended_ = any(r.review is ReviewKind.BOARD and r.entry for r in reviews)
    return [] if recommended_ else [r for r in reviews if r.carried]


def _usual(names: Mapping[str, Any]) -> str:
    return next(iter(names)) if len(names) == 1 else ""
