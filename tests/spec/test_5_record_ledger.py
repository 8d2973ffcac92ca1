"""5. How it is remembered: the ledger.

Everything that matters (a request, a decision, a delivery, a refusal) becomes one *event* in the ledger, in the same
database transaction as the change itself. Events are only ever added. Each carries the digest of the one before it, so
the whole history hangs on its last digest, the *head*. Every signed manifest names the head of its day: so the
recipients' folders bear witness to a history that nobody here can rewrite unseen.

Read on for what an event is, what cannot be done to it, and what `extracts ledger verify` says when somebody did it
nevertheless.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import psycopg
import pytest
from sqlalchemy import text

from extracts.canonical import digest
from extracts.errors import Refused, TechnicalFailure
from extracts.record import ledger
from extracts.record.event import GENESIS, Anchor, NewEvent, chained
from extracts.record.migrations import OWNER
from extracts.record.register import list_requests, save_request
from extracts.record.transaction import reading, unit_of_work
from extracts.record.verification import LedgerReport, verify
from tests.support.register import APPLICATION, NOON, Register, a_register, a_request


@pytest.fixture
def register(database):
    """An empty register and ledger."""
    fresh = a_register(database)
    yield fresh
    fresh.engine.dispose()


@pytest.fixture
def story(register):
    """A ledger that holds the life of one request in six events."""
    remember(register, "request.submitted", "requester@gov.scot.example", columns=7)
    remember(register, "decision.signed", "board.chair@dwp.example", role="board")
    remember(register, "decision.signed", "controller@dwp.example", role="controller")
    remember(register, "run.started", "extracts-service@dwp.example", period="2026-11")
    remember(register, "delivery.published", "extracts-service@dwp.example", rows=1_204)
    remember(register, "agreement.revoked", "controller@dwp.example")
    return register


def remember(register: Register, kind: str, actor: str, **payload: object) -> None:
    with unit_of_work(register.engine) as work:
        work.event(NOON, kind, "SDDSB-2026-014", actor, payload)


def verified(register: Register, anchors: tuple[Anchor, ...] = (), checkpoint: Anchor | None = None) -> LedgerReport:
    with reading(register.engine) as view:
        return verify(view.connection, anchors, checkpoint)


def found(register: Register, *anchors: Anchor) -> tuple[str, int]:
    """What verification names first: what was done, and to which event."""
    finding = verified(register, anchors).finding
    assert finding is not None, "the tampering was not found"
    return finding.tampering.value, finding.sequence


def head(register: Register, source: str = "") -> Anchor:
    with reading(register.engine) as view:
        here = ledger.head(view.connection)
        return Anchor(here.sequence, here.digest, source)


# --- what an event is ------------------------------------------------------------------------------------------------


def test_an_event_says_what_happened_when_to_what_by_whom_and_with_which_counts(register):
    with unit_of_work(register.engine) as work:
        work.event(NOON, "delivery.published", "SDDSB-2026-014.2026-11.r1", "service@dwp.example", {"rows": 1204})
    (event,) = work.appended
    assert event.document() == {
        "sequence": 1,
        "at": "2026-11-23T12:00:00Z",
        "kind": "delivery.published",
        "subject": "SDDSB-2026-014.2026-11.r1",
        "actor": "service@dwp.example",
        "payload": {"rows": 1204},
        "previous": GENESIS,
        "digest": event.digest,
    }


def test_its_digest_is_over_everything_else_in_it_in_canonical_form(story):
    with reading(story.engine) as view:
        for event in ledger.events(view.connection):
            content = event.document()
            assert content.pop("digest") == digest(content)


def test_each_event_carries_the_digest_of_the_one_before_it(story):
    with reading(story.engine) as view:
        events = ledger.events(view.connection)
    assert [e.sequence for e in events] == [1, 2, 3, 4, 5, 6]
    assert [e.previous for e in events] == [GENESIS, *(e.digest for e in events[:-1])]


def test_a_database_administrator_checks_the_digests_in_plain_sql(story):
    query = "SELECT min(sequence) FROM ledger.event e WHERE e.digest <> ledger.digest_of(e)"
    assert story.database.rows(query) == [(None,)]


def test_times_are_kept_in_utc_whatever_zone_they_came_in(register):
    in_delhi = datetime(2026, 11, 23, 17, 30, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    with unit_of_work(register.engine) as work:
        work.event(in_delhi, "request.submitted", "SDDSB-2026-014", "requester@gov.scot.example")
    with reading(register.engine) as view:
        (event,) = ledger.events(view.connection)
    assert event.at == datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    assert event.document()["at"] == "2026-11-23T12:00:00Z"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"at": datetime(2026, 11, 23)}, "a time with a zone"),
        ({"kind": "Delivery Published"}, "cannot be the kind"),
        ({"subject": "two words"}, "must be an id"),
        ({"subject": ""}, "must be an id"),
        ({"actor": ""}, "must be a name"),
        ({"actor": "two\nlines"}, "must be a name"),
        ({"payload": {"share": 0.5}}, "float has no canonical form"),
        ({"payload": {"rows": 2**60}}, "write it as a string"),
        ({"payload": {"text": "x" * 70_000}}, "limited to 65536 bytes"),
    ],
)
def test_what_an_event_cannot_hold_is_refused_before_anything_is_saved(register, change, why):
    good = {"at": NOON, "kind": "run.ended", "subject": "SDDSB-2026-014", "actor": "service@dwp.example", "payload": {}}
    with pytest.raises((ValueError, TypeError), match=why), unit_of_work(register.engine) as work:
        work.event(**(good | change))
    assert head(register).sequence == 0


def test_events_are_found_by_subject_by_kind_and_from_either_end(story):
    with reading(story.engine) as view:
        signed = ledger.events(view.connection, kind="decision.signed")
        latest = ledger.events(view.connection, subject="SDDSB-2026-014", newest_first=True, limit=2)
        later = ledger.events(view.connection, after=4)
        others = ledger.events(view.connection, subject="SDDSB-2026-021")
    assert [e.payload["role"] for e in signed] == ["board", "controller"]
    assert [e.sequence for e in latest] == [6, 5]
    assert [e.sequence for e in later] == [5, 6]
    assert others == ()


# --- what cannot be done -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["the application", "the owner", "a superuser"])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger.event SET actor = 'somebody else'",
        "UPDATE ledger.event SET actor = 'nobody' WHERE sequence = -1",
        "DELETE FROM ledger.event WHERE sequence = 3",
        "TRUNCATE ledger.event",
        "SET session_replication_role = replica; DELETE FROM ledger.event",
    ],
)
def test_nobody_changes_or_deletes_an_event(story, who, statement):
    role = APPLICATION if who == "the application" else "postgres"
    become = f"SET ROLE {OWNER};" if who == "the owner" else ""
    with pytest.raises(psycopg.Error, match=r"permission denied|is refused; events are only ever added"):
        story.database.execute(f"{become} {statement}", role)
    assert verified(story).events == 6


@pytest.mark.parametrize(
    ("place", "link", "digest_given", "why"),
    [
        (8, "", "", "event 8 does not follow event 6"),
        (6, "", "", "event 6 does not follow event 6"),
        (7, GENESIS, "", "event 7 does not carry the digest of the event before it"),
        (7, "", GENESIS, "the digest of event 7 is not over its content"),
    ],
)
def test_nobody_adds_an_event_that_does_not_go_on_from_the_last(story, place, link, digest_given, why):
    new = NewEvent(NOON, "run.ended", "SDDSB-2026-014", "extracts-service@dwp.example")
    event = chained(new, Anchor(place - 1, link or head(story).digest))
    row = (event.sequence, event.at, event.kind, event.subject, event.actor, event.payload_text, event.previous)
    with story.database.connect(APPLICATION) as connection, pytest.raises(psycopg.Error, match=why):
        connection.execute(
            "INSERT INTO ledger.event VALUES (%s, %s, %s, %s, %s, %s, %s, %s)", [*row, digest_given or event.digest]
        )
    assert verified(story).events == 6


def test_a_state_change_without_an_event_is_refused(register):
    def change_silently() -> None:
        with unit_of_work(register.engine) as work:
            save_request(work, a_request(), actor="requester@gov.scot.example")

    with pytest.raises(Refused, match="without a ledger event; nothing was saved"):
        change_silently()
    with reading(register.engine) as view:
        assert list_requests(view) == ()


def test_if_the_state_change_fails_there_is_no_event(story):
    def change_what_the_application_may_not() -> None:
        with unit_of_work(story.engine) as work:
            work.event(NOON, "request.deleted", "SDDSB-2026-014", "somebody@dwp.example")
            work.writing().execute(text("DELETE FROM register.request"))

    with pytest.raises(TechnicalFailure, match="SQLSTATE 42501"):
        change_what_the_application_may_not()
    assert head(story).sequence == 6


def test_if_the_event_fails_there_is_no_state_change(register):
    def tell_of_a_change_badly() -> None:
        with unit_of_work(register.engine) as work:
            save_request(work, a_request(), actor="requester@gov.scot.example")
            work.event(datetime(1999, 1, 1, tzinfo=UTC), "request.submitted", "SDDSB-2026-014", "requester")

    with pytest.raises(TechnicalFailure, match="SQLSTATE 23514"):
        tell_of_a_change_badly()
    with reading(register.engine) as view:
        assert list_requests(view) == ()
        assert ledger.head(view.connection).sequence == 0


def test_a_transaction_that_was_rolled_back_leaves_no_gap(story):
    def change_your_mind() -> None:
        with unit_of_work(story.engine) as work:
            ledger.append(work.connection, NewEvent(NOON, "run.ended", "SDDSB-2026-014", "service@dwp.example"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        change_your_mind()
    remember(story, "run.started", "extracts-service@dwp.example")
    assert head(story).sequence == 7
    assert verified(story).passed


# --- what is found if it was done nevertheless: somebody took over the database server --------------------------------


def test_an_untouched_ledger_verifies_and_says_what_that_does_not_cover(story):
    report = verified(story)
    assert report.passed
    assert (report.events, report.head) == (6, head(story))
    assert str(report) == (
        "6 events are as they were recorded; 0 anchors match. "
        "No anchors were given: a cut end or a history written anew would not be seen."
    )


@pytest.mark.parametrize(
    "edit",
    [
        "at = at + interval '1 day'",
        "kind = 'request.withdrawn'",
        "subject = 'SDDSB-2026-021'",
        "actor = 'board.chair@dwp.example'",
        """payload = '{"role":"board"}'""",
        """payload = '{"role": "controller"}'""",
        f"previous = '{GENESIS}'",
        f"digest = '{GENESIS}'",
    ],
)
def test_an_edited_event_is_named(story, edit):
    story.attack(f"UPDATE ledger.event SET {edit} WHERE sequence = 3")
    assert found(story) == ("edited", 3)
    assert str(verified(story)) == "Event 3 is edited. Its digest is not over what it says now."


def test_a_deleted_event_is_named(story):
    story.attack("DELETE FROM ledger.event WHERE sequence = 3")
    assert found(story) == ("missing", 3)


def test_so_are_several_and_the_first(story):
    story.attack("DELETE FROM ledger.event WHERE sequence IN (1, 2)")
    assert str(verified(story)) == "Event 1 is missing. Events 1 to 2 were removed."


def test_a_deleted_event_is_named_even_if_the_later_ones_were_renumbered(story):
    story.attack("DELETE FROM ledger.event WHERE sequence = 3")
    for later in (4, 5, 6):
        story.attack(f"UPDATE ledger.event SET sequence = {later - 1} WHERE sequence = {later}")
    assert found(story) == ("missing", 3)


def test_two_events_that_changed_places_are_named(story):
    story.attack(
        "UPDATE ledger.event SET sequence = 99 WHERE sequence = 2; UPDATE ledger.event SET sequence = 2 WHERE "
        "sequence = 4; UPDATE ledger.event SET sequence = 4 WHERE sequence = 99"
    )
    assert found(story) == ("reordered", 2)
    assert str(verified(story)) == "Event 2 is reordered. It now stands at 4."


def test_so_are_two_that_swapped_what_they_say(story):
    story.attack(
        "UPDATE ledger.event a SET at = b.at, kind = b.kind, subject = b.subject, actor = b.actor, payload = b.payload "
        "FROM ledger.event b WHERE (a.sequence, b.sequence) IN ((2, 4), (4, 2))"
    )
    assert str(verified(story)) == "Event 2 is reordered. What is written here was recorded as 4."


def test_an_event_moved_to_the_end_is_named(story):
    story.attack("UPDATE ledger.event SET sequence = 7 WHERE sequence = 2")
    assert str(verified(story)) == "Event 2 is reordered. It now stands at 7."


def test_an_event_put_in_between_is_named(story):
    for later in (6, 5, 4):
        story.attack(f"UPDATE ledger.event SET sequence = {later + 1} WHERE sequence = {later}")
    forge(story, 4, "delivery.published")
    assert found(story) == ("forged", 4)


def test_an_event_that_took_the_place_of_another_is_named(story):
    story.attack("DELETE FROM ledger.event WHERE sequence = 4")
    forge(story, 4, "delivery.published")
    assert str(verified(story)) == "Event 4 is forged. Event 5, and all that follow, were chained to another one."


def test_an_event_put_at_the_end_without_knowing_the_chain_is_named(story):
    forge(story, 7, "agreement.resumed", previous=GENESIS)
    assert str(verified(story)) == "Event 7 is forged. It does not carry the digest of the event before it."


def test_an_event_whose_payload_another_program_wrote_is_named(story):
    forge(story, 7, "agreement.resumed", payload='{"by": "hand"}')
    assert str(verified(story)) == "Event 7 is forged. Its payload is not canonical: this software writes none."


def forge(register: Register, sequence: int, kind: str, previous: str = "", payload: str = "{}") -> None:
    """A forger who knows the rules: the event follows the one before it, and its own digest is right."""
    before = f"(SELECT digest FROM ledger.event WHERE sequence = {sequence - 1})"
    link = f"'{previous}'" if previous else before
    row = f"{sequence}, '{NOON}', '{kind}', 'SDDSB-2026-014', 'nobody', '{payload}', {link}, '{GENESIS}'"
    register.attack(
        f"INSERT INTO ledger.event VALUES ({row});"
        f"UPDATE ledger.event e SET digest = ledger.digest_of(e) WHERE sequence = {sequence}"
    )


# --- what only a witness outside can tell -----------------------------------------------------------------------------


def test_a_cut_end_is_whole_in_itself_but_not_for_whoever_holds_a_later_head(story):
    manifest = head(story, "manifest of SDDSB-2026-014.2026-11.r1")
    story.attack("DELETE FROM ledger.event WHERE sequence > 4")
    assert verified(story).passed
    assert found(story, manifest) == ("missing", 5)
    assert str(verified(story, (manifest,))) == (
        "Event 5 is missing. The end was cut: manifest of SDDSB-2026-014.2026-11.r1 witnessed event 6."
    )


def test_a_history_written_anew_is_whole_in_itself_but_not_for_whoever_holds_an_old_head(story):
    with reading(story.engine) as view:
        old = [Anchor(e.sequence, e.digest, f"manifest {e.sequence}") for e in ledger.events(view.connection)]
    rewrite_from(story, 4)
    assert verified(story).passed
    assert verified(story, (old[1], old[2])).passed
    assert found(story, old[5], old[1]) == ("rewritten", 6)
    assert str(verified(story, (old[1], old[5]))) == (
        "Event 6 is rewritten. manifest 6 witnessed another event; the history was written anew between 3 and 6."
    )
    assert found(story, *old) == ("rewritten", 4)


def rewrite_from(register: Register, start: int) -> None:
    """Somebody who owns the server changes an event and computes every later digest afresh."""
    register.attack(f"UPDATE ledger.event SET actor = 'somebody else' WHERE sequence = {start}")
    for sequence in range(start, head(register).sequence + 1):
        register.attack(
            f"UPDATE ledger.event e SET previous = (SELECT digest FROM ledger.event WHERE sequence = {sequence - 1}) "
            f"WHERE sequence = {sequence};"
            f"UPDATE ledger.event e SET digest = ledger.digest_of(e) WHERE sequence = {sequence}"
        )


def test_an_untouched_ledger_matches_every_anchor(story):
    with reading(story.engine) as view:
        anchors = tuple(Anchor(e.sequence, e.digest, "a manifest") for e in ledger.events(view.connection))
    report = verified(story, anchors)
    assert str(report) == "6 events are as they were recorded; 6 anchors match."
    assert report.not_checked == ()


def test_a_checkpoint_saves_time_and_the_report_says_what_was_taken_on_trust(story):
    checkpoint = head(story, "last month's verification")
    remember(story, "run.started", "extracts-service@dwp.example")
    report = verified(story, (checkpoint,), checkpoint)
    assert report.passed
    assert report.events == 2
    assert report.not_checked == ("Events before the checkpoint at 6 were taken on trust.",)


def test_a_checkpoint_that_the_ledger_does_not_hold_is_a_finding(story):
    stranger = Anchor(6, GENESIS, "a stranger's notes")
    assert str(verified(story, (), stranger)).startswith("Event 6 is rewritten. a stranger's notes witnessed another")
    assert verified(story, (), Anchor(9, GENESIS, "notes")).finding.tampering == "missing"
