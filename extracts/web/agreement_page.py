"""An agreement's page, a tab of its DAG: what is shared, how runs went, what left, how it developed, what is next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from airflow.api_fastapi.common.db.common import SessionDep
from fastapi.responses import HTMLResponse

from extracts.agreement.plan import plan_from_document
from extracts.agreement.schedule import due_dates
from extracts.errors import ExtractsError
from extracts.record.departures import Departure, count_departures, list_departures
from extracts.record.rehearsals import Rehearsal, list_rehearsals
from extracts.record.transaction import reading
from extracts.scheduling.facts import AgreementFacts, request_id_of
from extracts.scheduling.story import OUTCOMES, tell
from extracts.scheduling.words import day_words
from extracts.steps.workplace import Workplace
from extracts.web.custody_part import CustodyShown, Left, custody_shown
from extracts.web.desk import names, open_desk
from extracts.web.history import last_runs
from extracts.web.plots import Bar, bars
from extracts.web.render import html_page
from extracts.web.shelf import Shelf

_NEXT = 12
_RUNS = 12
_DELIVERIES = 24
_HOUR = 60


def agreement_page(dag_id: str, session: SessionDep) -> HTMLResponse:
    """What is published, beside what Airflow and the register tell of its runs and deliveries."""
    work, request_id = open_desk(), request_id_of(dag_id) or ""
    shelf = Shelf(work.places)
    facts = shelf.agreement(request_id)
    today = work.today()
    left, total, custody, problem = _left(work, request_id)
    tried = () if problem else _tried(work, request_id)
    return html_page(
        "agreement",
        facts=facts,
        story=tell(facts, shelf.signers()),
        standing=facts.standing(today),
        order=facts.last_order(),
        next=_next(facts, work.now()),
        runs=last_runs(session, dag_id, _RUNS),
        outcomes=OUTCOMES,
        left=left,
        total=total,
        tried=tried,
        custody=custody,
        problem=problem,
        plots=_plots(left),
        age=_age,
        several=len(plan_from_document(facts.plan).recipients) > 1,
        names=names(work),
    )


def _next(facts: AgreementFacts, now: datetime) -> list[str]:
    days = due_dates(plan_from_document(facts.plan), now.date(), _NEXT)
    return [day_words(day.isoformat()) for day in days if day <= facts.last_day]


def _left(work: Workplace, request_id: str) -> tuple[tuple[Departure, ...], int, Mapping[str, CustodyShown], str]:
    """What left, newest first, how much, and where it is. Without a register the rest of the page still serves."""
    try:
        with reading(work.register) as view:
            total = count_departures(view, request_id=request_id)
            left = list_departures(view, request_id=request_id, limit=_DELIVERIES)
            told = [Left(d.delivery_id, d.published_at, d.started_by) for d in left]
            return left, total, custody_shown(view, told, names(work)), ""
    except ExtractsError as error:
        return (), 0, {}, str(error)


def _tried(work: Workplace, request_id: str) -> tuple[Rehearsal, ...]:
    """Its rehearsals, which are no deliveries."""
    with reading(work.register) as view:
        return list_rehearsals(view, request_id=request_id)


def _age(delivery: Departure) -> str:
    """How old the oldest source was, such as `12.5 hours`; empty where that was not recorded."""
    ages = delivery.source_age_minutes.values()
    return f"{max(ages) / _HOUR:,.1f} hours" if ages else ""


def _plots(left: Sequence[Departure]) -> list[tuple[str, Any]]:
    """Rows and age of the source over the deliveries, oldest first; nothing to see before there are two."""
    if len(left) < 2:
        return []
    runs = [list(found) for _, found in groupby(reversed(left), key=lambda d: (d.period, d.run_id))]
    sums = [(run[0].period, sum(d.rows for d in run)) for run in runs]  # of all recipients together
    rows = [Bar(period, total, f"{total:,}") for period, total in sums]
    ages = [Bar(r[0].period, max(r[0].source_age_minutes.values(), default=None), _age(r[0])) for r in runs]
    told = (("Rows in each delivery", rows), ("Age of the source when it was read", ages))
    return [(title, picture) for title, values in told if (picture := bars(title, values))]
