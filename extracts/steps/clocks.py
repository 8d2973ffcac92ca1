"""The clocks of requests, read from the register: which lane, how long, and who is waited for."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from extracts.agreement.clocks import Clock, Lane, read_clock
from extracts.record import register
from extracts.record.entries import RequestEntry
from extracts.record.transaction import Reading

if TYPE_CHECKING:
    from extracts.steps.workplace import Workplace

_FEW = 100  # above, naming them all costs more than reading all


def clock_of(work: Workplace, view: Reading, newest: RequestEntry) -> Clock:
    """The clock of a request, from its newest version."""
    return clocks_of(work, view, [newest])[newest.request_id, newest.version]


def clocks_of(work: Workplace, view: Reading, entries: Collection[RequestEntry]) -> dict[tuple[str, int], Clock]:
    """The clocks of those that are the newest version of their request, by (id, version). One question in all."""
    targets, today = work.policy.target_days, work.today()
    histories = register.status_histories(view, {e.request_id for e in entries} if len(entries) < _FEW else None)
    newest = (e for e in entries if e.version == histories[e.request_id][-1].version)
    return {(e.request_id, e.version): read_clock(histories[e.request_id], lane_of(e), targets, today) for e in newest}


def lane_of(entry: RequestEntry) -> Lane:
    """The lane that the requester asked for."""
    return Lane.EXPEDITED if entry.document.get("expedited") else Lane.ORDINARY
