"""The index of one agreement's deliveries: period, revision, status and what supersedes what, signed by the service.

Rules:
1. A delivery is `current`, `superseded` by a later revision, or `withdrawn`. Entries are never removed.
2. `index.json` is signed as it is, in the namespace `extract-index`; `number` counts its versions up, so that an old
   index put back shows.
3. Index and signature are two files, and two files cannot change in one act: for that moment `index.json.sig` holds
   the new signature after the old one, so one of them always fits. `ssh-keygen` reads the first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from extracts.canonical import canonical_json, plain
from extracts.errors import InvalidDocument, NotFound, Problem, SignatureInvalid, VerificationFailed
from extracts.handover.armour import is_exact_armour
from extracts.handover.facts import Fact
from extracts.handover.manifest import Manifest
from extracts.handover.statement import read_json, readable_json

INDEX, INDEX_SIGNATURE = "index.json", "index.json.sig"
FORMAT = "governed-extracts/index/1"
_END = b"-----END SSH SIGNATURE-----\n"


class Status(StrEnum):
    """What a delivery counts for."""

    CURRENT = "current"
    SUPERSEDED = "superseded"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True)
class IndexEntry(Fact):
    """One delivery. `reason` says why it supersedes another, or why it was withdrawn."""

    delivery_id: str
    period: str
    period_first: date
    period_last: date
    revision: int
    status: Status
    manifest_digest: str
    published_at: datetime
    destroy_by: date
    supersedes: str = ""
    superseded_by: str = ""
    withdrawn_at: datetime | None = None
    reason: str = ""


@dataclass(frozen=True)
class Index(Fact):
    """All deliveries of one agreement to one recipient, in the order in which they were published."""

    recipient: str
    request_id: str
    number: int
    updated_at: datetime
    deliveries: tuple[IndexEntry, ...]
    format: str = FORMAT

    def entry(self, delivery_id: str) -> IndexEntry | None:
        """The entry of this delivery, or None."""
        return next((e for e in self.deliveries if e.delivery_id == delivery_id), None)

    def text(self) -> bytes:
        """The bytes of index.json, which are signed."""
        return readable_json(plain(asdict(self)))


IndexCheck = Callable[[bytes, str, datetime], None]


@dataclass(frozen=True)
class IndexSigner:
    """How index bytes are signed and judged; `steps` binds them to the service's key and the allowed signers.

    `check(data, signature, at)` raises SignatureInvalid unless the service signed `data`, judged at the time `at`: the
    index's own, so that a renewed service key does not void what its predecessor signed.
    """

    sign: Callable[[bytes], str]
    check: IndexCheck


def with_delivery(index: Index, manifest: Manifest, manifest_digest: str, now: datetime) -> Index:
    """The index with this delivery in it, and whatever it supersedes marked. Unchanged if it is there already."""
    delivery = manifest.delivery
    if index.entry(delivery.id) is not None:
        return index
    added = IndexEntry(
        delivery_id=delivery.id,
        period=delivery.period,
        period_first=delivery.period_first,
        period_last=delivery.period_last,
        revision=delivery.revision,
        status=Status.CURRENT,
        manifest_digest=manifest_digest,
        published_at=now,
        destroy_by=manifest.handling.destroy_by,
        supersedes=delivery.supersedes,
        reason=delivery.reason,
    )
    entries = tuple(
        _superseded(e, delivery.id) if e.delivery_id == delivery.supersedes else e for e in index.deliveries
    )
    return replace(index, number=index.number + 1, updated_at=now, deliveries=(*entries, added))


def with_withdrawal(index: Index, delivery_id: str, reason: str, now: datetime) -> Index:
    """The index with this delivery withdrawn. Unchanged if it was. Raises NotFound."""
    entry = index.entry(delivery_id)
    if entry is None:
        raise NotFound(
            f"No delivery {delivery_id} is in the index of {index.request_id}.",
            advice="See `extracts deliveries list` for what there is.",
        )
    if entry.status is Status.WITHDRAWN:
        return index
    withdrawn = replace(entry, status=Status.WITHDRAWN, withdrawn_at=now, reason=reason)
    entries = tuple(withdrawn if e is entry else e for e in index.deliveries)
    return replace(index, number=index.number + 1, updated_at=now, deliveries=entries)


def with_return(index: Index, delivery_id: str, reason: str, now: datetime) -> Index:
    """The index with this delivery no longer withdrawn; `reason`: the one that its manifest gives. Raises NotFound."""
    entry = index.entry(delivery_id)
    if entry is None:
        raise NotFound(
            f"No delivery {delivery_id} is in the index of {index.request_id}.",
            advice="See `extracts deliveries list` for what there is.",
        )
    if entry.status is not Status.WITHDRAWN:
        return index
    status = Status.SUPERSEDED if entry.superseded_by else Status.CURRENT
    returned = replace(entry, status=status, withdrawn_at=None, reason=reason)
    entries = tuple(returned if e is entry else e for e in index.deliveries)
    return replace(index, number=index.number + 1, updated_at=now, deliveries=entries)


def empty_index(recipient: str, request_id: str, now: datetime) -> Index:
    """The index before the first delivery."""
    return Index(recipient, request_id, 0, now, ())


def read_index(data: bytes, source: str = INDEX) -> Index:
    """The index in `data`. Raises InvalidDocument."""
    from pydantic import TypeAdapter, ValidationError

    try:
        index = TypeAdapter(Index).validate_json(canonical_json(read_json(data, source)))
    except ValidationError as error:
        found: list[Any] = error.errors(include_input=False)
        problems = [Problem(".".join(str(p) for p in e["loc"]), e["msg"]) for e in found]
        raise InvalidDocument(source, problems) from None
    if index.format != FORMAT or index.text() != data:
        raise InvalidDocument(source, [Problem("file", f"is not in the one form of {FORMAT}")])
    return index


def read_signed_index(data: bytes, signatures: bytes, check: IndexCheck) -> Index:
    """The index in `data`, if any of the armoured `signatures` is the service's over it. Raises VerificationFailed."""
    reason = "it is not signed"
    try:
        index = read_index(data)
        for block in signature_blocks(signatures):
            try:
                check(data, block, index.updated_at)
                return index
            except SignatureInvalid as error:
                reason = error.message
    except InvalidDocument as error:
        reason = error.message
    raise VerificationFailed(
        f"{INDEX} does not verify: {reason}",
        advice="Somebody else wrote to the drop zone. Use nothing of this agreement, and report it as an incident.",
    )


def signature_blocks(signatures: bytes) -> list[str]:
    """The armoured signatures in an index.json.sig: one or two, exactly as ssh-keygen writes them; else none."""
    blocks = [block + _END for block in signatures.split(_END)[:-1]]
    exact = b"".join(blocks) == signatures and len(blocks) <= 2 and all(map(is_exact_armour, blocks))
    return [block.decode() for block in blocks] if exact else []


def _superseded(entry: IndexEntry, by: str) -> IndexEntry:
    status = Status.WITHDRAWN if entry.status is Status.WITHDRAWN else Status.SUPERSEDED
    return replace(entry, status=status, superseded_by=by)
