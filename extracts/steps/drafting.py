"""Draws up the decisions that people will sign. Nothing is saved but what is printed to be signed elsewhere.

Rules:
1. A document that is printed is kept as a draft: it moves nothing, and counts for nothing until somebody signed it.
2. Whoever asks for the very terms of a document that waits gets that document; other terms make another one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from extracts.agreement.decision import Decision, DecisionOutcome
from extracts.agreement.drawing_up import Terms, draw_up
from extracts.agreement.plan import ExtractPlan
from extracts.agreement.request import refused_names
from extracts.agreement.status import Status
from extracts.errors import PlanRefused, Refused
from extracts.record import register
from extracts.record.entries import AssessmentEntry, DecisionEntry, RequestEntry
from extracts.record.transaction import Work, unit_of_work
from extracts.steps.decided import waiting_decisions
from extracts.steps.requests import Examined, examine, stored_examined, stored_request
from extracts.steps.review_standing import check_reviewed

if TYPE_CHECKING:
    from extracts.steps.workplace import Workplace

_APPROVING = (DecisionOutcome.APPROVE, DecisionOutcome.APPROVE_IN_PART)


@dataclass(frozen=True)
class Draft:
    """A decision to be signed, and what it rests on. Nothing of it is saved yet."""

    decision: Decision
    examined: Examined

    @property
    def plan(self) -> ExtractPlan | None:
        """The plan that the decision binds, if it approves one."""
        return self.examined.plan if self.decision.plan_digest else None


def decision_of(drawn: Decision | Draft) -> Decision:
    """The document itself, whether it was saved or not."""
    return drawn.decision if isinstance(drawn, Draft) else drawn


def draft_decision(
    work: Workplace, request_id: str, terms: Terms, refuse_columns: tuple[str, ...] = (), at: datetime | None = None
) -> Draft:
    """A decision on the newest version of a request, drawn up now (or `at`). Nothing is saved.

    Raises PlanRefused if an approval is asked for what the policy stops, naming the findings; Refused while a review
    is missing.
    """
    entry = stored_request(work, request_id)
    must_be_open(entry)
    whole = stored_examined(work, request_id)
    examined = _examined_for(work, whole, refuse_columns, terms.outcome)
    if terms.outcome in _APPROVING and examined.plan is None:
        raise PlanRefused(
            f"{request_id} cannot be approved: {_stopping(examined)}.",
            advice="Return it, refuse it, or refuse the columns concerned (--refuse-column).",
        )
    check_reviewed(work, entry, terms.outcome, policy_passes=examined.plan is not None)
    decision = draw_up(
        examined.request,
        entry.digest,
        examined.assessment,
        examined.plan,
        terms,
        at or work.now(),
        work.policy,
        refused=refused_names(whole.request, refuse_columns),
        whole=whole.assessment,
    )
    return Draft(decision, examined)


def draw_up_decision(
    work: Workplace, request_id: str, terms: Terms, refuse_columns: tuple[str, ...], actor: str
) -> Decision:
    """A decision kept as a draft, to be signed elsewhere; the request stays as it was. See `draft_decision`."""
    return keep_draft(work, draft_decision(work, request_id, terms, refuse_columns), actor)


def keep_draft(work: Workplace, draft: Draft, actor: str) -> Decision:
    """Save a draft, to be signed elsewhere."""
    with unit_of_work(work.register) as unit:
        save_draft(unit, draft, actor, work.now())
    return draft.decision


def to_be_signed(
    work: Workplace, request_id: str, terms: Terms, refuse_columns: tuple[str, ...] = ()
) -> Decision | Draft:
    """The document that has these terms: the one that waits, or else a new one, of which nothing is saved yet."""
    return waiting_same(work, request_id, terms, refuse_columns) or draft_decision(
        work, request_id, terms, refuse_columns
    )


def waiting_same(
    work: Workplace, request_id: str, terms: Terms, refuse_columns: tuple[str, ...] = ()
) -> Decision | None:
    """A waiting decision with exactly these terms, which whoever comes second then signs; None if there is none."""
    for waiting in waiting_decisions(work, request_id):
        there = waiting.decision
        mine = draft_decision(work, request_id, terms, refuse_columns, at=there.drawn_up_at).decision
        # An assessment says on which day it was made; that the policy and the plan are the same is compared.
        if replace(mine, assessment_digest=there.assessment_digest) == there:
            return there
    return None


def save_draft(unit: Work, draft: Draft, actor: str, now: datetime) -> None:
    """Save a draft with what it rests on, and tell the ledger who drew it up."""
    decision, assessment = draft.decision, draft.examined.assessment
    request_id, version = decision.request_id, decision.request_version
    passed, document = assessment.passed, assessment.document()
    register.save_assessment(
        unit, AssessmentEntry(request_id, version, assessment.policy_version, passed, document, now)
    )
    register.save_decision(unit, DecisionEntry(decision.document(), draft.plan.document() if draft.plan else {}, now))
    told = {"decision_digest": decision.digest, "plan_digest": decision.plan_digest, "outcome": decision.outcome}
    unit.event(now, "decision.drawn-up", request_id, actor, {**told, "version": version})


def must_be_open(entry: RequestEntry, decision: Decision | None = None) -> None:
    """Raises Refused unless the request waits for a decision, and this one is about its newest version."""
    if entry.status not in (Status.SUBMITTED, Status.IN_REVIEW):
        raise Refused(
            f"{entry.request_id} version {entry.version} is {entry.status}: it is not waiting for a decision.",
            advice="A change of a decided request is a new version.",
        )
    if decision and (decision.request_version, decision.request_digest) != (entry.version, entry.digest):
        raise Refused(
            f"This decision is about version {decision.request_version} of {entry.request_id}, not about the newest.",
            advice="Draw up a decision on the newest version.",
        )


def _examined_for(work: Workplace, whole: Examined, refuse: tuple[str, ...], outcome: DecisionOutcome) -> Examined:
    refused = refused_names(whole.request, refuse)
    if refused and outcome not in _APPROVING:
        raise Refused("Columns are refused one by one only in an approval in part.")
    return examine(work, whole.request, refused) if refused else whole


def _stopping(examined: Examined) -> str:
    found = (*examined.assessment.violations, *examined.assessment.gaps)
    return "; ".join(f"{f.rule}: {f.message}" for f in found) or examined.refusal
