"""What happened since the last meeting: the ledger's events that people may want to speak about, in their words.

What goes by itself (a delivery as planned, a gate that passed) is in the figures and not in this list.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from extracts.errors import Outcome
from extracts.forum.facts import Elsewhere, Told, Version

_WORDS = {
    "request.submitted": "Request submitted",
    "request.approved": "Approved, signed by Board and Controller",
    "request.refused": "Refused, signed by Board and Controller",
    "request.returned": "Returned to the requester",
    "request.withdrawn": "Request withdrawn by its requester",
    "counter-offer.made": "Less was offered: a counter-offer",
    "counter-offer.accepted": "The requester accepted less",
    "agreement.suspended": "Agreement suspended",
    "agreement.approved": "Agreement resumed",
    "agreement.revoked": "Agreement revoked",
    "agreement.withdrawn": "Agreement ended by its requester",
    "agreement.expired": "Agreement came to its end",
    "elsewhere.added": "Agreement that runs elsewhere registered",
    "elsewhere.corrected": "Agreement that runs elsewhere corrected",
    "elsewhere.ended": "Agreement that runs elsewhere ended",
    "policy.stop": "The policy in force stops it at once",
    "policy.review": "The policy in force asks for a review",
    "key.replaced": "A lost pseudonym key was replaced",
    "run.ended": "Run did not deliver",
}
KINDS = tuple(_WORDS)
_UNREMARKABLE = (Outcome.DELIVERED.value, Outcome.NOTHING_DUE.value)


@dataclass(frozen=True)
class Happened:
    """One thing to speak about. `sequence` is its number in the ledger."""

    sequence: int
    at: datetime
    request_id: str
    title: str
    what: str
    by: str


@dataclass(frozen=True)
class SinceThen:
    """What happened from `since` to `until`, oldest first, and how many runs delivered or had nothing to do."""

    since: datetime
    until: datetime
    happened: tuple[Happened, ...]
    as_planned: int


def since_then(
    told: Iterable[Told],
    versions: Iterable[Version],
    since: datetime,
    until: datetime,
    elsewhere: Iterable[Elsewhere] = (),
) -> SinceThen:
    """The list. Events of other kinds, or outside of the time, are left out."""
    titles = {v.request_id: v.title for v in sorted(versions, key=lambda v: v.version)}
    titles |= {e.elsewhere_id: e.title for e in elsewhere}
    within = [e for e in told if since <= e.at < until and e.kind in _WORDS]
    quiet = [e for e in within if e.kind == "run.ended" and e.payload.get("outcome") in _UNREMARKABLE]
    numbers = {e.sequence for e in quiet}
    return SinceThen(since, until, tuple(_happened(e, titles) for e in within if e.sequence not in numbers), len(quiet))


def _happened(event: Told, titles: Mapping[str, str]) -> Happened:
    return Happened(
        sequence=event.sequence,
        at=event.at,
        request_id=event.subject,
        title=titles.get(event.subject, ""),
        what=_WORDS[event.kind] + _more(event.kind, event.payload),
        by=event.actor,
    )


def _more(kind: str, payload: Mapping[str, Any]) -> str:
    if kind == "run.ended":
        return f": {payload.get('outcome', '')} at {payload.get('gate', '')}"
    if kind in ("policy.stop", "policy.review"):
        return f" (rules {', '.join(map(str, payload.get('rules', ())))})"
    if kind == "elsewhere.corrected":
        return f" ({', '.join(str(name).replace('_', ' ') for name in payload.get('changed', ()))})"
    if kind == "request.submitted" and payload.get("version", 1) != 1:
        return f", version {payload['version']}"
    return ""
