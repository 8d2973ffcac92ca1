"""One event of the ledger as a value, and the bytes that its digest is over.

Rules:
1. An event holds counts, names of columns, ids and digests; never a person's value, never free text by a stranger.
2. Its digest is SHA-256 over the canonical JSON of all its other parts, `previous` (the digest of the event before it)
   among them: nobody can change, drop or move an event without changing every digest after it.
3. Those bytes are put together from parts that are canonical already, because a whole ledger has to be checked in
   seconds. `sql/register/0001_ledger.sql` does the same in SQL; tests hold all ways together.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from extracts.canonical import canonical_json, digest_bytes, timestamp_text

GENESIS: Final = "sha256:" + "0" * 64  # what the first event carries as `previous`
MAX_PAYLOAD_BYTES: Final = 65_536

_KIND = re.compile(r"[a-z][a-z0-9]*([._-][a-z0-9]+)*")
_SUBJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:+/@-]{0,199}")
_ACTOR = re.compile(r"[^\x00-\x1f\x7f-\x9f]{1,200}")
_quoted = json.encoder.encode_basestring  # a JSON string, escaped as RFC 8785 wants it


@dataclass(frozen=True)
class NewEvent:
    """What is to be remembered. `at` is aware; `subject` is the id of a request, delivery, run or document.

    Raises ValueError or TypeError for a part that the ledger does not take; the payload is canonicalised here, so that
    nothing is left to do while the chain's lock is held.
    """

    at: datetime
    kind: str
    subject: str
    actor: str
    payload: Mapping[str, Any] = field(default_factory=dict)
    payload_text: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.at.tzinfo is None:
            raise ValueError("an event needs a time with a zone")
        if not _KIND.fullmatch(self.kind) or len(self.kind) > 80:
            raise ValueError(f"{self.kind!r} cannot be the kind of an event; write it like delivery.published")
        if not _SUBJECT.fullmatch(self.subject):
            raise ValueError("the subject of an event must be an id of up to 200 characters")
        object.__setattr__(self, "actor", unicodedata.normalize("NFC", self.actor))
        if not _ACTOR.fullmatch(self.actor):
            raise ValueError("the actor of an event must be a name of 1 to 200 printable characters")
        object.__setattr__(self, "payload_text", _payload_text(self.payload))


@dataclass(frozen=True, slots=True)
class Event:
    """An event as the ledger holds it. `payload_text` is canonical JSON; digests are `sha256:...`."""

    sequence: int
    at: datetime
    kind: str
    subject: str
    actor: str
    payload_text: str
    previous: str
    digest: str

    @property
    def payload(self) -> dict[str, Any]:
        """What was remembered, as plain values."""
        found: dict[str, Any] = json.loads(self.payload_text)
        return found

    def document(self) -> dict[str, Any]:
        """The event as plain JSON values, digest included."""
        return {
            "sequence": self.sequence,
            "at": timestamp_text(self.at),
            "kind": self.kind,
            "subject": self.subject,
            "actor": self.actor,
            "payload": self.payload,
            "previous": self.previous,
            "digest": self.digest,
        }


@dataclass(frozen=True)
class Anchor:
    """The digest of one event as it was seen elsewhere: in a signed manifest (`source` says which), in a backup."""

    sequence: int
    digest: str
    source: str = ""


def chained(new: NewEvent, last: Anchor) -> Event:
    """The event that `new` becomes after `last`."""
    sequence = last.sequence + 1
    digest = event_digest(sequence, new.at, new.kind, new.subject, new.actor, new.payload_text, last.digest)
    return Event(sequence, new.at, new.kind, new.subject, new.actor, new.payload_text, last.digest, digest)


def digest_of(event: Event, sequence: int | None = None, previous: str | None = None) -> str:
    """The digest over an event's content, as it stands or as if it stood elsewhere in the chain."""
    return event_digest(
        event.sequence if sequence is None else sequence,
        event.at,
        event.kind,
        event.subject,
        event.actor,
        event.payload_text,
        event.previous if previous is None else previous,
    )


def event_digest(
    sequence: int, at: datetime, kind: str, subject: str, actor: str, payload_text: str, previous: str
) -> str:
    """`sha256:<hex>` over the canonical JSON of these parts; `payload_text` is canonical JSON already."""
    return digest_bytes(
        f'{{"actor":{_quoted(actor)},"at":"{timestamp_text(at)}","kind":{_quoted(kind)},"payload":{payload_text},'
        f'"previous":{_quoted(previous)},"sequence":{sequence},"subject":{_quoted(subject)}}}'.encode()
    )


def _payload_text(payload: Mapping[str, Any]) -> str:
    text = canonical_json(dict(payload)).decode()
    if len(text.encode()) > MAX_PAYLOAD_BYTES:
        raise ValueError(f"the payload of an event is limited to {MAX_PAYLOAD_BYTES} bytes: counts, names, digests")
    return text
