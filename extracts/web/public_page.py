"""The public register: a line per delivered file, fit to be published as it stands.

Rules:
1. Who received, which classes of data, under which power, when, about which period; never a column's value.
2. Rows are told rounded, and small counts hidden, by the rule that briefings use (`agreement.suppression`).
3. How many people were on hold is not told: that holds were applied is read from the run's own counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse

from extracts.agreement.suppression import SafeCount, Suppression
from extracts.record.departures import Departure, count_departures, list_departures, plans_of
from extracts.record.overview import list_choices
from extracts.record.transaction import reading
from extracts.web.asked_for import PAGE_SIZE, page_of, pager, text_of
from extracts.web.desk import names, open_desk
from extracts.web.render import html_page


@dataclass(frozen=True)
class PublicLine:
    """One file that left."""

    left_at: datetime
    recipient: str
    title: str
    request_id: str
    dataset: str
    period: str
    form: str
    classes: tuple[str, ...]
    gateway: str
    rows: SafeCount
    holds_applied: bool
    state: str


def public_page(request: Request) -> HTMLResponse:
    """The lines, the latest delivery first; of one recipient, if the address says so."""
    work, recipient = open_desk(), text_of(request.query_params, "recipient")
    with reading(work.register) as view:
        total = count_departures(view, recipient=recipient)
        place = pager(total, page_of(request.query_params), {"recipient": recipient})
        offset = (place.number - 1) * PAGE_SIZE
        left = list_departures(view, recipient=recipient, limit=PAGE_SIZE, offset=offset)
        plans = plans_of(view, {d.decision_digest for d in left})
        served = list_choices(view).recipients
    hide = Suppression(work.limits.small_count)
    lines = [line for d in left for line in _lines(d, plans.get(d.decision_digest, {}), hide)]
    return html_page(
        "public",
        lines=lines,
        pager=place,
        recipients=served,
        chosen=recipient,
        below=work.limits.small_count,
        names=names(work),
    )


def _lines(left: Departure, plan: Mapping[str, Any], hide: Suppression) -> Iterator[PublicLine]:
    datasets = {d["dataset"]: d for d in plan.get("datasets", ())}
    for file in left.files:
        columns = datasets.get(file.dataset, {}).get("columns", ())
        yield PublicLine(
            left_at=left.published_at,
            recipient=left.recipient,
            title=left.title,
            request_id=left.request_id,
            dataset=file.dataset,
            period=left.period,
            form=str(plan.get("identifiability", "")),
            classes=tuple(sorted({str(c["classification"]) for c in columns})),
            gateway=str(plan.get("gateway", "")),
            rows=hide.count(file.rows),
            holds_applied="held" in left.counts.get(file.dataset, {}),
            state=left.state,
        )
