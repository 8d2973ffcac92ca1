"""The ledger under load, in the hands of many, and against every kind of change."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from extracts.canonical import canonical_json, digest
from extracts.record import ledger
from extracts.record.diagnosis import Tampering
from extracts.record.event import GENESIS, Anchor, Event, NewEvent, chained, digest_of
from extracts.record.migrations import OWNER
from extracts.record.rights import protection_problems
from extracts.record.transaction import reading, unit_of_work
from extracts.record.verification import is_canonical, verify, verify_events
from tests.support.register import APPLICATION, NOON, Register, a_register

# Everything that a payload may hold, as hostile as it comes: quotes, controls, astral and combining characters.
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
PAYLOADS = st.dictionaries(st.text(), VALUES, max_size=4)
TIMES = st.datetimes(
    datetime(2000, 1, 2),
    datetime(9998, 12, 30),
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=-11)), timezone(timedelta(hours=5, minutes=45))]),
)
NAMES = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=60)
KINDS = st.from_regex(r"[a-z][a-z0-9]{0,9}(\.[a-z0-9]{1,9}){0,2}", fullmatch=True)
SUBJECTS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:+/@-]{0,30}", fullmatch=True)
EVENTS = st.builds(NewEvent, at=TIMES, kind=KINDS, subject=SUBJECTS, actor=NAMES, payload=PAYLOADS)


@pytest.fixture(scope="module")
def shared(module_database):
    """A ledger that several tests add to."""
    register = a_register(module_database)
    yield register
    register.engine.dispose()


@pytest.fixture
def register(database):
    """A ledger of the test's own."""
    register = a_register(database)
    yield register
    register.engine.dispose()


def a_chain(new: list[NewEvent]) -> list[Event]:
    """What `new` becomes as a ledger of its own."""
    events: list[Event] = []
    last = Anchor(0, GENESIS)
    for one in new:
        events.append(chained(one, last))
        last = Anchor(events[-1].sequence, events[-1].digest)
    return events


def some_events(number: int) -> list[NewEvent]:
    return [NewEvent(NOON, "run.ended", f"run-{n}", "service@dwp.example", {"rows": n}) for n in range(number)]


def judged(events: list[Event], *anchors: Anchor):
    return verify_events(lambda start: [e for e in events if start is None or e.sequence >= start], anchors)


# --- whatever an event holds -----------------------------------------------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(EVENTS)
def test_every_event_comes_back_as_it_went_in_and_verifies(shared, new):
    with unit_of_work(shared.engine) as work:
        before = ledger.head(work.connection)
        work.event(new.at, new.kind, new.subject, new.actor, new.payload)
    with reading(shared.engine) as view:
        (event,) = ledger.events(view.connection, after=before.sequence)
        assert (event,) == work.appended
        assert (event.at, event.kind, event.subject, event.actor) == (new.at, new.kind, new.subject, new.actor)
        assert canonical_json(event.payload) == canonical_json(new.payload)
        checkpoint = before if before.sequence else None
        assert verify(view.connection, [Anchor(event.sequence, event.digest)], checkpoint).passed


@given(EVENTS)
@example(NewEvent(NOON, "run.ended", "X", 'Se\u0301an O\'Brien "the \\ slash"', {"e\u0301": "\u212b"}))
def test_the_digest_put_together_from_parts_is_the_digest_of_the_canonical_document(new):
    event = chained(new, Anchor(41, "sha256:" + "b" * 64))
    content = event.document()
    assert content.pop("digest") == event.digest == digest(content)
    assert is_canonical(event.payload_text)


def test_the_databases_own_digest_agrees_with_ours_for_every_event_of_this_file(shared):
    assert shared.database.rows("SELECT count(*) FROM ledger.event")[0][0] > 0
    assert shared.database.rows("SELECT sequence FROM ledger.event e WHERE digest <> ledger.digest_of(e)") == []


@pytest.mark.parametrize("text_", ['{"b":1,"a":2}', '{"a":1,"a":1}', '{"a":1.0}', '{"a":NaN}', "[]", '"a"', "", "{"])
def test_what_is_not_canonical_is_told_apart(text_):
    assert not is_canonical(text_)
    assert not is_canonical('{"e":"e\u0301"}')  # not NFC
    assert is_canonical('{"e":"\u00e9"}')


# --- whatever is changed ---------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.lists(EVENTS, min_size=1, max_size=6), st.data())
def test_any_change_of_one_field_of_one_event_is_found_at_that_event(new, data):
    events = a_chain(new)
    assert judged(events).passed
    place = data.draw(st.integers(0, len(events) - 1))
    field = data.draw(st.sampled_from([f.name for f in fields(Event)]))
    changed = replace(events[place], **{field: data.draw(another(field, getattr(events[place], field)))})
    report = judged(sorted([*events[:place], changed, *events[place + 1 :]], key=lambda e: e.sequence))
    assert report.finding is not None
    assert report.finding.sequence <= place + 1
    if field != "sequence":
        # Made to say what another event says, it looks as if the two had been mixed up.
        copied = content(changed) in [content(e) for e in events]
        kinds = {Tampering.EDITED, Tampering.REORDERED} if copied else {Tampering.EDITED}
        assert report.finding.tampering in kinds
        assert report.finding.sequence == place + 1


def content(event: Event) -> tuple[object, ...]:
    return event.at, event.kind, event.subject, event.actor, event.payload_text


def another(field: str, value: Any) -> st.SearchStrategy[Any]:
    of_the_same_kind: dict[str, st.SearchStrategy[Any]] = {
        "sequence": st.integers(-5, 50),
        "at": TIMES,
        "kind": KINDS,
        "subject": SUBJECTS,
        "actor": NAMES,
        "payload_text": st.sampled_from(["{}", '{"a": 1}', '{"rows":7}', "{} ", ""]),
        "previous": st.just("sha256:" + "f" * 64),
        "digest": st.just("sha256:" + "f" * 64),
    }
    return of_the_same_kind[field].filter(lambda new: new != value)


@given(st.integers(2, 9), st.data())
def test_any_one_event_that_is_taken_out_is_missed_unless_it_is_the_last(number, data):
    events = a_chain(some_events(number))
    gone = data.draw(st.integers(1, number - 1))
    finding = judged([e for e in events if e.sequence != gone]).finding
    assert (finding.tampering, finding.sequence) == (Tampering.MISSING, gone)


@given(st.integers(2, 9), st.data())
def test_any_two_events_that_change_places_are_found_at_the_earlier_place(number, data):
    events = a_chain(some_events(number))
    one, other = sorted(data.draw(st.lists(st.integers(0, number - 1), min_size=2, max_size=2, unique=True)))
    events[one], events[other] = (
        replace(events[other], sequence=events[one].sequence),
        replace(events[one], sequence=events[other].sequence),
    )
    finding = judged(events).finding
    assert (finding.tampering, finding.sequence) == (Tampering.REORDERED, one + 1)


@given(st.integers(2, 9), st.data())
def test_any_cut_is_found_by_any_later_anchor_and_by_no_earlier_one(number, data):
    events = a_chain(some_events(number))
    kept = data.draw(st.integers(0, number - 1))
    late = data.draw(st.integers(kept, number - 1))
    assert judged(events[:kept]).passed
    finding = judged(events[:kept], Anchor(late + 1, events[late].digest)).finding
    assert (finding.tampering, finding.sequence) == (Tampering.MISSING, kept + 1)
    assert all(judged(events[:kept], Anchor(e.sequence, e.digest)).passed for e in events[:kept])


@given(st.integers(2, 9), st.data())
def test_any_rewriting_is_found_by_an_anchor_at_or_behind_it_and_by_no_earlier_one(number, data):
    new = some_events(number)
    old = a_chain(new)
    place = data.draw(st.integers(0, number - 1))
    rewritten = a_chain([*new[:place], replace(new[place], actor="somebody else"), *new[place + 1 :]])
    assert judged(rewritten).passed
    for witness in old:
        finding = judged(rewritten, Anchor(witness.sequence, witness.digest)).finding
        if witness.sequence <= place:
            assert finding is None
        else:
            assert (finding.tampering, finding.sequence) == (Tampering.REWRITTEN, witness.sequence)


def test_a_forged_last_event_is_told_from_a_forged_one_before_it_by_an_anchor():
    events = a_chain(some_events(4))
    events[3] = rechained(replace(events[3], previous=GENESIS))
    follower = chained(some_events(1)[0], Anchor(4, events[3].digest))
    assert judged([*events, follower]).finding.sequence == 3  # one of the two was forged; event 5 vouches for 4
    witness = Anchor(3, events[2].digest, "a manifest")
    assert judged([*events, follower], witness).finding.sequence == 4


def test_two_events_at_one_place_are_found():
    events = a_chain(some_events(3))
    twin = rechained(replace(events[1], actor="somebody else"))
    finding = judged([*events[:2], twin, events[2]]).finding
    assert (finding.tampering, finding.sequence) == (Tampering.FORGED, 2)


def rechained(event: Event) -> Event:
    return replace(event, digest=digest_of(event))


# --- many at once, and many in all ----------------------------------------------------------------------------------


def test_twenty_writers_at_once_make_one_chain_without_a_gap(register):
    def write(writer: int) -> None:
        for n in range(10):
            with unit_of_work(register.engine) as work:
                work.event(NOON, "run.started", f"writer-{writer}", "service@dwp.example", {"n": n})
                work.event(NOON, "run.ended", f"writer-{writer}", "service@dwp.example", {"n": n})

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(write, range(20)))
    with reading(register.engine) as view:
        events = ledger.events(view.connection)
        assert verify(view.connection).passed
    assert [e.sequence for e in events] == list(range(1, 401))
    # What one transaction appends stands together.
    pairs = zip(events[::2], events[1::2], strict=True)
    assert all((a.subject, a.payload) == (b.subject, b.payload) for a, b in pairs)
    assert all(b.previous == a.digest for a, b in pairwise(events))


def test_the_lock_is_taken_after_the_state_change_not_before(register):
    with unit_of_work(register.engine) as slow:
        slow.event(NOON, "run.started", "slow", "service@dwp.example")
        slow.session.execute(text("SELECT 1"))
        with unit_of_work(register.engine) as quick:  # would wait for ever if `slow` held the chain's lock already
            quick.event(NOON, "run.started", "quick", "service@dwp.example")
    assert quick.appended[0].sequence == 1
    assert slow.appended[0].sequence == 2


def test_a_program_that_ignores_the_lock_waits_for_it_all_the_same(register):
    first = chained(some_events(1)[0], Anchor(0, GENESIS))
    row = [getattr(first, f.name) for f in fields(Event)]
    insert = "INSERT INTO ledger.event VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"
    with register.database.connect(APPLICATION, autocommit=False) as careless:
        careless.execute(insert, row)
        with ThreadPoolExecutor(1) as pool:
            later = pool.submit(remember_one, register)
            time.sleep(0.3)
            assert not later.done()
            careless.commit()
            assert later.result(10).sequence == 2


def remember_one(register: Register) -> Event:
    with unit_of_work(register.engine) as work:
        work.event(NOON, "run.ended", "later", "service@dwp.example")
    return work.appended[0]


@pytest.mark.slow
def test_a_hundred_thousand_events_verify_in_less_than_five_seconds(register):
    events = a_chain(some_events(100_000))
    witness = Anchor(100_000, events[-1].digest, "a manifest")
    load(register, events)
    with reading(register.engine) as view:
        first, second = (timed(lambda: verify(view.connection, [witness])) for _ in range(2))
    assert str(first[0]) == "100000 events are as they were recorded; 1 anchors match."
    assert min(first[1], second[1]) < 5  # seconds; the better of two, since other work may share the processor
    register.attack("UPDATE ledger.event SET actor = 'x' WHERE sequence = 99000")
    with reading(register.engine) as view:
        assert str(verify(view.connection)).startswith("Event 99000 is edited.")


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    began = time.perf_counter()
    return work(), time.perf_counter() - began


def load(register: Register, events: list[Event]) -> None:
    """Restores a ledger as from a backup: quickly, with the triggers off."""
    with register.database.connect(autocommit=False) as connection:
        connection.execute("ALTER TABLE ledger.event DISABLE TRIGGER USER")
        with connection.cursor().copy("COPY ledger.event FROM STDIN") as copy:
            for event in events:
                copy.write_row([getattr(event, f.name) for f in fields(Event)])
        connection.execute("ALTER TABLE ledger.event ENABLE ALWAYS TRIGGER check_link")
        connection.execute("ALTER TABLE ledger.event ENABLE ALWAYS TRIGGER refuse_change")


# --- is it still protected? -----------------------------------------------------------------------------------------


def test_the_ledger_as_migrated_has_nothing_to_complain_about(register):
    with reading(register.engine) as view:
        assert protection_problems(view) == ()


@pytest.mark.parametrize(
    ("weakening", "problem"),
    [
        (f"GRANT {OWNER} TO {APPLICATION}", "may act as its owner"),
        (f"GRANT DELETE ON ledger.event TO {APPLICATION}", "may change, delete or empty the ledger"),
        (f"GRANT UPDATE (actor) ON ledger.event TO {APPLICATION}", "may change, delete or empty the ledger"),
        (f"GRANT DELETE ON register.decision TO {APPLICATION}", "may delete from the register"),
        ("ALTER TABLE ledger.event DISABLE TRIGGER refuse_change", "is switched off or gone"),
        ("ALTER TABLE ledger.event ENABLE TRIGGER check_link", "is switched off or gone"),
        ("DROP TRIGGER check_link ON ledger.event", "is switched off or gone"),
        (f"ALTER ROLE {OWNER} LOGIN", "Somebody can log in as the ledger's owner"),
    ],
)
def test_whatever_weakens_its_protection_is_reported(register, weakening, problem):
    register.database.execute(weakening)
    try:
        with reading(register.engine) as view:
            assert any(problem in found for found in protection_problems(view))
    finally:
        register.database.execute(f"REVOKE {OWNER} FROM {APPLICATION}; ALTER ROLE {OWNER} NOLOGIN")
