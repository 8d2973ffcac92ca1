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
_Words = Callable[[Mapping[str, Any]], str]


@dataclass(frozen=True)
class Happened:
    """One thing that happened. `event` is its number in the ledger, None for a change of status."""

    at: datetime
    what: str
    by: str
    said: str = ""
    event: int | None = None


def history(
    view: Reading, request_id: str, changes: Iterable[StatusChange], *, of_reviews: bool = False
) -> tuple[Happened, ...]:
    """Everything, oldest first. Of the ledger's events the newest 200 of each kind.

    `of_reviews`: also who answered which review, what did not count and what was carried; never what was answered.
    """
    told = [_changed(change) for change in changes]
    words = {**_WORDS, **_REVIEWS} if of_reviews else _WORDS
    told += [found for kind in words for found in _events(view, request_id, kind, words[kind])]
    return tuple(sorted(told, key=lambda h: (h.at, h.event or 0)))


def _changed(change: StatusChange) -> Happened:
    before = f", which was {change.from_status}," if change.from_status else ""
    return Happened(change.at, f"Version {change.version}{before} is {change.to_status}", change.actor, change.comment)


def _events(view: Reading, request_id: str, kind: str, words: _Words) -> Iterator[Happened]:
    for event in ledger.events(view.connection, subject=request_id, kind=kind, limit=_MOST, newest_first=True):
        yield Happened(event.at, words(event.payload), event.actor, _named(event), event.sequence)


def _named(event: Event) -> str:
    """The document that an event is about, short enough to read and long enough to find."""
    digest = str(event.payload.get("decision_digest") or event.payload.get("digest") or "")
    return f"document {digest[:19]}…" if digest else ""


_WORDS: Mapping[str, _Words] = {
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
_REVIEWS: Mapping[str, _Words] = {
    "review.answered": lambda told: f"The {told.get('review')} review of version {told.get('version')} was answered",
    "review.refused": lambda told: f"An answer to the {told.get('review')} review did not count: {told.get('reason')}",
    "review.carried": lambda told: (
        f"The {told.get('review')} answer was carried from version {told.get('from_version')} to {told.get('version')}"
    ),
    "review.asked-again": lambda told: (
        f"The Board asked for the {told.get('review')} review of version {told.get('version')} again"
    ),
    "consideration.overdue": lambda told: f"Version {told.get('version')} was still open when its targets had passed",
}
