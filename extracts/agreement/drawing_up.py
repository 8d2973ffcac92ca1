"""Draws up the decision that two people will sign. Pure: the time is handed in, and nobody has signed yet.

Rules:
1. An approval binds a plan that was made; where the policy stops the request there is none, and nothing to approve.
2. Columns that were refused are named, each with a reason, and make the approval one in part.
3. It is valid no longer than the plan lasts, and is reviewed before it ends.
4. A refusal or return says why by code and text, what would be acceptable, and whom to ask next: "no" is never the
   end of the matter.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from extracts.agreement.assessment import Assessment
from extracts.agreement.decision import ColumnDecision, Decision, DecisionOutcome
from extracts.agreement.plan import ExtractPlan
from extracts.agreement.policy import Policy
from extracts.agreement.request import Request
from extracts.catalogue.forms import readable
from extracts.errors import PlanRefused, UsageError

POLICY_CODE = "policy"
DECIDED_CODE = "decided"
_ESCALATION = "Ask the chief data officers of both bodies at their forum."
_ACCEPTABLE = "A request that meets these reasons."
_APPROVING = (DecisionOutcome.APPROVE, DecisionOutcome.APPROVE_IN_PART)


@dataclass(frozen=True)
class Terms:
    """What the deciders want. Dates left out come from the plan. `column_reasons`: `dataset.column` -> why refused."""

    outcome: DecisionOutcome
    reasons: str
    delegation: str = ""
    conditions: tuple[str, ...] = ()
    valid_from: date | None = None
    valid_until: date | None = None
    review_on: date | None = None
    reason_code: str = ""
    acceptable: str = ""
    escalation: str = ""
    column_reasons: Mapping[str, str] = field(default_factory=dict)


def draw_up(
    request: Request,
    request_digest: str,
    assessment: Assessment,
    plan: ExtractPlan | None,
    terms: Terms,
    now: datetime,
    *,
    refused: Collection[tuple[str, str]] = (),
    policy: Policy | None = None,
) -> Decision:
    """The decision to be signed. `request` without the `refused` (dataset, column); `request_digest` of the whole.

    Raises PlanRefused for an approval of what the policy stops; UsageError for terms that do not fit.
    """
    base = _begun(request, request_digest, assessment, terms, now)
    if terms.outcome in _APPROVING:
        return _approval(base, request, assessment, plan, terms, refused)
    return replace(
        base,
        columns=tuple(ColumnDecision(d, c, False, base.reasons) for d, c in sorted(request.asked_columns())),
        reason_code=_reason_code(terms, assessment, policy),
        acceptable=readable(
            "acceptable", terms.acceptable or _fixes(assessment) or "A request that meets these reasons."
        ),
        escalation=readable("escalation", terms.escalation or (policy.escalation if policy else _ESCALATION)),
    )


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


def _reason_code(terms: Terms, assessment: Assessment, policy: Policy | None) -> str:
    code = terms.reason_code or (DECIDED_CODE if assessment.passed else POLICY_CODE)
    if policy and code not in policy.reason_codes:
        raise UsageError(f"{code!r} is no reason code.", advice=f"Codes: {', '.join(policy.reason_codes)}.")
    return code


def _fixes(assessment: Assessment) -> str:
    return " ".join(dict.fromkeys(f.fix for f in (*assessment.violations, *assessment.gaps)))
