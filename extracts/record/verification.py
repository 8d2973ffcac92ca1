"""Is the ledger what it was? Walks the whole chain and names the first event with which something is wrong.

Rules:
1. Every event must have the next sequence, carry the digest of the one before, and have a digest over its own content,
   whose payload is canonical. `diagnosis` names what a break means.
2. A chain that was cut at its end, or written anew with fresh digests, is whole in itself. Only anchors show it: heads
   of the ledger that were seen elsewhere, such as those in signed manifests. Without any, the report says so.
3. What was not checked is said, never passed over.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from sqlalchemy import Connection

from extracts.canonical import canonical_json
from extracts.record.diagnosis import Break, Finding, Tampering, diagnose
from extracts.record.event import GENESIS, Anchor, Event, digest_of
from extracts.record.ledger import read_chain

NO_ANCHORS = "No anchors were given: a cut end or a history written anew would not be seen."


@dataclass(frozen=True)
class LedgerReport:
    """What a verification found. `events`: how many were checked; `head`: the last one read; `not_checked`: reasons."""

    events: int
    head: Anchor
    finding: Finding | None
    anchors_matched: tuple[Anchor, ...]
    not_checked: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing was found to be wrong; see `not_checked` for what this does not cover."""
        return self.finding is None

    def __str__(self) -> str:
        if self.finding is not None:
            return f"Event {self.finding.sequence} is {self.finding.tampering}. {self.finding.detail}"
        matched = f"{len(self.anchors_matched)} anchors match"
        return " ".join([f"{self.events} events are as they were recorded; {matched}.", *self.not_checked])


def verify(connection: Connection, anchors: Sequence[Anchor] = (), checkpoint: Anchor | None = None) -> LedgerReport:
    """Checks the ledger from its first event, or from `checkpoint`, one that an earlier verification trusted."""
    return verify_events(lambda start: read_chain(connection, start), anchors, checkpoint)


def verify_events(
    read: Callable[[int | None], Iterable[Event]],
    anchors: Sequence[Anchor] = (),
    checkpoint: Anchor | None = None,
) -> LedgerReport:
    """The same for any chain; `read(start)` yields its events in order, from sequence `start` or from the first."""
    if checkpoint is not None and checkpoint.sequence < 1:
        checkpoint = None
    walk = _Walk.begin(anchors, checkpoint)
    start = checkpoint.sequence if checkpoint else None
    broken = walk.through(read(start))
    finding = diagnose(broken, read(None)) if isinstance(broken, Break) else broken
    return LedgerReport(
        events=walk.events,
        head=Anchor(walk.expected - 1, walk.last or GENESIS),
        finding=finding,
        anchors_matched=tuple(walk.matched),
        not_checked=tuple(_not_checked(anchors, checkpoint)),
    )


@dataclass
class _Walk:
    """One pass over the chain: what is expected next, and which anchors have been met."""

    expected: int
    last: str | None
    waiting: list[Anchor]
    events: int = 0
    matched: list[Anchor] = field(default_factory=list)

    @classmethod
    def begin(cls, anchors: Sequence[Anchor], checkpoint: Anchor | None) -> _Walk:
        first = checkpoint.sequence if checkpoint else 1
        given = [a for a in anchors if a.sequence >= first] + ([checkpoint] if checkpoint else [])
        waiting = sorted(given, key=lambda a: a.sequence, reverse=True)
        return cls(first, None if checkpoint else GENESIS, waiting)

    def through(self, chain: Iterable[Event]) -> Break | Finding | None:
        """The first break, or None if every event and anchor is in order."""
        for event in chain:
            if wrong := self._wrong(event):
                return wrong
            self.expected, self.last = event.sequence + 1, event.digest
            self.events += 1
            if differing := next(self._differing(event), None):
                return self._rewritten(differing)
        return self._cut() if self.waiting else None

    def _wrong(self, event: Event) -> Break | Finding | None:
        linked = self.last is None or event.previous == self.last
        if event.sequence == self.expected and linked and digest_of(event) == event.digest:
            if is_canonical(event.payload_text):
                return None
            return Finding(Tampering.FORGED, event.sequence, "Its payload is not canonical: this software writes none.")
        return Break(self.expected, self.last, event, witnessed=self._last_was_witnessed())

    def _differing(self, event: Event) -> Iterator[Anchor]:
        while self.waiting and self.waiting[-1].sequence == event.sequence:
            anchor = self.waiting.pop()
            if anchor.digest != event.digest:
                yield anchor
            self.matched.append(anchor)

    def _last_was_witnessed(self) -> bool:
        return bool(self.matched) and self.matched[-1].sequence == self.expected - 1

    def _rewritten(self, anchor: Anchor) -> Finding:
        since = self.matched[-1].sequence + 1 if self.matched else 1
        span = f"between {since} and {anchor.sequence}" if since < anchor.sequence else f"at {anchor.sequence}"
        return Finding(
            Tampering.REWRITTEN,
            anchor.sequence,
            f"{anchor.source or 'An anchor'} witnessed another event; the history was written anew {span}.",
        )

    def _cut(self) -> Finding:
        anchor = self.waiting[0]
        return Finding(
            Tampering.MISSING,
            self.expected,
            f"The end was cut: {anchor.source or 'an anchor'} witnessed event {anchor.sequence}.",
        )


def is_canonical(payload_text: str) -> bool:
    """Whether the text is an object in canonical form."""
    try:
        value = _DECODER.decode(payload_text)
        if payload_text.isascii() and isinstance(value, dict):  # the quick way, for nearly all
            return bool(_ENCODER.encode(value) == payload_text)
        return isinstance(value, dict) and canonical_json(value).decode() == payload_text
    except (ValueError, TypeError, RecursionError):
        return False


def _refuse(_: str) -> NoReturn:
    raise ValueError("canonical JSON here has no fractions")


_DECODER: json.JSONDecoder = json.JSONDecoder(parse_float=_refuse, parse_constant=_refuse)
_ENCODER: json.JSONEncoder = json.JSONEncoder(separators=(",", ":"), sort_keys=True, ensure_ascii=False)


def _not_checked(anchors: Sequence[Anchor], checkpoint: Anchor | None) -> Iterator[str]:
    if not anchors:
        yield NO_ANCHORS
    if checkpoint and checkpoint.sequence > 1:
        early = sum(a.sequence < checkpoint.sequence for a in anchors)
        also = f", and {early} anchors among them" if early else ""
        yield f"Events before the checkpoint at {checkpoint.sequence} were taken on trust{also}."
