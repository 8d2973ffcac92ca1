"""The terms of a decision as a form gives them: texts, one entry a line, and a reason beside each column refused.

Rules:
1. A column is refused by a reason beside it, and only in an approval, which is then one in part.
2. What belongs to another outcome is ignored by nobody: it is told, so that no term is lost in silence
   (`drawing_up` sees to that).
3. Dates are written as in requests: 2027-03-31.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from extracts.agreement.decision import DecisionOutcome
from extracts.agreement.drawing_up import Terms
from extracts.agreement.request import Request
from extracts.agreement.review_answer import ReviewAnswer
from extracts.errors import InvalidDocument, Problem

OUTCOMES: Mapping[str, DecisionOutcome] = {
    "approve": DecisionOutcome.APPROVE,
    "refuse": DecisionOutcome.REFUSE,
    "return": DecisionOutcome.RETURN,
}
REFUSE = "refuse."  # before `dataset.column`, the name of the field that holds why it is refused
_SOURCE = "form"


def read_terms(request: Request, given: Mapping[str, str]) -> tuple[Terms, tuple[str, ...]]:
    """The terms, and the columns refused. Raises InvalidDocument, naming each field that cannot be read."""
    problems: list[Problem] = []
    refused = {
        name: why
        for name in map(".".join, request.asked_columns())
        if (why := given.get(f"{REFUSE}{name}", "").strip())
    }
    outcome = OUTCOMES.get(given.get("outcome", ""))
    if outcome is None:
        problems.append(Problem("outcome", "is none of the outcomes", allowed=tuple(OUTCOMES)))
    if refused and outcome is DecisionOutcome.APPROVE:
        outcome = DecisionOutcome.APPROVE_IN_PART
    dates = {name: _day(name, given, problems) for name in ("valid_from", "valid_until", "review_on")}
    comments = tuple(_comment(line, problems) for line in _lines(given.get("comments", "")))
    if problems or outcome is None:
        raise InvalidDocument(_SOURCE, problems)
    terms = Terms(
        outcome=outcome,
        reasons=_line(given, "reasons"),
        delegation=_line(given, "delegation"),
        reason_code=_line(given, "reason_code"),
        clause=_line(given, "clause"),
        acceptable=_line(given, "acceptable"),
        route=_line(given, "route"),
        valid_from=dates["valid_from"],
        valid_until=dates["valid_until"],
        review_on=dates["review_on"],
        conditions=tuple(_lines(given.get("conditions", ""))),
        comments=comments,
        column_reasons=refused,
    )
    return terms, tuple(refused)


def recommended(answers: Mapping[str, ReviewAnswer]) -> dict[str, str]:
    """What the form begins with: the last answer's refusals and conditions, which is the Board's if it has answered;
    by the names of the form's fields."""
    if not answers:
        return {}
    last = list(answers.values())[-1]
    refused = {f"{REFUSE}{c.dataset}.{c.column}": c.reason or "" for c in last.columns if not c.grant}
    return refused | {"conditions": "\n".join(last.conditions), "reasons": last.reasons}


def _line(given: Mapping[str, str], name: str) -> str:
    return given.get(name, "").strip()


def _day(name: str, given: Mapping[str, str], problems: list[Problem]) -> date | None:
    text = _line(given, name)
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        problems.append(Problem(name, "is no date; write it like 2027-03-31"))
        return None


def _comment(line: str, problems: list[Problem]) -> tuple[str, str]:
    field, colon, comment = (part.strip() for part in line.partition(":"))
    if not (field and colon and comment):
        problems.append(Problem("comments", "need a field and a comment in each line: `retention.days: Why?`"))
    return field, comment


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]
