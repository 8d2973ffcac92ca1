"""Deliveries in the register: once each, by one run at a time, and kept as they were published."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from itertools import product

import psycopg
import pytest

from extracts.errors import (
    AlreadyDelivered,
    Busy,
    ExtractsError,
    IllegalTransition,
    NotFound,
    Refused,
    TechnicalFailure,
)
from extracts.record.delivery_entries import DELIVERY_TRANSITIONS, DeliveryState
from extracts.record.locks import period_lock
from extracts.record.register import (
    deliveries_count,
    get_delivery,
    last_published,
    list_deliveries,
    next_revision,
    previous_delivery,
    publish_delivery,
    reserve_delivery,
    resume_building,
    start_publishing,
    start_run,
    stop_delivery,
    withdraw_delivery,
)
from tests.support.register import (
    A_FILE,
    APPLICATION,
    ID,
    MANIFEST,
    NOON,
    a_delivery,
    a_register,
    a_run,
    agree,
    announce,
    does,
    publish,
    sees,
)


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


# --- from reservation to publication ----------------------------------------------------------------------------------


def test_a_delivery_is_reserved_announced_and_published(agreed):
    reserved = does(agreed, reserve_delivery, a_delivery())
    assert reserved == a_delivery()
    assert reserved.delivery_id == "SDDSB-2026-014.2026-11.r1"
    published = publish(agreed, a_delivery())
    assert (published.state, published.published_at) == (DeliveryState.PUBLISHED, NOON)
    assert (published.rows, published.bytes, published.files) == (1204, 88_000, (A_FILE,))
    assert sees(agreed, get_delivery, published.delivery_id) == published
    assert agreed.database.rows("SELECT rows, bytes FROM register.delivery") == [(1204, 88_000)]


def test_reserving_again_gives_the_same_delivery_to_the_later_run(agreed):
    does(agreed, reserve_delivery, a_delivery())
    does(agreed, stop_delivery, a_delivery().delivery_id)
    does(agreed, start_run, a_run("run-2"))
    assert does(agreed, reserve_delivery, a_delivery(run_id="run-2")) == a_delivery(run_id="run-2")
    assert len(sees(agreed, list_deliveries)) == 1


def test_a_correction_that_stopped_is_tried_again_for_another_reason(agreed):
    publish(agreed, a_delivery())
    first = a_delivery(revision=2, supersedes=a_delivery().delivery_id, reason="Rows were missing.")
    does(agreed, reserve_delivery, first)
    does(agreed, stop_delivery, first.delivery_id)
    does(agreed, start_run, a_run("run-2"))
    second = replace(first, run_id="run-2", reason="Rows were missing, and some came twice.")
    assert does(agreed, reserve_delivery, second) == second


def test_what_was_delivered_is_not_delivered_twice(agreed):
    publish(agreed, a_delivery())
    with pytest.raises(AlreadyDelivered, match=r"r1 is published, since 2026-11-23 12:00 UTC.*extracts redeliver"):
        does(agreed, reserve_delivery, a_delivery())
    does(agreed, withdraw_delivery, a_delivery().delivery_id)
    with pytest.raises(AlreadyDelivered, match="is withdrawn"):
        does(agreed, reserve_delivery, a_delivery())


def test_one_that_was_being_published_must_be_reconciled_first(agreed):
    does(agreed, reserve_delivery, a_delivery())
    name = a_delivery().delivery_id
    told = {"path": "x", "manifest_digest": MANIFEST, "previous_manifest_digest": "", "files": [A_FILE]}
    does(agreed, start_publishing, name, **told)
    with pytest.raises(Refused, match="was being published when run run-1 ended"):
        does(agreed, reserve_delivery, a_delivery())
    assert [d.delivery_id for d in sees(agreed, list_deliveries, states=[DeliveryState.PUBLISHING])] == [name]
    does(agreed, resume_building, name)
    assert does(agreed, reserve_delivery, a_delivery()).state is DeliveryState.BUILDING
    does(agreed, start_publishing, name, **(told | {"manifest_digest": "sha256:" + "e" * 64}))
    assert does(agreed, publish_delivery, name, at=NOON).manifest_digest == "sha256:" + "e" * 64


def test_a_correction_supersedes_what_it_corrects(agreed):
    first = publish(agreed, a_delivery())
    assert sees(agreed, next_revision, ID, "2026-11") == 2
    correction = a_delivery(revision=2, supersedes=first.delivery_id, reason="A claim was counted twice.")
    second = publish(agreed, correction, NOON + timedelta(days=1))
    assert sees(agreed, get_delivery, first.delivery_id).state is DeliveryState.SUPERSEDED
    assert (second.supersedes, second.reason) == (first.delivery_id, "A claim was counted twice.")
    assert sees(agreed, deliveries_count, ID) == 2


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"revision": 2}, "names the delivery that it supersedes"),
        ({"revision": 1, "supersedes": "SDDSB-2026-014.2026-11.r1"}, "names the delivery that it supersedes"),
        ({"revision": 2, "supersedes": "SDDSB-2026-014.2026-10.r1"}, "cannot supersede"),
        ({"revision": 2, "supersedes": "SDDSB-2026-014.2026-09.r1"}, "No delivery"),
    ],
)
def test_a_correction_names_a_delivery_of_its_own_period_that_left(agreed, changes, why):
    publish(agreed, a_delivery(10))
    with pytest.raises(ExtractsError, match=why):
        does(agreed, reserve_delivery, a_delivery(**changes))


REACH = {
    DeliveryState.BUILDING: resume_building,
    DeliveryState.STOPPED: stop_delivery,
    DeliveryState.PUBLISHING: announce,
    DeliveryState.PUBLISHED: lambda work, name: publish_delivery(work, name, at=NOON),
    DeliveryState.WITHDRAWN: withdraw_delivery,
}  # a delivery is superseded by the publication of a correction only, see above
WAYS_TO = {
    DeliveryState.BUILDING: (),
    DeliveryState.STOPPED: ("stopped",),
    DeliveryState.PUBLISHING: ("publishing",),
    DeliveryState.PUBLISHED: ("publishing", "published"),
    DeliveryState.SUPERSEDED: ("publishing", "published"),
    DeliveryState.WITHDRAWN: ("publishing", "published", "withdrawn"),
}


@pytest.fixture(scope="module")
def one_for_all(module_database):
    """A register that the tests of all pairs of states share."""
    register = a_register(module_database)
    agree(register)
    yield register
    register.engine.dispose()


@pytest.mark.parametrize(("before", "after"), product(DeliveryState, REACH))
def test_a_delivery_goes_only_where_the_table_of_states_lets_it(one_for_all, before, after):
    delivery = a_delivery(period=f"{before} to {after}")
    does(one_for_all, reserve_delivery, delivery)
    for way in WAYS_TO[before]:
        does(one_for_all, REACH[DeliveryState(way)], delivery.delivery_id)
    if before is DeliveryState.SUPERSEDED:
        publish(one_for_all, replace(delivery, revision=2, supersedes=delivery.delivery_id))
    if after in DELIVERY_TRANSITIONS[before]:
        assert does(one_for_all, REACH[after], delivery.delivery_id).state is after
    else:
        with pytest.raises(IllegalTransition, match=f"is {before}; it cannot become {after}"):
            does(one_for_all, REACH[after], delivery.delivery_id)
        assert sees(one_for_all, get_delivery, delivery.delivery_id).state is before


def test_deliveries_are_listed_counted_and_compared(agreed):
    assert sees(agreed, last_published, ID) is None
    assert sees(agreed, previous_delivery, ID, date(2026, 12, 1)) is None
    publish(agreed, a_delivery(9), NOON)
    publish(agreed, a_delivery(11), NOON + timedelta(hours=1))
    publish(agreed, a_delivery(10), NOON + timedelta(hours=2))  # late
    does(agreed, reserve_delivery, a_delivery(12))
    listed = [d.period for d in sees(agreed, list_deliveries, request_id=ID, recipient="social-security-scotland")]
    assert listed == ["2026-09", "2026-10", "2026-11", "2026-12"]
    assert sees(agreed, list_deliveries, period="2026-08") == ()
    assert sees(agreed, deliveries_count, ID) == 3
    assert sees(agreed, last_published, ID).period == "2026-10"
    assert sees(agreed, previous_delivery, ID, date(2026, 12, 1)).period == "2026-11"
    assert sees(agreed, previous_delivery, ID, date(2026, 11, 1)).period == "2026-10"
    does(agreed, withdraw_delivery, a_delivery(10).delivery_id)
    assert sees(agreed, previous_delivery, ID, date(2026, 11, 1)).period == "2026-09"
    assert sees(agreed, last_published, ID).period == "2026-10"
    assert sees(agreed, next_revision, ID, "2026-12") == 1
    with pytest.raises(NotFound, match="No delivery"):
        sees(agreed, get_delivery, "NONE")


@pytest.mark.parametrize(
    "edit", ["rows = 7", "manifest_digest = ''", "published_at = now()", "state = 'building'", "reason = 'None.'"]
)
def test_a_published_delivery_stays_as_it_was_even_for_sql(agreed, edit):
    publish(agreed, a_delivery())
    with pytest.raises(psycopg.Error, match="changes in its state only"):
        agreed.database.execute(f"UPDATE register.delivery SET {edit}", APPLICATION)


# --- one run of a period at a time ------------------------------------------------------------------------------------


def test_a_second_run_of_the_same_period_is_told_busy_and_others_are_not(agreed):
    def try_period(request_id: str, period: str) -> str:
        with period_lock(agreed.engine, request_id, period):
            return "free"

    with period_lock(agreed.engine, ID, "2026-11") as lock:
        lock.check()
        with pytest.raises(Busy, match="Another run of SDDSB-2026-014, period 2026-11, is under way"):
            try_period(ID, "2026-11")
        assert try_period(ID, "2026-12") == try_period("SDDSB-2026-021", "2026-11") == "free"
    assert try_period(ID, "2026-11") == "free"


def test_a_lock_is_free_after_its_holder_failed_or_died(agreed):
    def fail() -> None:
        with period_lock(agreed.engine, ID, "2026-11"):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with period_lock(agreed.engine, ID, "2026-11") as lock:
        agreed.database.execute(f"SELECT pg_terminate_backend({lock._backend})")
        with pytest.raises(TechnicalFailure, match="was lost with its database session"):
            lock.check()
        with period_lock(agreed.engine, ID, "2026-11") as mine:
            mine.check()


def test_of_two_runs_at_once_one_delivers_and_the_other_is_told_why_not(agreed):
    def run(run_id: str) -> str:
        does(agreed, start_run, a_run(run_id))
        try:
            with period_lock(agreed.engine, ID, "2026-11"):
                publish(agreed, a_delivery(run_id=run_id))
        except (Busy, AlreadyDelivered) as told:
            return type(told).__name__
        return "delivered"

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(run, ["a", "b", "c", "d"]))
    assert results.count("delivered") == 1
    assert set(results) <= {"delivered", "Busy", "AlreadyDelivered"}
    assert sees(agreed, deliveries_count, ID) == 1
