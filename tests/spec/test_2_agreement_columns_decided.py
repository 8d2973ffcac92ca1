"""Asked and granted side by side: a requester who was refused can tell which column, why, and under which clause."""

from __future__ import annotations

from extracts.agreement.columns_decided import ColumnFate, column_lines
from extracts.agreement.decision import DecisionOutcome
from extracts.agreement.request import refused_names, without_columns
from tests.support.builders import (
    BENEFIT_CAP,
    REFUSED,
    a_drawn_up_decision,
    a_made_plan,
    a_request,
    an_assessment,
)

CAP = a_request(BENEFIT_CAP)
WHY = "How many children there are adds nothing."


def fates(lines) -> dict[str, ColumnFate]:
    return {line.column: line.fate for line in lines}


def test_before_a_decision_every_column_is_under_examination():
    lines = column_lines(CAP, None, None, an_assessment(CAP))
    assert {line.fate for line in lines} == {ColumnFate.OPEN}
    assert [line.column for line in lines] == [column for _, column in CAP.asked_columns()]


def test_a_granted_column_says_how_it_is_delivered_beside_how_it_was_asked():
    request = a_request()
    decision, plan = a_drawn_up_decision(request), a_made_plan(request)
    line = next(li for li in column_lines(request, decision, plan, None) if li.column == "nino")
    assert line.fate is ColumnFate.GRANTED
    assert "pseudonym" in line.asked
    assert "pseudonym" in line.granted
    assert line.name == "nino_pseudonym"


def test_a_column_that_was_refused_alone_has_its_own_reason_and_is_granted_nothing():
    smaller = without_columns(CAP, refused_names(CAP, ["children"]))
    decision = a_drawn_up_decision(CAP, ("children",), column_reasons={"children": WHY})
    lines = {li.column: li for li in column_lines(CAP, decision, a_made_plan(smaller), an_assessment(CAP))}
    assert decision.outcome is DecisionOutcome.APPROVE_IN_PART
    assert (lines["children"].fate, lines["children"].reason, lines["children"].granted) == (
        ColumnFate.REFUSED,
        WHY,
        "",
    )
    assert lines["nino"].fate is ColumnFate.GRANTED


def test_a_refused_request_refuses_every_column_and_names_clause_and_remedy_of_those_concerned():
    request = a_request(REFUSED)
    decision = a_drawn_up_decision(request, outcome=DecisionOutcome.REFUSE)
    lines = {li.column: li for li in column_lines(request, decision, None, an_assessment(request))}
    assert {li.fate for li in lines.values()} == {ColumnFate.REFUSED}
    bank = [f for f in lines["sort_code"].findings if f.title == "No bank details"]
    assert bank
    assert bank[0].clause.startswith("Bank details are shared for no purpose")
    assert "Drop the columns" in bank[0].fix


def test_a_return_refuses_nothing():
    request = a_request(REFUSED)
    decision = a_drawn_up_decision(request, outcome=DecisionOutcome.RETURN)
    assert set(fates(column_lines(request, decision, None, None)).values()) == {ColumnFate.RETURNED}
