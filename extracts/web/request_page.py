"""One request: asked and granted side by side, why, whose signatures hold, and how it went.

A requester who was refused can tell from it which column, under which clause, what would be acceptable, whom to ask
next, and by when; one to whom it was returned, which fields. Whoever decides sees how the next version answers that.
Both see the clock. Everything is read afresh; signatures are verified while the page is made. The briefing and what
reviewers answered are for people of this house (`papers`); requesters are told how far the reviews are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse

from extracts.agreement.assessment import Assessment, Finding, FindingOutcome, Question
from extracts.agreement.columns_decided import ColumnFate, column_lines
from extracts.agreement.decision import Decision
from extracts.agreement.decision_words import decision_in_words
from extracts.agreement.refusal import clauses
from extracts.agreement.request_fields import EMERGENCY
from extracts.agreement.request_summary import request_in_words
from extracts.agreement.reviews_told import progress
from extracts.agreement.status import CLOCK, Status, next_steps
from extracts.agreement.told import told_once
from extracts.agreement.working_days import BOTH_NATIONS, working_days_between
from extracts.record.transaction import Reading, reading
from extracts.scheduling.facts import dag_id_of
from extracts.steps.clocks import moves_of
from extracts.steps.decided import Signed
from extracts.steps.history import history
from extracts.steps.in_force import decision_in_force
from extracts.steps.review_standing import ReviewStanding, reviews_of
from extracts.steps.standing import Standing, standing
from extracts.steps.verified import verify_signatures
from extracts.steps.workplace import Workplace
from extracts.web.answer_file import can_be_saved
from extracts.web.decide_page import DONE
from extracts.web.desk import names, open_desk
from extracts.web.marks import Mark, clock_mark, fate_mark, progress_mark, stage_mark, status_mark, verdict_mark
from extracts.web.offer import offer_on
from extracts.web.papers import briefing_shown
from extracts.web.render import html_page
from extracts.web.sent_form import form_token
from extracts.web.visitor import VisitorDep

_BESIDE_COLUMNS = ("columns",)  # told in the table
_OF_REFUSALS = ("decision", "reasons", "reason code", "what would be acceptable", "whom to ask next")
_OPEN = (Status.SUBMITTED, Status.IN_REVIEW)


def request_page(request_id: str, request: Request, visitor: VisitorDep) -> HTMLResponse:
    """The page of the newest version of a request."""
    work = open_desk()
    found = standing(work, request_id)
    with reading(work.register) as view:
        told = history(view, request_id, found.history, of_reviews=visitor.is_insider)
        in_force = decision_in_force(view, request_id)
        decisions = [_decision(work, view, d) for d in found.decisions if d.signatures]
        move = moves_of(view, [found.entry])[request_id]
        briefing = briefing_shown(view, found.entry) if visitor.is_insider else None
    reviews = reviews_of(work, request_id)
    complete = next((d for d in found.decisions if d.complete), None)
    lines = column_lines(
        found.request, complete.decision if complete else None, complete.plan if complete else None, found.whole
    )
    return html_page(
        "request",
        rooms=visitor.rooms,
        entry=found.entry,
        dag_id=dag_id_of(request_id),
        mark=status_mark(found.entry.status),
        asked={k: v for k, v in request_in_words(found.request).items() if k not in _BESIDE_COLUMNS},
        clock=found.clock,
        clock_mark=clock_mark(found.clock),
        stage_mark=stage_mark,
        emergency=EMERGENCY,
        move=move,
        changes=found.changes,
        before=found.before,
        answered=_answered(found),
        decided=complete.decision if complete else None,
        days_to_ask=_days_to_ask(work, complete.decision) if complete else 0,
        reason=_reason(work, complete),
        clause=_own_clause(complete, found),
        is_open=found.entry.status in _OPEN,
        lines=lines,
        counts={fate.value: sum(line.fate is fate for line in lines) for fate in ColumnFate},
        stopping=told_once(_stopping(found.whole)),
        told_once=told_once,
        insider=visitor.is_insider,
        briefing=briefing,
        reviews=reviews,
        quorum=work.reviewers.quorum,
        progress=_progress(found, reviews),
        passed=_passed(found.whole),
        assessed_on=found.whole.assessed_on if found.whole else None,
        decisions=decisions,
        drafts=sum(not d.signatures for d in found.decisions),
        orders=found.orders,
        history=told,
        in_force=in_force,
        moves=_moves(found),
        names=names(work),
        fate_mark=fate_mark,
        done=DONE.get(request.query_params.get("done", ""), ""),
        decides=bool(visitor.deciding),
        answer_file=can_be_saved(work, complete),
        offer=offer_on(work, found.entry),
        accepts=visitor.asks and work.parties.person(found.entry.requester_name) == work.parties.person(visitor.user),
        token=form_token(visitor),
    )


def _decision(work: Workplace, view: Reading, signed: Signed) -> Mapping[str, Any]:
    """A decision in words, with each signature as it verifies now."""
    checks = verify_signatures(work, view, signed)
    return {
        "words": decision_in_words(signed.decision),
        "complete": signed.complete,
        "outcome": signed.decision.outcome.value,
        "digest": signed.decision.digest,
        "signatures": [(c, verdict_mark(not c.problem, "holds", "does not hold")) for c in checks if c.signed_by],
        "wanting": [] if signed.complete else [c.role for c in checks if not c.signed_by],
    }


def _answered(found: Standing) -> list[tuple[str, str, Mark]]:
    """Each comment that the version before was returned with, and whether this one answers it."""
    open_ = found.unanswered
    return [
        (c.field, c.comment, verdict_mark(c not in open_, "the field was changed", "the field is as it was"))
        for c in found.answered
    ]


def _progress(found: Standing, reviews: tuple[ReviewStanding, ...]) -> list[tuple[str, Mark]]:
    """How far each review is, as its requester may be told."""
    answered, is_open = {r.review for r in reviews if r.entry}, found.entry.status in _OPEN
    told = [(r.review, progress(r.review, answered, is_first=not found.before, is_open=is_open)) for r in reviews]
    return [(kind.value, progress_mark(word)) for kind, word in told]


def _days_to_ask(work: Workplace, decision: Decision) -> int:
    """Working days until the last one on which a refusal can be taken further; -1 if that is over."""
    until, today = decision.escalate_until, work.today()
    if until is None or until < today:
        return -1
    return working_days_between(today, until, BOTH_NATIONS)


def _reason(work: Workplace, signed: Signed | None) -> str:
    """What the policy's reason code means; the code itself if the policy no longer has it."""
    code = signed.decision.reason_code if signed else ""
    return work.policy.reason_codes.get(code, code) if code else ""


def _own_clause(signed: Signed | None, found: Standing) -> str:
    """The clause that the deciders named; empty if it is those of the findings, which are told one by one."""
    named = signed.decision.clause if signed else ""
    return "" if named == clauses(_stopping(found.whole)) else named


def _stopping(assessment: Assessment | None) -> list[Finding]:
    return [*assessment.violations, *assessment.gaps] if assessment else []


def _passed(assessment: Assessment | None) -> list[tuple[Question, list[Finding]]]:
    found = [f for f in assessment.findings if f.outcome is FindingOutcome.PASS] if assessment else []
    by_question = [(question, [f for f in found if f.question is question]) for question in Question]
    return [(question, findings) for question, findings in by_question if findings]


def _moves(found: Standing) -> list[str]:
    """Who can do what next; that time passes is nobody's move."""
    steps = [t for t in next_steps(Status(found.entry.status)) if CLOCK not in t.who]
    return [f"the {' or '.join(map(str, t.who))} may {t.verb} it" for t in steps]
