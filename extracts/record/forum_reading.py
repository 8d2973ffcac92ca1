"""Reads what the forum's pack is made of: whole sets at a time, by month, in one view of register and ledger.

Rules:
1. Only columns that a figure needs are read: requests without their documents; decisions with theirs for the month and
   for the agreements that stood, each held against its digest.
2. What a run did is the ledger's word, since the register's row of a run is written over by its next attempt.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import text

from extracts.forum import facts as f
from extracts.forum.agreements import standing_approvals
from extracts.forum.month import Month
from extracts.forum.since import KINDS
from extracts.record.ledger_times import sequences_between
from extracts.record.stored import document_of
from extracts.record.transaction import Reading

_VERSIONS = """
    SELECT request_id, version, title, requester_organisation, recipient, submitted_at FROM register.request"""
_MOVES = """
    SELECT request_id, version, from_status, to_status, at, actor, comment FROM register.status_change
     WHERE at < :until ORDER BY at, request_id, version, number"""
_ANSWERS = """
    SELECT e.at, e.kind, d.request_id, d.version, d.digest
      FROM ledger.event e JOIN register.decision d ON d.digest = e.payload::json ->> 'decision_digest'
     WHERE e.kind IN ('request.approved', 'request.refused', 'request.returned') AND e.at < :until
     ORDER BY e.sequence"""
_DOCUMENTS = """
    SELECT digest, document, valid_from, valid_until, NULLIF(plan, '{}')::json ->> 'frequency' AS frequency
      FROM register.decision WHERE digest = ANY(:digests)"""
_SENT = """
    SELECT d.delivery_id, d.request_id, d.recipient, d.revision, d.rows, d.bytes, d.published_at,
           CASE WHEN d.delivery_id = ANY (string_to_array(r.delivery_id, ', '))
                THEN r.snapshot::json -> 'source_age_minutes' END AS ages
      FROM register.delivery d JOIN register.run r USING (run_id)
     WHERE d.published_at >= :first AND d.published_at < :until ORDER BY d.published_at, d.delivery_id"""
_HELD = """
    SELECT d.delivery_id, d.recipient, d.published_at,
           coalesce((SELECT c.step FROM register.custody c WHERE c.delivery_id = d.delivery_id AND c.at < :until
                      ORDER BY c.number DESC LIMIT 1), 'published') AS step,
           EXISTS (SELECT FROM register.receipt t WHERE t.delivery_id = d.delivery_id AND t.taken_at < :until)
               AS with_recipient,
           d.destroy_by + coalesce(r.evidence_days, 0) AS certificate_by
      FROM register.delivery d JOIN register.request r USING (request_id, version)
     WHERE d.published_at < :until ORDER BY d.published_at, d.delivery_id"""
_ELSEWHERE = """
    SELECT DISTINCT ON (elsewhere_id) elsewhere_id, revision, title, recipient, valid_from, valid_until, review_on,
           ended_on
      FROM register.elsewhere WHERE recorded_at < :until ORDER BY elsewhere_id, revision DESC"""
_SENT_BEFORE = """
    SELECT request_id, count(*) AS count, max(published_at) AS last_at FROM register.delivery
     WHERE published_at < :until GROUP BY request_id"""
_BY_MONTH = """
    SELECT to_char(published_at AT TIME ZONE 'Europe/London', 'YYYY-MM') AS month, count(*) AS deliveries,
           sum(bytes)::bigint AS bytes
      FROM register.delivery WHERE published_at >= :year_ago AND published_at < :until GROUP BY 1"""
_EVENTS = """
    SELECT sequence, at, kind, subject, actor, payload FROM ledger.event
     WHERE sequence BETWEEN :low AND :high AND at >= :since AND at < :until AND kind = ANY(:kinds) ORDER BY sequence"""
_FIRST_CHECKS = """
    WITH seen AS (
        SELECT subject, kind, at, payload, row_number() OVER w AS number, lead(kind) OVER w AS next
          FROM ledger.event
         WHERE sequence BETWEEN :low AND :high AND kind IN ('extract.built', 'extract.validated')
        WINDOW w AS (PARTITION BY subject ORDER BY sequence))
    SELECT subject, payload::json ->> 'run' AS run, next IS NOT DISTINCT FROM 'extract.validated' AS passed
      FROM seen WHERE number = 1 AND kind = 'extract.built' AND at >= :first AND at < :until ORDER BY subject"""
_RESERVED_BEFORE = """
    SELECT delivery_id FROM register.delivery WHERE created_at < :first AND delivery_id = ANY(:subjects)"""
_BUILT_BEFORE = """
    SELECT DISTINCT subject FROM ledger.event
     WHERE subject = ANY(:subjects) AND kind = 'extract.built' AND sequence < :low"""


def forum_facts(view: Reading, month: Month, since: datetime | None = None) -> f.Facts:
    """All of it for a month, and the events since the last meeting. Raises VerificationFailed (an edited decision)."""
    until = {"until": month.until}
    versions = tuple(f.Version(*row) for row in _rows(view, _VERSIONS))
    moves = tuple(f.Move(*row) for row in _rows(view, _MOVES, **until))
    answers = list(_rows(view, _ANSWERS, **until))
    approvals = tuple(
        f.Approval(a.request_id, a.version, a.at, a.digest) for a in answers if a.kind == "request.approved"
    )
    standing = {a.decision_digest for a in standing_approvals(approvals, moves, month.until).values()}
    in_month = [a for a in answers if month.holds(a.at)]
    documents = {row.digest: row for row in _documents(view, standing | {a.digest for a in in_month})}
    told = _events(view, min(since or month.first, month.first), month.now if since else month.until, KINDS)
    passed, failed = _first_checks(view, month)
    return f.Facts(
        versions=versions,
        moves=moves,
        approvals=approvals,
        decided=tuple(_decided(a, documents[a.digest]) for a in in_month),
        terms={digest: _terms(documents[digest]) for digest in standing},
        sent=tuple(_sent(row) for row in _rows(view, _SENT, first=month.first, **until)),
        sent_before={r.request_id: f.SentBefore(r.count, r.last_at) for r in _rows(view, _SENT_BEFORE, **until)},
        by_month={
            r.month: f.MonthSent(r.deliveries, r.bytes)
            for r in _rows(view, _BY_MONTH, year_ago=month.year()[0].first, **until)
        },
        runs=tuple(_run(e) for e in told if e.kind == "run.ended" and month.holds(e.at)),
        passed_at_first=passed,
        not_passed_at_first=failed,
        told=told,
        held=tuple(f.Held(*row) for row in _rows(view, _HELD, **until)),
        elsewhere=tuple(f.Elsewhere(*row) for row in _rows(view, _ELSEWHERE, **until)),
    )


def _rows(view: Reading, statement: str, **parameters: Any) -> Iterable[Any]:
    return view.session.execute(text(statement), parameters)


def _documents(view: Reading, digests: set[str]) -> Iterable[Any]:
    return _rows(view, _DOCUMENTS, digests=sorted(digests))


def _decided(answer: Any, row: Any) -> f.Decided:
    document = document_of(row.document, row.digest, f"a decision on {answer.request_id}")
    columns = tuple(
        f.ColumnDecided(f"{c['dataset']}.{c['column']}", bool(c["granted"]), str(c["reason"]))
        for c in document["columns"]
    )
    return f.Decided(
        answer.request_id, answer.version, answer.at, document["outcome"], document["reason_code"], columns
    )


def _terms(row: Any) -> f.Terms:
    document = document_of(row.document, row.digest, "a decision in force")
    review_on = document.get("review_on")
    return f.Terms(
        decision_digest=row.digest,
        valid_from=row.valid_from,
        valid_until=row.valid_until,
        review_on=date.fromisoformat(review_on) if review_on else None,
        frequency=row.frequency,
    )


def _sent(row: Any) -> f.Sent:
    ages: Mapping[str, int] | None = row.ages
    facts = (row.delivery_id, row.request_id, row.recipient, row.revision, row.rows, row.bytes, row.published_at)
    return f.Sent(*facts, source_age_hours=-(-max(ages.values()) // 60) if ages else None)


def _events(view: Reading, since: datetime, until: datetime, kinds: Iterable[str]) -> tuple[f.Told, ...]:
    low, high = sequences_between(view, since, until)
    found = _rows(view, _EVENTS, low=low, high=high, since=since, until=until, kinds=list(kinds))
    return tuple(f.Told(r.sequence, r.at, r.kind, r.subject, r.actor, json.loads(r.payload)) for r in found)


def _run(event: f.Told) -> f.EndedRun:
    told = event.payload
    return f.EndedRun(
        run=str(told["run"]),
        request_id=event.subject,
        at=event.at,
        actor=event.actor,
        outcome=str(told["outcome"]),
        gate=str(told.get("gate", "")),
        control=str(told.get("control", "")),
    )


def _first_checks(view: Reading, month: Month) -> tuple[int, tuple[f.FirstCheck, ...]]:
    """Of extracts first built in the month: how many passed at that, and which did not."""
    low, high = sequences_between(view, month.first, month.now)
    found = list(_rows(view, _FIRST_CHECKS, low=low, high=high, first=month.first, until=month.until))
    subjects = [r.subject for r in found]
    # Only what was reserved before the month can have been built before it: few, so few are looked up.
    reserved = [r.delivery_id for r in _rows(view, _RESERVED_BEFORE, first=month.first, subjects=subjects)]
    older = {r.subject for r in _rows(view, _BUILT_BEFORE, subjects=reserved, low=low)} if reserved else set()
    new = [r for r in found if r.subject not in older]
    failed = tuple(f.FirstCheck(r.subject, r.run or "") for r in new if not r.passed)
    return len(new) - len(failed), failed
