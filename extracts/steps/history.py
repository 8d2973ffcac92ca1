"""What happened to a request, in words: its changes of status and the ledger's events, in one order.

Runs are not told here, for there may be hundreds; the agreement's page has them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from extracts.record import ledger
from extracts.record.entries import StatusChange
from extracts.record.event import Event
from extracts.record.transaction import Reading

_MOST = 200


@dataclass(frozen=True)
class Happened:
    """One thing that happened. `event` is its number in the ledger, None for a change of status."""

    at: datetime
    what: str
    by: str
    said: str = ""
    event: int | None = None


def history(view: Reading, request_id: str, changes: Iterable[StatusChange]) -> tuple[Happened, ...]:
    """Everything, oldest first. Of the ledger's events the newest 200 of each kind."""
    told = [_changed(change) for change in changes]
    told += [found for kind in _WORDS for found in _events(view, request_id, kind)]
    return tuple(sorted(told, key=lambda h: (h.at, h.event or 0)))


def _changed(change: StatusChange) -> Happened:
    before = f", which was {change.from_status}," if change.from_status else ""
    return Happened(change.at, f"Version {change.version}{before} is {change.to_status}", change.actor, change.comment)


def _events(view: Reading, request_id: str, kind: str) -> Iterator[Happened]:
    for event in ledger.events(view.connection, subject=request_id, kind=kind, limit=_MOST, newest_first=True):
        yield Happened(event.at, _WORDS[kind](event.payload), event.actor, _named(event), event.sequence)


def _named(event: Event) -> str:
    """The document that an event is about, short enough to read and long enough to find."""
    digest = str(event.payload.get("decision_digest") or event.payload.get("digest") or "")
    return f"document {digest[:19]}…" if digest else ""


_WORDS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "decision.drawn-up": lambda told: f"A decision to {told.get('outcome', 'decide')} was drawn up",
    "decision.signed": lambda told: f"Signed as {told.get('role', 'decider')}: {told.get('outcome', 'decision')}",
    "signature.refused": lambda told: f"A signature as {told.get('role', 'decider')} was refused: {told.get('reason')}",
    "draft.refused": lambda told: f"A decision was not drawn up: {told.get('reason')}",
    "counter-offer.made": lambda told: "The Board made a counter-offer",
    "counter-offer.accepted": lambda told: f"The counter-offer was accepted, as version {told.get('version')}",
    "briefing.written": lambda told: "A briefing for the Board was written",
    "agreement.published": lambda told: "The agreement was published; its DAG runs by it",
    "key.made": lambda told: "A pseudonym key was made for this agreement alone",
    "key.replaced": lambda told: "The pseudonym key was replaced",
    "key.restored": lambda told: "The pseudonym key was restored from its backup",
}
