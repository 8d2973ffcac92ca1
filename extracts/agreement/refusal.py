"""What a refusal, whole or of columns, has to tell: why, under which clause, what would do, whom to ask, until when.

Rules:
1. "No" is never the end of the matter. Every refusal names a declared reason, what would be acceptable, a declared
   route by which it can be looked at again, and the last day for that. A return has no last day: it closes nothing.
2. The clause is the one that the deciders name; else those of the findings that stop the request, or this column. A
   refusal by judgement alone has none.
3. The last day counts from the day on which the decision was drawn up, in working days of both nations. Nobody signs
   a refusal that would leave the requester less than half of that.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime

from extracts.agreement.assessment import Assessment, Finding
from extracts.agreement.decision import Decision
from extracts.agreement.policy import Policy, Route
from extracts.agreement.schedule import ZONE
from extracts.agreement.working_days import BOTH_NATIONS, working_days_after, working_days_between
from extracts.catalogue.forms import readable
from extracts.errors import Refused, UsageError

POLICY_CODE = "policy"
DECIDED_CODE = "decided"
_ACCEPTABLE = "A request that meets these reasons."


@dataclass(frozen=True)
class Refusal:
    """The terms of a refusal, or of a return, as the decision has them."""

    reason_code: str
    clause: str
    acceptable: str
    escalation: str
    escalate_until: date | None


@dataclass(frozen=True)
class Wanted:
    """What the deciders said themselves; what they left out comes from the findings and the policy."""

    reason_code: str = ""
    clause: str = ""
    acceptable: str = ""
    route: str = ""


def refusal(wanted: Wanted, findings: Collection[Finding], policy: Policy, now: datetime) -> Refusal:
    """The terms. `findings`: those that stop what is refused. Raises UsageError for a code or route not declared."""
    code = wanted.reason_code or (POLICY_CODE if findings else DECIDED_CODE)
    if code not in policy.reason_codes:
        raise UsageError(f"{code!r} is no reason code.", advice=f"Codes: {', '.join(policy.reason_codes)}.")
    routes = _routes_from(wanted.route, policy)
    days = [working_days_after(_day(now), route.working_days, BOTH_NATIONS) for route in routes]
    asks = [f"{route.ask} (until {day})" for route, day in zip(routes, days, strict=True)]
    return Refusal(
        reason_code=code,
        clause=readable("clause", wanted.clause) if wanted.clause else clauses(findings),
        acceptable=readable("acceptable", wanted.acceptable or " ".join(_once(f.fix for f in findings)) or _ACCEPTABLE),
        escalation="; after that: ".join(asks) + ".",
        escalate_until=days[0],
    )


def request_to_mend(wanted: Wanted, findings: Collection[Finding], policy: Policy, now: datetime) -> Refusal:
    """The terms of a return: the same without a last day. Whom to ask is for a requester who disagrees."""
    found = refusal(wanted, findings, policy, now)
    asks = "; after that: ".join(route.ask for route in _routes_from(wanted.route, policy))
    return Refusal(found.reason_code, found.clause, found.acceptable, f"{asks}.", None)


def stopping(assessment: Assessment) -> tuple[Finding, ...]:
    """The findings that stop a request."""
    return (*assessment.violations, *assessment.gaps)


def about(findings: Iterable[Finding], dataset: str, column: str) -> tuple[Finding, ...]:
    """Of these, the findings that name a column."""
    return tuple(f for f in findings if f"{dataset}.{column}" in f.columns)


def clauses(findings: Iterable[Finding]) -> str:
    """Where they come from, each once."""
    return "; ".join(_once(f"{f.rule}: {f.clause}" for f in findings))


def check_leaves_time(decision: Decision, now: datetime) -> None:
    """Raises Refused if whoever is refused would have less than half of the time in which to ask again."""
    until = decision.escalate_until
    if until is None:
        return
    whole = working_days_between(_day(decision.drawn_up_at), until, BOTH_NATIONS)
    left = working_days_between(_day(now), until, BOTH_NATIONS)
    if left * 2 < whole:
        raise Refused(
            f"This decision on {decision.request_id} was drawn up on {_day(decision.drawn_up_at)} and leaves the "
            f"requester {left} working days of {whole} in which to ask again.",
            advice="Draw it up again: its days count from then.",
        )


def _routes_from(name: str, policy: Policy) -> list[Route]:
    """The route that is named, or the first, and those after it."""
    names = list(policy.escalation_routes)
    if name and name not in names:
        raise UsageError(f"{name!r} is no escalation route.", advice=f"Routes: {', '.join(names)}.")
    start = names.index(name) if name else 0
    return [policy.escalation_routes[n] for n in names[start:]]


def _once(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(texts))


def _day(at: datetime) -> date:
    return at.astimezone(ZONE).date()
