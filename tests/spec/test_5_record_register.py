"""5. How it is remembered: the register.

The register knows how things stand: which requests there are and in which status, what was decided and signed, which
runs were made and how they ended, what was delivered. The ledger (the page before) knows how they came to stand so.
Both change together, in one *unit of work*:

    with unit_of_work(engine) as work:
        set_status(work, "SDDSB-2026-014", 1, expected="submitted", status="in review", at=now, actor=who)
        work.event(now, "request.in-review", "SDDSB-2026-014", who, {"version": 1})

Leave out the event, and nothing is saved. This page follows one request from its submission to a corrected delivery.
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from extracts.errors import AlreadyDelivered, Busy, IllegalTransition, Outcome, Refused
from extracts.record import ledger
from extracts.record.locks import period_lock
from extracts.record.register import (
    end_run,
    get_request,
    last_runs,
    list_deliveries,
    publish_delivery,
    reserve_delivery,
    save_decision,
    save_request,
    set_status,
    start_run,
    status_history,
    stop_delivery,
)
from extracts.record.transaction import reading, unit_of_work
from tests.support.register import ID, NOON, a_decision_entry, a_delivery, a_register, a_request, a_run, announce

REQUESTER, CONTROLLER, SERVICE = "requester@gov.scot.example", "controller@dwp.example", "service@dwp.example"


@pytest.fixture
def register(database):
    """An empty register and ledger."""
    fresh = a_register(database)
    yield fresh
    fresh.engine.dispose()


@pytest.fixture
def approved(register):
    """A register in which one request was submitted and approved."""
    with unit_of_work(register.engine) as work:
        save_request(work, a_request(), actor=REQUESTER)
        work.event(NOON, "request.submitted", ID, REQUESTER, {"digest": a_request().digest})
    with unit_of_work(register.engine) as work:
        save_decision(work, a_decision_entry())
        set_status(work, ID, 1, expected="submitted", status="approved", at=NOON, actor=CONTROLLER)
        work.event(NOON, "request.approved", ID, CONTROLLER, {"decision_digest": a_decision_entry().digest})
    return register


def run(register, run_id="run-1", delivery=None, stopped_by=""):
    """One run as the steps make it: reserve, build, publish; or stopped by a control on the way."""
    delivery = delivery or a_delivery(run_id=run_id)
    with period_lock(register.engine, ID, delivery.period), unit_of_work(register.engine) as work:
        start_run(work, a_run(run_id, period=delivery.period))
        reserve_delivery(work, delivery)
        work.event(NOON, "run.started", ID, SERVICE, {"run": run_id})
    with unit_of_work(register.engine) as work:
        outcome = Outcome.STOPPED if stopped_by else Outcome.DELIVERED
        end_run(work, run_id, at=NOON, outcome=outcome, gate=stopped_by, delivery_id=delivery.delivery_id)
        if stopped_by:
            stop_delivery(work, delivery.delivery_id)
        else:
            announce(work, delivery.delivery_id)
            publish_delivery(work, delivery.delivery_id, at=NOON)
        work.event(NOON, "run.ended", ID, SERVICE, {"run": run_id, "outcome": outcome})


def states(register):
    with reading(register.engine) as view:
        return {d.delivery_id: d.state.value for d in list_deliveries(view)}


def test_a_request_keeps_its_document_and_the_history_of_its_status(approved):
    with reading(approved.engine) as view:
        request = get_request(view, ID)
        history = [(c.from_status, c.to_status, c.actor) for c in status_history(view, ID)]
        told = [e.kind for e in ledger.events(view.connection, subject=ID)]
    assert request.document == a_request().document
    assert history == [("", "submitted", REQUESTER), ("submitted", "approved", CONTROLLER)]
    assert told == ["request.submitted", "request.approved"]


def test_what_was_submitted_is_changed_by_a_higher_version_only(approved):
    changed = a_request(document={"purpose": "something else"})

    def submit(request):
        with unit_of_work(approved.engine) as work:
            save_request(work, request, actor=REQUESTER)
            work.event(NOON, "request.submitted", ID, REQUESTER)

    with pytest.raises(Refused, match="Submit the change as a higher version"):
        submit(changed)
    submit(a_request(version=2, document=changed.document))
    with reading(approved.engine) as view:
        assert [get_request(view, ID, version).status for version in (1, 2)] == ["approved", "submitted"]


def test_who_decides_on_a_status_that_is_no_longer_so_is_refused_and_nothing_is_told(approved):
    def withdraw_as_if_it_were_undecided():
        with unit_of_work(approved.engine) as work:
            set_status(work, ID, 1, expected="submitted", status="withdrawn", at=NOON, actor=REQUESTER)
            work.event(NOON, "request.withdrawn", ID, REQUESTER)

    with pytest.raises(IllegalTransition, match="SDDSB-2026-014 version 1 is approved, not submitted"):
        withdraw_as_if_it_were_undecided()
    with reading(approved.engine) as view:
        assert [e.kind for e in ledger.events(view.connection)] == ["request.submitted", "request.approved"]


def test_a_run_that_a_control_stopped_says_which_and_the_next_makes_the_same_delivery(approved):
    run(approved, "run-1", stopped_by="validate_extract")
    assert states(approved) == {"SDDSB-2026-014.2026-11.r1": "stopped"}
    run(approved, "run-2")
    assert states(approved) == {"SDDSB-2026-014.2026-11.r1": "published"}
    with reading(approved.engine) as view:
        ends = {r.run_id: (r.outcome, r.gate) for r in last_runs(view, request_id=ID)}
    assert ends == {"run-1": ("stopped by a control", "validate_extract"), "run-2": ("delivered", "")}


def test_a_period_is_delivered_once(approved):
    run(approved, "run-1")
    with pytest.raises(AlreadyDelivered, match="correct it with `extracts redeliver`"):
        run(approved, "run-2")
    assert states(approved) == {"SDDSB-2026-014.2026-11.r1": "published"}


def test_wrong_data_are_corrected_by_a_revision_that_supersedes(approved):
    run(approved, "run-1")
    correction = a_delivery(
        revision=2, supersedes="SDDSB-2026-014.2026-11.r1", reason="A claim was counted twice.", run_id="run-2"
    )
    run(approved, "run-2", correction)
    assert states(approved) == {"SDDSB-2026-014.2026-11.r1": "superseded", "SDDSB-2026-014.2026-11.r2": "published"}


def test_two_runs_of_one_period_at_once_do_not_meet(approved):
    with period_lock(approved.engine, ID, "2026-11"):
        with pytest.raises(Busy, match="is under way"):
            run(approved, "run-2")
        later = a_delivery(12, run_id="run-3", created_at=NOON + timedelta(days=30))
        run(approved, "run-3", later)
    assert states(approved) == {"SDDSB-2026-014.2026-12.r1": "published"}
