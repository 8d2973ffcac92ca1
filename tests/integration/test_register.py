"""The register on a real PostgreSQL: requests, decisions, orders and runs; what it keeps and what it refuses."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from extracts.agreement.decision import DecisionOutcome, Order, OrderKind
from extracts.canonical import canonical_json, digest
from extracts.errors import (
    IllegalTransition,
    NotFound,
    Outcome,
    Refused,
    VerificationFailed,
)
from extracts.record.entries import AssessmentEntry, DecisionEntry, OrderEntry, SignatureEntry
from extracts.record.register import (
    end_run,
    get_assessment,
    get_decision,
    get_request,
    get_run,
    hold_status,
    last_runs,
    list_decisions,
    list_orders,
    list_requests,
    open_runs,
    record_signature,
    save_assessment,
    save_decision,
    save_order,
    save_request,
    set_status,
    signatures,
    start_run,
    status_history,
)
from extracts.record.transaction import unit_of_work
from tests.support.register import (
    ID,
    NOON,
    PLAN,
    a_decision_entry,
    a_register,
    a_request,
    a_run,
    agree,
    does,
    sees,
)

ARMOURED = "-----BEGIN SSH SIGNATURE-----\nU1NIU0lH{}\n-----END SSH SIGNATURE-----\n"


@pytest.fixture
def register(database):
    """An empty register of the test's own."""
    fresh = a_register(database)
    yield fresh
    fresh.engine.dispose()


@pytest.fixture
def agreed(register):
    """A register with a request, a decision on it, and a run under way."""
    agree(register)
    return register


# --- requests ---------------------------------------------------------------------------------------------------------


def test_a_request_comes_back_as_it_was_saved(register):
    hostile = a_request(document={"purpose": "Robert'); DROP TABLE register.request;-- é \u0000", "n": [1, None]})
    assert does(register, save_request, hostile, actor="requester")
    assert sees(register, get_request, ID) == hostile


def test_saving_the_same_request_again_changes_nothing_and_needs_no_event(register):
    does(register, save_request, a_request(), actor="requester")
    with unit_of_work(register.engine) as work:
        assert not save_request(work, a_request(status="draft"), actor="requester")
    assert sees(register, get_request, ID).status == "submitted"
    assert len(sees(register, status_history, ID)) == 1


def test_a_submitted_request_is_never_edited(register):
    does(register, save_request, a_request(), actor="requester")
    edited = a_request(document={"purpose": "something else"})
    with pytest.raises(Refused, match=r"SDDSB-2026-014 version 1 was submitted with other content.*higher version"):
        does(register, save_request, edited, actor="requester")
    assert does(register, save_request, replace(edited, version=2), actor="requester")
    assert sees(register, get_request, ID).version == 2
    assert sees(register, get_request, ID, 1).document == a_request().document


def test_a_request_changed_behind_our_back_is_not_handed_out(register):
    does(register, save_request, a_request(), actor="requester")
    register.database.execute("UPDATE register.request SET document = replace(document, 'eligibility', 'marketing')")
    with pytest.raises(VerificationFailed, match="request SDDSB-2026-014 version 1 was changed after it was saved"):
        sees(register, get_request, ID)


@pytest.mark.parametrize("version", [None, 1, 7])
def test_an_unknown_request_is_said_to_be_unknown(register, version):
    with pytest.raises(NotFound, match=r"No request 'NONE'.*is in the register"):
        sees(register, get_request, "NONE", version)


def test_requests_are_listed_by_status_recipient_and_latest_version(register):
    does(register, save_request, a_request("B", 1, status="approved"), actor="requester")
    does(register, save_request, a_request("B", 2, status="in review"), actor="requester")
    does(register, save_request, a_request("A", 1, status="refused", recipient="fife-council"), actor="requester")

    def listed(**filters):
        return [(r.request_id, r.version) for r in sees(register, list_requests, **filters)]

    assert listed() == [("A", 1), ("B", 1), ("B", 2)]
    assert listed(statuses=["approved", "refused"]) == [("A", 1), ("B", 1)]
    assert listed(recipient="fife-council") == [("A", 1)]
    assert listed(latest_only=True) == [("A", 1), ("B", 2)]
    assert listed(latest_only=True, statuses=["approved"]) == []


def test_a_status_changes_only_from_the_one_that_was_seen(register):
    does(register, save_request, a_request(), actor="requester")
    step = {"expected": "submitted", "status": "in review", "at": NOON, "actor": "board", "comment": "taken up"}
    does(register, set_status, ID, 1, **step)
    with pytest.raises(IllegalTransition, match="SDDSB-2026-014 version 1 is in review, not submitted"):
        does(register, set_status, ID, 1, **(step | {"status": "withdrawn"}))
    with pytest.raises(NotFound):
        does(register, set_status, "NONE", 1, **step)
    history = [(c.number, c.from_status, c.to_status, c.actor, c.comment) for c in sees(register, status_history, ID)]
    assert history == [(1, "", "submitted", "requester", ""), (2, "submitted", "in review", "board", "taken up")]


def test_of_two_who_change_a_status_at_once_one_is_refused(register):
    does(register, save_request, a_request(), actor="requester")

    def move_to(status: str) -> str:
        try:
            does(register, set_status, ID, 1, expected="submitted", status=status, at=NOON, actor="somebody")
        except IllegalTransition:
            return "refused"
        return status

    with ThreadPoolExecutor(4) as pool:
        results = sorted(pool.map(move_to, ["withdrawn", "in review", "returned", "approved"]))
    assert results.count("refused") == 3
    assert sees(register, get_request, ID).status in results
    assert len(sees(register, status_history, ID, 1)) == 2


def test_a_status_that_is_held_cannot_change_until_the_holder_is_done(register):
    does(register, save_request, a_request(status="approved"), actor="requester")
    revoke = {"expected": "approved", "status": "revoked", "at": NOON, "actor": "controller"}
    with ThreadPoolExecutor(1) as pool:
        with unit_of_work(register.engine) as work:
            hold_status(work, ID, 1, "approved")
            later = pool.submit(does, register, set_status, ID, 1, **revoke)
            with pytest.raises(TimeoutError):
                later.result(0.3)
        later.result(10)
    with pytest.raises(IllegalTransition, match="is revoked, not approved"):
        does(register, hold_status, ID, 1, "approved")
    with pytest.raises(NotFound):
        does(register, hold_status, "NONE", 1, "approved")


def test_an_assessment_is_found_by_its_digest_and_never_by_its_age(register):
    does(register, save_request, a_request(), actor="requester")
    old = AssessmentEntry(ID, 1, "1", False, {"rules": []}, NOON)
    new = AssessmentEntry(ID, 1, "2", True, {"rules": ["r1"]}, NOON + timedelta(days=1))
    assert does(register, save_assessment, new)
    assert does(register, save_assessment, old)
    assert not does(register, save_assessment, old)
    for one in (old, new):
        assert sees(register, get_assessment, ID, 1, one.digest) == one
    with pytest.raises(NotFound, match=r"No assessment sha256:f+ of SDDSB-2026-014 version 1"):
        sees(register, get_assessment, ID, 1, "sha256:" + "f" * 64)
    with pytest.raises(NotFound):
        does(register, save_assessment, replace(old, request_id="NONE"))


def test_times_come_back_in_utc(register):
    does(register, save_request, a_request(), actor="requester")
    assert sees(register, get_request, ID).submitted_at == datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    assert sees(register, get_request, ID).submitted_at.utcoffset() == timedelta(0)


# --- decisions, signatures, orders ------------------------------------------------------------------------------------


def test_a_decision_and_its_plan_come_back_as_they_were_saved(agreed):
    found = sees(agreed, get_decision, a_decision_entry().digest)
    assert found == a_decision_entry()
    assert (found.outcome, found.valid_from, found.valid_until) == ("approve", date(2026, 1, 5), date(2027, 12, 31))
    assert not does(agreed, save_decision, a_decision_entry())


def test_a_decision_with_another_plan_than_it_binds_cannot_be_made(agreed):
    with pytest.raises(VerificationFailed, match="but it came with plan"):
        DecisionEntry(a_decision_entry().document, PLAN | {"recipient": "somebody-else"}, NOON)
    with pytest.raises(VerificationFailed, match="but it came with plan"):
        DecisionEntry(a_decision_entry(plan_digest="").document, PLAN, NOON)


def test_decisions_on_a_request_are_listed_newest_first_refusals_too(agreed):
    refused = a_decision_entry(outcome=DecisionOutcome.REFUSE, plan_digest="", valid_from=None, valid_until=None)
    refused = replace(refused, recorded_at=NOON + timedelta(days=1))
    does(agreed, save_decision, refused)
    assert sees(agreed, list_decisions, ID) == (refused, a_decision_entry())
    assert sees(agreed, list_decisions, "NONE") == ()


def test_a_decision_or_plan_changed_behind_our_back_is_not_handed_out(agreed):
    agreed.database.execute("UPDATE register.decision SET plan = replace(plan, 'social-security-scotland', 'x')")
    with pytest.raises(VerificationFailed, match="the plan of a decision on SDDSB-2026-014 was changed"):
        sees(agreed, get_decision, a_decision_entry().digest)
    with pytest.raises(NotFound, match="No decision"):
        sees(agreed, get_decision, digest({}))


def a_signature(namespace: str = "extract-decision-board", **changes) -> SignatureEntry:
    facts = {
        "principal": "board.chair@dwp.example",
        "key_fingerprint": "SHA256:abc",
        "signature": ARMOURED.format("A"),
        "recorded_at": NOON,
    }
    return SignatureEntry(a_decision_entry().digest, namespace, **(facts | changes))


def test_a_signature_keeps_the_time_at_which_it_was_first_seen(agreed):
    assert does(agreed, record_signature, a_signature())
    later = a_signature(recorded_at=NOON + timedelta(days=400))
    assert not does(agreed, record_signature, later)
    controller = a_signature("extract-decision-controller", principal="controller@dwp.example")
    assert does(agreed, record_signature, controller)
    assert sees(agreed, signatures, a_decision_entry().digest) == (a_signature(), controller)


def test_one_role_signs_a_document_once(agreed):
    does(agreed, record_signature, a_signature())
    with pytest.raises(Refused, match=r"is signed as extract-decision-board by board\.chair@dwp\.example already"):
        does(agreed, record_signature, a_signature(principal="deputy@dwp.example", signature=ARMOURED.format("B")))


def an_order(number: int, kind: OrderKind = OrderKind.SUSPEND, reasons: str = "An incident.") -> OrderEntry:
    return OrderEntry(Order(ID, number, kind, a_decision_entry().digest, reasons, NOON).document(), NOON)


def test_orders_count_up_and_come_back_in_turn(agreed):
    assert does(agreed, save_order, an_order(1))
    assert not does(agreed, save_order, an_order(1))
    assert does(agreed, save_order, an_order(2, OrderKind.RESUME))
    assert sees(agreed, list_orders, ID) == (an_order(1), an_order(2, OrderKind.RESUME))
    for out_of_turn in (an_order(1, reasons="Another."), an_order(4)):
        with pytest.raises(Refused, match="is out of turn; the next is number 3"):
            does(agreed, save_order, out_of_turn)


def test_documents_are_stored_as_the_very_bytes_that_are_signed(agreed):
    ((stored,),) = agreed.database.rows("SELECT document FROM register.decision")
    assert stored.encode() == canonical_json(a_decision_entry().document)


# --- runs -------------------------------------------------------------------------------------------------------------


def test_a_run_tells_how_it_ended_and_which_gate_stopped_it(agreed):
    told = {"gate": "release", "reason": "The agreement was revoked.", "counts": {"rows": 3}, "snapshot": {"at": "x"}}
    ended = does(agreed, end_run, "run-1", at=NOON + timedelta(minutes=3), outcome=Outcome.STOPPED, **told)
    assert ended == sees(agreed, get_run, "run-1")
    assert ended == a_run(ended_at=NOON + timedelta(minutes=3), outcome=Outcome.STOPPED, **told)


def test_a_run_that_is_started_again_is_its_next_attempt(agreed):
    does(agreed, end_run, "run-1", at=NOON, outcome=Outcome.FAILED, gate="build_extract", reason="SQLSTATE 57P01")
    assert sees(agreed, open_runs) == ()
    again = does(agreed, start_run, a_run(started_at=NOON + timedelta(hours=1)))
    assert again == a_run(started_at=NOON + timedelta(hours=1), attempt=2)
    assert sees(agreed, open_runs) == (again,)
    with pytest.raises(Refused, match="it cannot serve SDDSB-2026-014, period 2026-12"):
        does(agreed, start_run, a_run(period="2026-12"))


def test_the_last_runs_are_listed_newest_first_of_a_request_and_period(agreed):
    for n, period in enumerate(["2026-10", "2026-11", "2026-12"], start=2):
        does(agreed, start_run, a_run(f"run-{n}", period=period, started_at=NOON + timedelta(days=n)))
    assert [r.run_id for r in sees(agreed, last_runs, limit=2)] == ["run-4", "run-3"]
    assert [r.run_id for r in sees(agreed, last_runs, request_id=ID, period="2026-11")] == ["run-3", "run-1"]
    assert sees(agreed, last_runs, request_id="NONE") == ()
    with pytest.raises(NotFound):
        does(agreed, start_run, a_run("run-9", request_id="NONE"))
    with pytest.raises(NotFound):
        does(agreed, end_run, "none", at=NOON, outcome=Outcome.FAILED)
