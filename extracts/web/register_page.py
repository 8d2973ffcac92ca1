"""The register: every request and agreement, who asked for what, where it stands, how long it waits, what comes next.
Agreements that run elsewhere have a part of their own below it (`elsewhere_page`).

The clocks of a page's lines take one question to the database. Which requests are overdue depends on today and on the
policy's target days, so it is worked out from the clocks of all that wait, and only if somebody asks for them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from fastapi import Request
from fastapi.responses import HTMLResponse

from extracts.agreement.clocks import Clock
from extracts.agreement.status import Status
from extracts.record.elsewhere import elsewhere_choices
from extracts.record.overview import Choices, RegisterLine, Wanted, count_lines, list_choices, list_lines
from extracts.record.transaction import Reading, reading
from extracts.steps.clocks import clocks_of, overdue_ids
from extracts.web.asked_for import (
    ELSEWHERE,
    HERE,
    IN_FORCE,
    OVERDUE,
    PAGE_SIZE,
    page_of,
    pager,
    text_of,
    wanted_of,
)
from extracts.web.desk import names, open_desk
from extracts.web.elsewhere_page import part_of
from extracts.web.marks import Mark, clock_mark, status_mark
from extracts.web.render import html_page

_FILTERS = ("words", "recipient", "status", "dataset", "gateway", "clock", "runs")
_WAITS = (Status.SUBMITTED, Status.IN_REVIEW)
_RUNS = (Status.APPROVED, Status.SUSPENDED)


@dataclass(frozen=True)
class Row:
    """A line with its words. `agreement` tells of an older version in force; empty if this version is the one."""

    line: RegisterLine
    status: Mark
    agreement: Mark | None
    clock: Clock

    @property
    def clock_mark(self) -> Mark | None:
        """What is to be noticed about the clock."""
        return clock_mark(self.clock)

    @property
    def is_agreement(self) -> bool:
        """Whether there is, or was, an agreement under this id: a DAG, and a page of its own."""
        return self.line.agreement is not None

    @property
    def waits(self) -> bool:
        """Whether this version waits for a decision."""
        return self.line.status in _WAITS

    @property
    def runs(self) -> bool:
        """Whether it is in force or suspended, so that its end and review still matter."""
        return self.line.standing in _RUNS


def register_page(request: Request) -> HTMLResponse:
    """The list, narrowed to what the address asks for."""
    work, kept = open_desk(), {name: text_of(request.query_params, name) for name in _FILTERS}
    wanted, number = wanted_of(request.query_params), page_of(request.query_params)
    with reading(work.register) as view:
        if kept["clock"] == OVERDUE:
            wanted = replace(wanted, among=overdue_ids(work, view))
        place = pager(count_lines(view, wanted), number, kept)
        lines = list_lines(view, wanted, limit=PAGE_SIZE, offset=(place.number - 1) * PAGE_SIZE)
        clocks = clocks_of(work, view, lines)
        choices, elsewhere = _choices(view), part_of(view, wanted, kept, number, work.today())
    return html_page(
        "register",
        rows=[_row(line, clocks[line.request_id, line.version]) for line in lines],
        elsewhere=elsewhere,
        places=(HERE, ELSEWHERE),
        pager=place,
        choices=choices,
        statuses=[IN_FORCE, *(s.value for s in Status if s is not Status.DRAFT)],
        clocks=(OVERDUE,),
        chosen=kept,
        narrowed=wanted != Wanted() or any(kept.values()),
        names=names(work),
        today=work.today(),
    )


def _choices(view: Reading) -> Choices:
    """Who gets something, and by which power, here or elsewhere."""
    here, (recipients, gateways) = list_choices(view), elsewhere_choices(view)
    return replace(
        here,
        recipients=tuple(sorted({*here.recipients, *recipients})),
        gateways=tuple(sorted({*here.gateways, *gateways})),
    )


def _row(line: RegisterLine, clock: Clock) -> Row:
    older = line.agreement is not None and line.agreement.version != line.version
    return Row(line, status_mark(line.status), status_mark(line.standing) if older else None, clock)
