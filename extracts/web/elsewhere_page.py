"""Agreements that run elsewhere: their part of the register, and a page for each with its history.

They have no DAG, so whoever may see every agreement sees them, and nobody else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from urllib.parse import urlencode

from fastapi.responses import HTMLResponse

from extracts.agreement.elsewhere import Standing, changes, is_elsewhere_id
from extracts.agreement.status import Status
from extracts.errors import NotFound
from extracts.record.elsewhere import (
    ElsewhereLine,
    WantedElsewhere,
    count_elsewhere,
    elsewhere_history,
    list_elsewhere,
)
from extracts.record.overview import Wanted
from extracts.record.transaction import Reading, reading
from extracts.web.asked_for import ELSEWHERE, HERE, IN_FORCE, PAGE_SIZE, Pager, pager
from extracts.web.desk import names, open_desk
from extracts.web.marks import Mark, elsewhere_mark
from extracts.web.render import html_page

_FIELDS: Mapping[str, str] = {
    "title": "Title",
    "carrier": "Runs by",
    "recipient": "Who gets it",
    "classes": "Classes of data",
    "gateway": "Power (gateway)",
    "owner": "Owner",
    "valid_from": "First day",
    "valid_until": "Last day",
    "review_on": "Next review",
    "scan_digest": "SHA-256 of the scan",
    "ended_on": "Ended on",
}


@dataclass(frozen=True)
class Row:
    """A line with its words. `runs`: whether its end and review still matter."""

    line: ElsewhereLine
    status: Mark
    runs: bool


@dataclass(frozen=True)
class Part:
    """What the register's page shows of them. `alone`: nothing else is on the page; `all`: where all of them are."""

    rows: tuple[Row, ...]
    pager: Pager
    alone: bool
    all: str


def part_of(view: Reading, wanted: Wanted, kept: Mapping[str, str], number: int, today: date) -> Part | None:
    """Their part of a page of the register; None where none of them can be meant.

    They stand below the first page of requests; alone, they have pages of their own.
    """
    alone = kept["runs"] == ELSEWHERE
    if not alone and (kept["runs"] == HERE or number > 1 or not _can_be_meant(kept)):
        return None
    if not _can_be_meant(kept):
        return Part((), pager(0, 1, kept), alone, "")
    day = today if kept["status"] == IN_FORCE else None
    narrowed = WantedElsewhere(wanted.recipient, wanted.gateway, words=wanted.words, in_force_on=day)
    place = pager(count_elsewhere(view, narrowed), number if alone else 1, {**kept, "runs": ELSEWHERE})
    lines = list_elsewhere(view, narrowed, limit=PAGE_SIZE, offset=(place.number - 1) * PAGE_SIZE)
    everywhere = urlencode({**{name: value for name, value in kept.items() if value}, "runs": ELSEWHERE})
    return Part(tuple(_row(line, today) for line in lines), place, alone, f"?{everywhere}")


def elsewhere_page(elsewhere_id: str) -> HTMLResponse:
    """One of them: what is registered, where it stands, and every revision. Raises NotFound."""
    if not is_elsewhere_id(elsewhere_id):
        raise NotFound("There is no such agreement, run or delivery.")
    work = open_desk()
    with reading(work.register) as view:
        history = elsewhere_history(view, elsewhere_id)
    newest, today = history[-1], work.today()
    gateway = work.parties.gateways.get(newest.terms.gateway)
    revisions = [
        (e, [(_FIELDS[n], b, a) for n, b, a in changes(before.terms, e.terms)])
        for before, e in zip((history[0], *history), history, strict=False)
    ]
    return html_page(
        "elsewhere",
        entry=newest,
        terms=newest.terms,
        stands=elsewhere_mark(newest.terms.standing(today)),
        doubtful=gateway is None or not gateway.is_in_force(today),
        overdue=_review_is_overdue(newest.terms.review_on, newest.terms.standing(today), today),
        revisions=revisions[::-1],
        names=names(work),
        today=today,
    )


def _can_be_meant(kept: Mapping[str, str]) -> bool:
    """Whether the filters ask for nothing that only requests have: a dataset, a clock, most statuses."""
    status = kept["status"]
    return not kept["dataset"] and not kept["clock"] and (status == IN_FORCE or status not in set(Status))


def _row(line: ElsewhereLine, today: date) -> Row:
    standing = line.standing(today)
    return Row(line, elsewhere_mark(standing), standing is not Standing.ENDED)


def _review_is_overdue(review_on: date | None, standing: Standing, today: date) -> bool:
    return bool(review_on and review_on < today and standing is not Standing.ENDED)
