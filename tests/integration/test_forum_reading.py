"""The forum's facts as they are read from a register of some years, held against plain questions in SQL."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import Engine, text

from benchmarks.register import MONTH, NOW, grown_register
from extracts.errors import VerificationFailed
from extracts.forum.month import read_month
from extracts.forum.pack import forum_pack
from extracts.local.postgres import EmbeddedPostgres
from extracts.record.forum_reading import forum_facts
from extracts.record.ledger_times import sequences_between
from extracts.record.transaction import reading

OCTOBER = read_month(MONTH, NOW)
_IN = ">= '2026-10-01 00:00 Europe/London' AND {0} < '2026-11-01 00:00 Europe/London'"


@pytest.fixture(scope="module")
def grown(pg: EmbeddedPostgres) -> Iterator[Engine]:
    """200 requests, 40 agreements, 800 deliveries."""
    with grown_register(pg, "grown", 200, 20) as engine:
        yield engine


def ask(engine: Engine, query: str) -> int:
    with reading(engine) as view:
        return int(view.session.scalar(text(query)) or 0)


def during(column: str) -> str:
    return f"{column} {_IN.format(column)}"


def test_the_figures_are_what_sql_counts(grown: Engine) -> None:
    with reading(grown) as view:
        pack = forum_pack(forum_facts(view, OCTOBER), OCTOBER)
    requests, sent = pack.requests, pack.deliveries
    change = f"SELECT count(*) FROM register.status_change WHERE {during('at')} AND to_status"
    assert len(requests.received) + len(requests.resubmitted) == ask(grown, f"{change} = 'submitted'") > 0
    assert len(requests.returned) == ask(grown, f"{change} = 'returned'") > 0
    assert len(requests.answered) == ask(grown, f"{change} IN ('approved', 'refused', 'withdrawn')") > 0
    delivered = f"FROM register.delivery WHERE {during('published_at')}"
    assert len(sent.delivered) == ask(grown, f"SELECT count(*) {delivered}") > 0
    assert sent.bytes == ask(grown, f"SELECT sum(bytes) {delivered}")
    assert abs((sent.rows.value or 0) - ask(grown, f"SELECT sum(rows) {delivered}")) <= 2.5 * len(sent.delivered)
    ends = f"FROM ledger.event WHERE kind = 'run.ended' AND {during('at')}"
    assert sum(n for _, n in sent.outcomes) == ask(grown, f"SELECT count(DISTINCT payload::json ->> 'run') {ends}")
    assert sent.first_checks.passed == len(sent.delivered)
    assert sent.source_age.unknown == 0
    assert {line.label: line.deliveries for line in sent.trend}[MONTH] == len(sent.delivered)


def test_agreements_in_force_are_those_that_nobody_ended(grown: Engine) -> None:
    with reading(grown) as view:
        found = forum_pack(forum_facts(view, OCTOBER), OCTOBER).agreements
    standing = """SELECT count(*) FROM register.decision d WHERE outcome = 'approved' AND valid_until >= '2026-10-31'
                  AND recorded_at < '2026-11-01 00:00 Europe/London'"""
    assert len(found.active) + len(found.suspended) == ask(grown, standing) > 0
    assert len(found.suspended) > 0


def test_the_ledger_is_read_from_the_month_on_and_no_event_of_it_is_missed(grown: Engine) -> None:
    with reading(grown) as view:
        low, high = sequences_between(view, OCTOBER.first, OCTOBER.until)
        first, last, all_ = view.session.execute(
            text(
                f"SELECT min(sequence), max(sequence), (SELECT max(sequence) FROM ledger.event) FROM ledger.event "
                f"WHERE {during('at')}"
            )
        ).one()
    assert low <= first <= last <= high
    assert low > all_ / 4, "years before the month were not read"


def test_times_outside_of_the_ledger_lead_to_its_ends(grown: Engine) -> None:
    last = ask(grown, "SELECT max(sequence) FROM ledger.event")
    with reading(grown) as view:
        assert sequences_between(view, NOW + timedelta(days=900), NOW + timedelta(days=901)) == (last - 1, last)
        assert sequences_between(view, NOW - timedelta(days=9000), NOW + timedelta(days=900)) == (1, last)


def test_an_edited_decision_is_refused_and_not_counted(pg: EmbeddedPostgres) -> None:
    with grown_register(pg, "edited", 60, 2) as engine:
        with pg.superuser("edited") as connection:
            connection.execute("UPDATE register.decision SET document = document || ' '")
        with reading(engine) as view, pytest.raises(VerificationFailed, match="changed after it was saved"):
            forum_facts(view, OCTOBER)


def test_one_event_with_a_time_of_its_own_misleads_nobody(pg: EmbeddedPostgres) -> None:
    with grown_register(pg, "odd", 60, 4) as engine:
        middle = ask(engine, "SELECT max(sequence) / 2 FROM ledger.event")
        with reading(engine) as view:
            before = sequences_between(view, OCTOBER.first, OCTOBER.until)
        with pg.superuser("odd") as connection, connection.transaction():
            connection.execute("ALTER TABLE ledger.event DISABLE TRIGGER refuse_change")
            connection.execute(f"UPDATE ledger.event SET at = '2001-01-01' WHERE sequence = {middle}".encode())
            connection.execute(f"UPDATE ledger.event SET at = '2999-01-01' WHERE sequence = {before[0]}".encode())
        with reading(engine) as view:
            after = sequences_between(view, OCTOBER.first, OCTOBER.until)
        assert all(abs(a - b) <= 2 for a, b in zip(before, after, strict=True))
