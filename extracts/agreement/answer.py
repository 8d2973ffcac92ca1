"""An answer as its requester reads it: what became of each column, why, what would do, whom to ask next, by when. Pure.

Rules:
1. It is made of what was signed, and of the findings that were before the deciders; it adds no judgement.
2. A refused column has its own clauses and remedies. One that was refused alone and has none has the decision's; where
   the whole request was refused, they are told once, of the whole.
3. It is a document with a digest, so that the page that shows it can be held against it, and kept by a machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from extracts.agreement.assessment import Assessment
from extracts.agreement.columns_decided import ColumnFate, ColumnLine, column_lines
from extracts.agreement.decision import Decision, DecisionOutcome, FieldComment
from extracts.agreement.plan import ExtractPlan
from extracts.agreement.refusal import stopping
from extracts.agreement.request import Request
from extracts.agreement.told import Told, told_once
from extracts.canonical import Canonical

_REFUSES = (DecisionOutcome.REFUSE, DecisionOutcome.APPROVE_IN_PART)


@dataclass(frozen=True)
class AnsweredColumn:
    """One column. `clauses` and `acceptable` are empty where it was granted, and where nobody named any."""

    column: str
    asked: str
    fate: ColumnFate
    granted: str
    reason: str
    clauses: tuple[str, ...]
    acceptable: tuple[str, ...]


@dataclass(frozen=True)
class SignedBy:
    """Who signed the decision, in which namespace, and when that was first seen."""

    role: str
    principal: str
    namespace: str
    recorded_at: datetime


@dataclass(frozen=True)
class Answer(Canonical):
    """The answer to one version of a request. `status` is where that version stood at `made_at`.

    `reason` says what the code means. `clause` is of the request as a whole, `found` what stopped it, each rule once.
    """

    request_id: str
    request_version: int
    request_digest: str
    title: str
    requester: str
    requester_organisation: str
    recipient: str
    outcome: DecisionOutcome
    status: str
    decision_digest: str
    plan_digest: str
    policy_version: str
    decided_at: datetime
    made_at: datetime
    reasons: str
    reason_code: str
    reason: str
    clause: str
    acceptable: str
    escalation: str
    escalate_until: date | None
    columns: tuple[AnsweredColumn, ...]
    found: tuple[Told, ...]
    comments: tuple[FieldComment, ...]
    conditions: tuple[str, ...]
    valid_from: date | None
    valid_until: date | None
    review_on: date | None
    signed_by: tuple[SignedBy, ...]

    @property
    def refused(self) -> tuple[AnsweredColumn, ...]:
        """The columns that were refused."""
        return tuple(c for c in self.columns if c.fate is ColumnFate.REFUSED)

    @property
    def remedies(self) -> tuple[str, ...]:
        """What would be acceptable, one by one where it is the findings' own remedies."""
        fixes = _once(f.fix for f in self.found)
        return tuple(fixes) if " ".join(fixes) == self.acceptable else (self.acceptable,)

    @property
    def clause_is_own(self) -> bool:
        """Whether the deciders named a clause that is not the findings' own."""
        return not all(f.clause in self.clause for f in self.found)

    @property
    def refuses(self) -> bool:
        """Whether anything was refused."""
        return self.outcome in _REFUSES


@dataclass(frozen=True)
class Named:
    """How the bodies are called, and where the version stands: what the signed documents do not say."""

    organisation: str
    recipient: str
    status: str


def write_answer(
    request: Request,
    decision: Decision,
    signed_by: tuple[SignedBy, ...],
    named: Named,
    codes: Mapping[str, str],
    now: datetime,
    *,
    plan: ExtractPlan | None = None,
    whole: Assessment | None = None,
) -> Answer:
    """The answer, as of `now`. `whole`: what was found in all that was asked; `codes`: what reason codes mean."""
    lines = column_lines(request, decision, plan, whole)
    return Answer(
        request_id=request.request_id,
        request_version=request.version,
        request_digest=request.digest,
        title=request.title,
        requester=request.requester.name,
        requester_organisation=named.organisation,
        recipient=named.recipient,
        outcome=decision.outcome,
        status=named.status,
        decision_digest=decision.digest,
        plan_digest=decision.plan_digest,
        policy_version=decision.policy_version,
        decided_at=max(s.recorded_at for s in signed_by),
        made_at=now,
        reasons=decision.reasons,
        reason_code=decision.reason_code,
        reason=codes.get(decision.reason_code, ""),
        clause=decision.clause,
        acceptable=decision.acceptable,
        escalation=decision.escalation,
        escalate_until=decision.escalate_until,
        columns=tuple(_column(line, decision) for line in lines),
        found=tuple(told_once(stopping(whole))) if whole and decision.outcome is not DecisionOutcome.APPROVE else (),
        comments=decision.comments,
        conditions=decision.conditions,
        valid_from=decision.valid_from,
        valid_until=decision.valid_until,
        review_on=decision.review_on,
        signed_by=signed_by,
    )


def _column(line: ColumnLine, decision: Decision) -> AnsweredColumn:
    refused = line.fate is ColumnFate.REFUSED
    alone = decision.outcome is DecisionOutcome.APPROVE_IN_PART
    own = [line.clause] if line.clause else _once(f.clause for f in line.findings)
    fixes = _once(f.fix for f in line.findings)
    return AnsweredColumn(
        column=f"{line.dataset}.{line.column}",
        asked=line.asked,
        fate=line.fate,
        granted=line.granted,
        reason=line.reason or " ".join(_once(f"{f.title}: {f.message}." for f in line.findings)) if refused else "",
        clauses=tuple(own or _if_any(decision.clause if alone else "")) if refused else (),
        acceptable=tuple(fixes or _if_any(decision.acceptable if alone else "")) if refused else (),
    )


def _once(texts: Iterable[str]) -> list[str]:
    return [text for text in dict.fromkeys(texts) if text]


def _if_any(text: str) -> list[str]:
    return [text] if text else []
