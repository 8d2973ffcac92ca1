"""Lists over the whole register: what they find, in which order, and that no words from an address become SQL."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from extracts import signing
from extracts.canonical import digest
from extracts.errors import Outcome
from extracts.record.board_papers import BoardPaper, PaperKind, save_paper
from extracts.record.departures import count_departures, list_departures, plans_of
from extracts.record.entries import DecisionEntry, SignatureEntry
from extracts.record.expectations import attempts_since, left_for, running_agreements
from extracts.record.overview import Wanted, count_lines, list_choices, list_lines
from extracts.record.register import end_run, record_signature, save_decision, save_request, set_status, start_run
from extracts.record.transaction import Work, unit_of_work
from extracts.record.waiting import offered, signed_in_part, waiting_requests
from tests.support.builders import a_decision
from tests.support.register import NOON, Register, a_delivery, a_register, a_request, a_run, publish, sees

FIFE, SCP, OLD, NEW = "SDDSB-2026-021", "SDDSB-2026-014", "SDDSB-2026-001", "SDDSB-2026-099"
DECIDED = datetime(2026, 2, 2, 9, 0, tzinfo=UTC)
ARMOURED = "-----BEGIN SSH SIGNATURE-----\n{}\n-----END SSH SIGNATURE-----\n"
ROLES = (signing.DECISION_BOARD, signing.DECISION_CONTROLLER)


def document(gateway: str = "wra-131", dataset: str = "benefit_cap", purpose: str = "To advise.") -> dict[str, Any]:
    return {
        "received_on": "2026-01-12",
        "legal": {"gateway": gateway},
        "purpose": {"text": purpose},
        "datasets": [{"dataset": dataset}],
    }


def asked(unit: Work, request_id: str, days: int, version: int = 1, **facts: Any) -> None:
    submitted = NOON + timedelta(days=days)
    given = {"document": document(), "recipient": "fife-council", "title": "Benefit cap", "submitted_at": submitted}
    save_request(unit, a_request(request_id, version, **(given | facts)), actor="requester@gov.scot.example")


def decided(unit: Work, request_id: str, version: int = 1, roles: tuple[str, ...] = ROLES, **facts: Any) -> str:
    """A decision with these signatures; the digest of its document."""
    plan = {
        "request_id": request_id,
        "frequency": "monthly",
        "schedule": "working day: 4 of month",
        "start_on": "2026-01-01",
        "end_on": "2027-12-31",
        "review_on": "2027-06-30",
        "datasets": [{"dataset": "benefit_cap", "period_kind": "event"}],
        "version": version,
    }
    approves = facts.get("plan_digest") != ""
    decision = a_decision(
        **({"request_id": request_id, "request_version": version, "plan_digest": digest(plan)} | facts)
    )
    entry = DecisionEntry(decision.document(), plan if approves else {}, DECIDED + timedelta(days=version))
    save_decision(unit, entry)
    for role in roles:
        signature = SignatureEntry(entry.digest, role, "a@dwp.example", "SHA256:x", ARMOURED.format(role), DECIDED)
        record_signature(unit, signature)
    return entry.digest


def moved(unit: Work, request_id: str, status: str, version: int = 1, before: str = "submitted") -> None:
    set_status(unit, request_id, version, expected=before, status=status, at=DECIDED, actor="controller@dwp.example")


@pytest.fixture(scope="module")
def register(module_database) -> Iterator[Register]:
    """Fife: approved, and its version 2 is examined. SCP: approved and suspended. OLD: refused. NEW: signed by one."""
    made = a_register(module_database)
    with unit_of_work(made.engine) as unit:
        asked(
            unit, OLD, 1, document=document("scotland-34", "pension_credit_award"), recipient="analysts", title="PC %"
        )
        asked(unit, FIFE, 2)
        asked(unit, SCP, 3, recipient="social-security-scotland", document=document(purpose="Pay CHILDREN's benefit."))
        asked(unit, NEW, 4, document={"id": "none of the fields that a page looks for"})
        decided(unit, OLD, outcome="refuse", plan_digest="")
        for request_id in (FIFE, SCP):
            decided(unit, request_id)
            moved(unit, request_id, "approved")
        moved(unit, SCP, "suspended", before="approved")
        moved(unit, OLD, "refused")
        decided(unit, NEW, roles=ROLES[:1])
        asked(unit, FIFE, 5, version=2, document=document() | {"expedited": {"reason": "Soon."}})
        save_paper(unit, BoardPaper(FIFE, 2, PaperKind.COUNTER_OFFER, {"less": "children"}, NOON))
        save_paper(unit, BoardPaper(NEW, 1, PaperKind.BRIEFING, {"held": "yes"}, NOON))
        moved(unit, FIFE, "in review", version=2)
        unit.event(NOON, "test.did", FIFE, "tester@dwp.example")
    yield made
    made.engine.dispose()


def ids(register: Register, **wanted: Any) -> list[str]:
    found = sees(register, list_lines, Wanted(**wanted), limit=50)
    assert sees(register, count_lines, Wanted(**wanted)) == len(found)
    return [line.request_id for line in found]


# --- what is listed ---------------------------------------------------------------------------------------------------


def test_each_request_is_listed_once_by_its_newest_version_and_the_newest_submission_first(register):
    assert ids(register) == [FIFE, NEW, SCP, OLD]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"recipient": "fife-council"}, [FIFE, NEW]),
        ({"status": "refused"}, [OLD]),
        ({"status": "in review"}, [FIFE]),
        ({"in_force": True}, [FIFE, SCP]),
        ({"dataset": "pension_credit_award"}, [OLD]),
        ({"gateway": "wra-131"}, [FIFE, SCP]),
        ({"words": ("children's",)}, [SCP]),
        ({"words": ("CAP", "021")}, [FIFE]),
        ({"words": ("%",)}, [OLD]),  # a sign that stands for anything elsewhere stands for itself here
        ({"words": ("_",)}, []),
        ({"words": ("'; DROP TABLE register.request; --",)}, []),
        ({"recipient": "' OR ''='"}, []),
        ({"recipient": "fife-council", "gateway": "scotland-34"}, []),
    ],
)
def test_a_list_is_narrowed_by_what_is_asked_for_and_by_nothing_else(register, wanted, found):
    assert ids(register, **wanted) == found


def test_pages_follow_one_another_without_gap_or_repetition(register):
    pages = [sees(register, list_lines, Wanted(), limit=1, offset=n) for n in range(5)]
    assert [line.request_id for page in pages for line in page] == [FIFE, NEW, SCP, OLD]


def line(register: Register, request_id: str) -> Any:
    return next(li for li in sees(register, list_lines, Wanted(), limit=50) if li.request_id == request_id)


def test_an_agreement_in_force_is_told_beside_the_version_that_is_examined(register):
    fife = line(register, FIFE)
    assert (fife.version, fife.status, fife.decision) == (2, "in review", None)
    assert (fife.agreement.version, fife.standing) == (1, "approved")
    assert (fife.agreement.ends_on, fife.agreement.review_on) == (date(2027, 12, 31), date(2027, 6, 30))
    assert fife.received_on == date(2026, 1, 12)


def test_a_decision_with_one_of_two_signatures_decides_nothing(register):
    assert (line(register, NEW).decision, line(register, NEW).agreement) == (None, None)


def test_a_refusal_is_a_decision_and_no_agreement(register):
    old = line(register, OLD)
    assert (old.decision.outcome, old.decision.decided_at, old.agreement) == ("refuse", DECIDED, None)


def test_what_can_be_chosen_is_what_there_is(register):
    choices = sees(register, list_choices)
    assert choices.recipients == ("analysts", "fife-council", "social-security-scotland")
    assert choices.datasets == ("benefit_cap", "pension_credit_award")
    assert choices.gateways == ("scotland-34", "wra-131")


def test_a_list_of_ids_narrows_to_those_and_an_empty_one_to_nothing(register):
    assert ids(register, among=(OLD, FIFE)) == [FIFE, OLD]
    assert ids(register, among=(OLD, FIFE), recipient="analysts") == [OLD]
    assert ids(register, among=()) == []
    assert ids(register, among=("' OR ''='",)) == []


# --- what waits -------------------------------------------------------------------------------------------------------


def test_what_waits_is_the_newest_version_alone_the_oldest_submission_first(register):
    found = sees(register, waiting_requests, ("submitted", "in review", "returned"))
    assert [(w.request_id, w.version, w.status) for w in found] == [(NEW, 1, "submitted"), (FIFE, 2, "in review")]
    assert sees(register, waiting_requests, ("returned",)) == ()


def test_which_lane_is_asked_for_is_read_from_the_document_by_the_database(register):
    told = {w.request_id: w.expedited for w in sees(register, waiting_requests, ("submitted", "in review"))}
    assert told == {NEW: False, FIFE: True}
    assert [line(register, r).expedited for r in (OLD, FIFE)] == [False, True]


def test_a_decision_is_signed_in_part_by_one_role_and_no_longer_by_two(register):
    found = sees(register, signed_in_part, (NEW, FIFE, OLD))
    assert found == {(NEW, 1): frozenset({ROLES[0]})}


def test_a_counter_offer_is_told_by_the_version_that_it_is_about(register):
    assert sees(register, offered, (NEW, FIFE)) == {(FIFE, 2)}


# --- what is expected -------------------------------------------------------------------------------------------------


def test_deliveries_are_expected_of_agreements_in_force_alone(register):
    (fife,) = sees(register, running_agreements)  # SCP is suspended
    assert (fife.request_id, fife.schedule, fife.since) == (FIFE, "working day: 4 of month", DECIDED)
    assert (fife.first_day, fife.last_day) == (date(2026, 1, 5), date(2027, 12, 31))
    assert fife.only_present is False


def test_what_left_and_what_tried_and_did_not_is_found_by_period(register):
    begin = datetime(2026, 11, 5, 6, 0, tzinfo=UTC)
    with unit_of_work(register.engine) as unit:
        start_run(unit, a_run("run-1", request_id=FIFE, started_at=begin))
        start_run(unit, a_run("run-2", request_id=FIFE, period="2026-12", started_at=begin))
        end_run(unit, "run-2", at=begin, outcome=Outcome.SOURCE_LATE, gate="check_source", reason="Too old.")
        refused = {"run": f"{SCP}/x", "outcome": "stopped by a control", "gate": "check_approval", "unregistered": True}
        unit.event(begin + timedelta(hours=1), "run.ended", SCP, "scheduler", refused)
        decision = decided(unit, FIFE)
    publish(register, a_delivery(request_id=FIFE, recipient="fife-council", decision_digest=decision), at=begin)
    assert sees(register, left_for, {"2026-11", "2026-12"}) == {(FIFE, "2026-11", "fife-council"): begin}
    tried = sees(register, attempts_since, begin)
    assert [(t.request_id, t.period, t.outcome) for t in tried] == [
        (FIFE, "2026-11", ""),
        (FIFE, "2026-12", "source late"),
        (SCP, "", "stopped by a control"),
    ]
    assert sees(register, attempts_since, begin + timedelta(hours=2)) == ()
    departures(register, decision)


def departures(register: Register, decision: str) -> None:
    """What left is told with its files; of nobody else, and not beyond its end."""
    (left,) = sees(register, list_departures, recipient="fife-council", limit=10)
    assert (left.delivery_id, left.rows, left.state) == (f"{FIFE}.2026-11.r1", 1204, "published")
    assert sees(register, list_departures, recipient="analysts", limit=10) == ()
    assert sees(register, list_departures, request_id=FIFE, limit=10, offset=1) == ()
    assert sees(register, count_departures) == 1
    assert sees(register, plans_of, {decision})[decision]["request_id"] == FIFE


def test_the_columns_beside_documents_cannot_be_written(register):
    with pytest.raises(Exception, match=r"can only be updated to DEFAULT|permission denied"):
        register.database.execute("UPDATE register.request SET gateway = 'another'")
