"""Names what happened where a ledger's chain breaks: edited, missing, reordered or forged.

A broken link alone says that something is wrong, not what. The rest of the chain bears witness: an event that was
moved still carries the digest of the place that it was recorded at, and later events name the ones that they followed.

Pure: reads events, touches nothing. Where two stories fit, it tells the one that needs fewer lies, and the detail says
what was seen, so that people can judge for themselves.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from extracts.record.event import Event, digest_of


class Tampering(StrEnum):
    """What was done to a ledger."""

    EDITED = "edited"
    MISSING = "missing"
    REORDERED = "reordered"
    FORGED = "forged"
    REWRITTEN = "rewritten"


@dataclass(frozen=True)
class Finding:
    """The first event with which something is wrong, and what."""

    tampering: Tampering
    sequence: int
    detail: str


@dataclass(frozen=True)
class Break:
    """Where a chain breaks: event `expected` should follow the digest `last` (None: unknown), `found` is there instead.

    `witnessed`: the event before was seen elsewhere with the same digest, so it is not the one that was forged.
    """

    expected: int
    last: str | None
    found: Event
    witnessed: bool


@dataclass
class _Traces:
    """What the rest of the chain says about the broken place; each is a sequence, or None."""

    rightful_stands_at: int | None = None
    found_recorded_as: int | None = None
    found_content_of: int | None = None
    found_is_followed: bool = False


def diagnose(broken: Break, chain: Iterable[Event]) -> Finding:
    """What happened at `broken`, judged with the whole chain (read once more)."""
    if broken.found.sequence < broken.expected:
        return Finding(Tampering.FORGED, broken.found.sequence, "Two events claim this place.")
    traces = _look_for_traces(broken, chain)
    if broken.found.sequence > broken.expected:
        return _name_gap(broken, traces)
    if digest_of(broken.found) != broken.found.digest:
        return _name_wrong_content(broken, traces)
    return _name_wrong_link(broken, traces)


def _look_for_traces(broken: Break, chain: Iterable[Event]) -> _Traces:
    traces = _Traces()
    here = broken.found
    for event in chain:
        traces.found_is_followed |= event.previous == here.digest
        if digest_of(here, event.sequence) == here.digest and event.sequence != here.sequence:
            traces.found_recorded_as = event.sequence
        if event.sequence != here.sequence and digest_of(here, event.sequence, event.previous) == event.digest:
            traces.found_content_of = event.sequence
        if event != here and event.previous == broken.last and digest_of(event, broken.expected) == event.digest:
            traces.rightful_stands_at = event.sequence
    if traces.found_recorded_as is None and digest_of(here, here.sequence + 1) == here.digest:
        traces.found_recorded_as = here.sequence + 1  # the last of all, after one before it was taken out
    return traces


def _name_gap(broken: Break, traces: _Traces) -> Finding:
    first, behind = broken.expected, broken.found.sequence - 1
    if traces.rightful_stands_at is not None:
        return Finding(Tampering.REORDERED, first, f"It now stands at {traces.rightful_stands_at}.")
    if first == behind:
        return Finding(Tampering.MISSING, first, "It was removed.")
    return Finding(Tampering.MISSING, first, f"Events {first} to {behind} were removed.")


def _name_wrong_content(broken: Break, traces: _Traces) -> Finding:
    here, recorded_as = broken.expected, traces.found_recorded_as
    if traces.rightful_stands_at is not None and recorded_as is None:
        return Finding(
            Tampering.FORGED, here, f"It fits nowhere; the one recorded here stands at {traces.rightful_stands_at}."
        )
    if traces.rightful_stands_at is not None:
        return Finding(Tampering.REORDERED, here, f"It now stands at {traces.rightful_stands_at}.")
    if traces.found_content_of is not None:
        return Finding(Tampering.REORDERED, here, f"What is written here was recorded as {traces.found_content_of}.")
    if recorded_as is not None and recorded_as > here:
        return Finding(Tampering.MISSING, here, f"It was removed; the event recorded as {recorded_as} took its number.")
    if recorded_as is not None:
        return Finding(
            Tampering.FORGED, recorded_as, f"It was put in; the event recorded as {recorded_as} now stands at {here}."
        )
    return Finding(Tampering.EDITED, here, "Its digest is not over what it says now.")


def _name_wrong_link(broken: Break, traces: _Traces) -> Finding:
    here = broken.expected
    if here > 1 and traces.found_is_followed and not broken.witnessed:
        return Finding(Tampering.FORGED, here - 1, f"Event {here}, and all that follow, were chained to another one.")
    return Finding(Tampering.FORGED, here, "It does not carry the digest of the event before it.")
