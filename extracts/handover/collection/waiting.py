"""Which deliveries wait to be collected: those that a signed index calls current, and that have no receipt here.

Rules:
1. The index of each agreement is copied, verified and kept: one with a lower number than the one kept is an old one put
   back, and stops everything of that agreement.
2. A superseded or withdrawn delivery is never collected. Of one that lies here already, that is said.
3. A folder whose name begins with `TEST-` is a rehearsal's, and judged by the signatures of rehearsals alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from extracts.errors import InvalidDocument, VerificationFailed
from extracts.handover.collection.area import Area, Where
from extracts.handover.collection.fetching import read_small
from extracts.handover.dropzone.inbox import INBOX
from extracts.handover.dropzone.index import (
    INDEX,
    INDEX_SIGNATURE,
    Index,
    IndexEntry,
    Status,
    read_index,
    read_signed_index,
)
from extracts.handover.files import staging_errors, write_file
from extracts.handover.no_delivery import MAX_BYTES as NOTICE_BYTES
from extracts.handover.no_delivery import NoDelivery, believed, period_in
from extracts.handover.receipt import SUFFIX
from extracts.handover.rehearsal import is_marked
from extracts.handover.statement import MAX_BYTES
from extracts.handover.trust import Judge
from extracts.handover.verify import judge_by
from extracts.signing import INDEX as INDEX_NAMESPACE


@dataclass(frozen=True)
class Waiting:
    """A delivery that can be collected, as the index lists it."""

    request_id: str
    delivery_id: str
    manifest_digest: str

    @property
    def is_rehearsal(self) -> bool:
        """Whether it lies where rehearsals do."""
        return is_marked(self.request_id)

    @property
    def where(self) -> Where:
        """Its folder in the area."""
        return self.request_id, self.delivery_id

    def folder(self, into: Path) -> Path:
        """Its folder here."""
        return into / self.request_id / self.delivery_id


@dataclass(frozen=True)
class Found:
    """What an area holds. `stale`: delivery here -> why it must not be used; `problems`: agreement -> what is wrong;
    `not_coming`: what the controller says of deliveries that were due and did not come.
    """

    waiting: tuple[Waiting, ...]
    stale: dict[str, str]
    problems: dict[str, str]
    not_coming: tuple[NoDelivery, ...] = ()


def find_waiting(area: Area, into: Path, signers: Path, now: datetime, *, again: str = "") -> Found:
    """Everything that waits, by agreement and in the order of publication. `again`: a delivery to collect once more.

    Raises DropZoneUnreachable, UsageError (no list of signers). What is wrong with one agreement stops no other.
    """
    judges = {rehearsal: judge_by(signers, rehearsal=rehearsal) for rehearsal in (False, True)}
    waiting: list[Waiting] = []
    stale: dict[str, str] = {}
    problems: dict[str, str] = {}
    not_coming: list[NoDelivery] = []
    for request_id in area.names(()):
        names = area.names((request_id,)) if request_id != INBOX else ()
        told = _notices(area, request_id, names, judges[False], now, problems)
        if INDEX not in names:
            not_coming += told
            continue
        try:
            index = _newest_index(area, into, request_id, judges[is_marked(request_id)])
        except VerificationFailed as error:
            problems[request_id] = str(error)
            continue
        for entry in index.deliveries:
            _sort_in(entry, request_id, into, again, waiting, stale)
        came = {e.period for e in index.deliveries if e.status is Status.CURRENT}
        not_coming += [n for n in told if n.period not in came]
    return Found(tuple(waiting), stale, problems, tuple(not_coming))


def _notices(
    area: Area, request_id: str, names: tuple[str, ...], judge: Judge, now: datetime, problems: dict[str, str]
) -> list[NoDelivery]:
    """The notices of no delivery that can be believed; of the others it is said why not."""
    found = []
    for name in names:
        if period_in(name):
            data, signature = (read_small(area, (request_id, n), NOTICE_BYTES) or b"" for n in (name, f"{name}.sig"))
            try:
                found.append(believed(name, data, signature, request_id, judge, now))
            except VerificationFailed as error:
                problems[f"{request_id}/{name}"] = str(error)
    return found


def _sort_in(
    entry: IndexEntry, request_id: str, into: Path, again: str, waiting: list[Waiting], stale: dict[str, str]
) -> None:
    found = Waiting(request_id, entry.delivery_id, entry.manifest_digest)
    here = found.folder(into)
    if entry.status is not Status.CURRENT:
        if here.exists():
            stale[entry.delivery_id] = _why(entry)
    elif entry.delivery_id == again or not here.with_name(f"{here.name}{SUFFIX}.sig").is_file():
        waiting.append(found)


def _why(entry: IndexEntry) -> str:
    if is_marked(entry.delivery_id):
        return f"is over ({entry.reason}): delete it; no certificate is asked for a rehearsal"
    if entry.status is Status.SUPERSEDED:
        return f"was replaced by {entry.superseded_by}: do not use it, destroy it"
    return f"was withdrawn ({entry.reason}): do not use it, destroy it"


def _newest_index(area: Area, into: Path, request_id: str, judge: Judge) -> Index:
    data = read_small(area, (request_id, INDEX), MAX_BYTES) or b""
    signatures = read_small(area, (request_id, INDEX_SIGNATURE), MAX_BYTES) or b""

    def check(signed: bytes, signature: str, at: datetime) -> None:
        judge(signed, signature, INDEX_NAMESPACE, at)

    index = read_signed_index(data, signatures, check)
    kept = into / request_id / INDEX
    if index.request_id != request_id or index.number < _number(kept):
        raise VerificationFailed(
            f"The index of {request_id} is an older one than was seen here before, or another agreement's.",
            advice="Somebody put it there. Collect nothing of this agreement, and tell the contact.",
        )
    with staging_errors(INDEX):
        kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_file(kept, data, 0o600)
        write_file(kept.with_name(INDEX_SIGNATURE), signatures, 0o600)
    return index


def _number(kept: Path) -> int:
    """The number of the index that was kept; -1 if there is none. Raises VerificationFailed if it was damaged."""
    if not kept.is_file():
        return -1
    try:
        return read_index(kept.read_bytes()).number
    except (InvalidDocument, OSError):
        raise VerificationFailed(
            f"The index that was kept at {kept} was damaged, so an old one could not be told from a new one.",
            advice="Ask the contact for the index's number, compare, and delete the damaged file.",
        ) from None
