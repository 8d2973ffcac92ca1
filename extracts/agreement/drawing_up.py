"""Draws up the decision that two people will sign. Pure: the time is handed in, and nobody has signed yet.

Rules:
1. An approval binds a plan that was made; where the policy stops the request there is none, and nothing to approve.
2. Columns that were refused are named, each with a reason, and make the approval one in part.
3. It is valid no longer than the plan lasts, and is reviewed before it ends.
4. A refusal or return, and the refusal of single columns, says why, what would be acceptable and whom to ask next
   (see `refusal`). A return may say it field by field.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime

from extracts.agreement.assessment import Assessment
from extracts.agreement.decision import ColumnDecision, Decision, DecisionOutcome, FieldComment
from extracts.agreement.differences import field_named
from extracts.agreement.plan import ExtractPlan
from extracts.agreement.policy import Policy
from extracts.agreement.refusal import Wanted, about, clauses, refusal, request_to_mend, stopping
from extracts.agreement.request import Request
from extracts.catalogue.forms import readable
from extracts.errors import PlanRefused, UsageError

_APPROVING = (DecisionOutcome.APPROVE, DecisionOutcome.APPROVE_IN_PART)


@dataclass(frozen=True)
class Terms:
    """What the deciders want. Dates left out come from the plan. `column_reasons`: `dataset.column` -> why refused.

    `route`: the escalation route to name, by its id in the policy. `comments`: (field, comment) of a return.
    """

    outcome: DecisionOutcome
    reasons: str
    delegation: str = ""
    conditions: tuple[str, ...] = ()
    valid_from: date | None = None
    valid_until: date | None = None
    review_on: date | None = None
    reason_code: str = ""
    clause: str = ""
    acceptable: str = ""
    route: str = ""
    comments: tuple[tuple[str, str], ...] = ()
    column_reasons: Mapping[str, str] = field(default_factory=dict)

    @property
    def wanted(self) -> Wanted:
        """What is said of a refusal."""
        return Wanted(self.reason_code, self.clause, self.acceptable, self.route)


def draw_up(
    request: Request,
    request_digest: str,
    assessment: Assessment,
    plan: ExtractPlan | None,
    terms: Terms,
    now: datetime,
    policy: Policy,
    *,
    refused: Collection[tuple[str, str]] = (),
    whole: Assessment | None = None,
) -> Decision:
    """The decision to be signed. `request` without the `refused` (dataset, column); `request_digest` of the whole.

    `whole`: what the policy finds in the request with all its columns, if some are refused.
    Raises PlanRefused for an approval of what the policy stops; UsageError for terms that do not fit.
    """
    base = _begun(request, request_digest, assessment, terms, now)
    if terms.outcome in _APPROVING:
        approval = _approval(base, request, assessment, plan, terms, refused)
        return _with_columns_refused(approval, terms, whole, policy) if refused else _without_terms(approval, terms)
    findings = stopping(assessment)
    is_return = terms.outcome is DecisionOutcome.RETURN
    said = (request_to_mend if is_return else refusal)(terms.wanted, findings, policy, now)
    return replace(
        base,
        columns=tuple(
            ColumnDecision(d, c, False, base.reasons, clauses(about(findings, d, c)))
            for d, c in sorted(request.asked_columns())
        ),
        **asdict(said),
        comments=_comments(request, terms),
    )


def _with_columns_refused(approval: Decision, terms: Terms, whole: Assessment | None, policy: Policy) -> Decision:
    """An approval in part with what it tells about the rest."""
    stops = stopping(whole) if whole else ()
    found = {c: about(stops, c.dataset, c.column) for c in approval.columns if not c.granted}
    columns = tuple(replace(c, clause=clauses(found[c])) if c in found else c for c in approval.columns)
    findings = tuple(dict.fromkeys(f for each in found.values() for f in each))
    return replace(approval, columns=columns, **asdict(refusal(terms.wanted, findings, policy, approval.drawn_up_at)))


def _without_terms(approval: Decision, terms: Terms) -> Decision:
    if terms.wanted != Wanted():
        raise UsageError(
            "A reason code, a clause, what would be acceptable and a route belong to something that is refused.",
            advice="Leave them out, or name the columns that are refused.",
        )
    return approval


def _comments(request: Request, terms: Terms) -> tuple[FieldComment, ...]:
    found = [FieldComment(field_named(request, name), readable("comment", text)) for name, text in terms.comments]
    return tuple(sorted(found))


def _approval(
    base: Decision,
    request: Request,
    assessment: Assessment,
    plan: ExtractPlan | None,
    terms: Terms,
    refused: Collection[tuple[str, str]],
) -> Decision:
    if plan is None or not assessment.passed or assessment.request_digest != request.digest:
        raise PlanRefused(
            f"{request.request_id} cannot be approved: the policy stops it, or it was not assessed as it is.",
            advice="Return it, refuse it, or refuse the columns concerned.",
        )
    if terms.outcome is DecisionOutcome.APPROVE_IN_PART and not refused:
        raise UsageError("An approval in part refuses at least one column; name it.")
    valid_from, valid_until, review_on = _dates(terms, plan, base.drawn_up_at)
    return replace(
        base,
        plan_digest=plan.digest,
        outcome=DecisionOutcome.APPROVE_IN_PART if refused else DecisionOutcome.APPROVE,
        columns=_columns(request, terms, base.reasons, refused),
        valid_from=valid_from,
        valid_until=valid_until,
        review_on=review_on,
    )


def _begun(request: Request, request_digest: str, assessment: Assessment, terms: Terms, now: datetime) -> Decision:
    if terms.comments and terms.outcome is not DecisionOutcome.RETURN:
        raise UsageError("Comments on fields belong to a return.", advice="Say it in the reasons, or return it.")
    if not terms.delegation:
        raise UsageError(
            "A decision names the delegation that the Controller signs under.", advice="See delegations.yaml."
        )
    return Decision(
        request_id=request.request_id,
        request_version=request.version,
        request_digest=request_digest,
        assessment_digest=assessment.digest,
        policy_version=assessment.policy_version,
        plan_digest="",
        outcome=terms.outcome,
        columns=(),
        reasons=readable("reasons", terms.reasons),
        conditions=tuple(readable("conditions", c) for c in terms.conditions),
        delegation=terms.delegation,
        drawn_up_at=now,
    )


def _columns(
    request: Request, terms: Terms, reasons: str, refused: Collection[tuple[str, str]]
) -> tuple[ColumnDecision, ...]:
    granted = [ColumnDecision(dataset, column, True) for dataset, column in request.asked_columns()]
    why = {pair: terms.column_reasons.get(".".join(pair)) or terms.column_reasons.get(pair[1]) for pair in refused}
    denied = [ColumnDecision(*pair, False, readable("reasons", text or reasons)) for pair, text in why.items()]
    return tuple(sorted([*granted, *denied]))


def _dates(terms: Terms, plan: ExtractPlan, now: datetime) -> tuple[date, date, date]:
    valid_from = terms.valid_from or now.date()
    valid_until = terms.valid_until or plan.end_on
    review_on = terms.review_on or min(plan.review_on, valid_until)
    if valid_until > plan.end_on:
        raise UsageError(f"valid_until {valid_until} is later than the plan's end, {plan.end_on}.")
    if not valid_from <= valid_until or review_on > valid_until:
        raise UsageError("valid_from, review_on and valid_until must follow one another.")
    return valid_from, valid_until, review_on
