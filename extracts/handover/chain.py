"""Verifies what ties deliveries together: the signed index of an agreement, and the chain from manifest to manifest.

Rules:
1. The index counts if the service signed it; it names each delivery by the digest of its manifest. An older one put
   back is signed as well: only the number of one that was seen before tells them apart.
2. Each manifest names the one before it by digest, so a delivery that was taken away is missed.
3. Every signed manifest says where the controller's ledger stood: `anchors_in` collects these, so that a ledger that
   was cut or rewritten since contradicts them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from extracts import signing
from extracts.canonical import digest_bytes
from extracts.errors import InvalidDocument, SignatureInvalid, UsageError, VerificationFailed
from extracts.handover.dropzone.index import INDEX, INDEX_SIGNATURE, Index, IndexEntry, Status, read_signed_index
from extracts.handover.findings import Finding, Verification, checked, failed, not_checked
from extracts.handover.manifest import MANIFEST, MANIFEST_SIGNATURE, Manifest, read_manifest
from extracts.handover.no_delivery import finding, is_ours, period_in
from extracts.handover.reading import Contents, read_contents, shown
from extracts.handover.rehearsal import is_marked
from extracts.handover.trust import Judge
from extracts.handover.verify import judge_by, verify_delivery


@dataclass(frozen=True)
class Anchor:
    """Where the ledger stood when a manifest was signed: `head` is the digest of event number `sequence`."""

    sequence: int
    head: str
    delivery_id: str
    made_at: datetime


def verify(
    folder: Path,
    signers: Path,
    now: datetime,
    identity: Path | None = None,
    *,
    rehearsal: bool = False,
    least_number: int | None = None,
) -> list[Verification]:
    """Verifies one delivery, or an agreement's folder: its index first, then every delivery in it.

    `least_number`: the number of the newest index that was ever seen; an older one fails. Other arguments and errors
    as `verify_delivery`; UsageError too if there is no index to have a number.
    """
    notices = [] if rehearsal else verify_notices(folder, signers, now)
    if not (folder / INDEX).exists():
        if notices and not (folder / MANIFEST).exists():
            return notices
        if least_number is not None:
            raise UsageError(f"{folder} holds no {INDEX}.", advice="Give the agreement's folder, or no number.")
        return [verify_delivery(folder, signers, now, identity, rehearsal=rehearsal)]
    deliveries = [
        verify_delivery(path, signers, now, identity, rehearsal=rehearsal) for path in _delivery_folders(folder)
    ]
    return [verify_index(folder, signers, rehearsal=rehearsal, least_number=least_number), *deliveries, *notices]


def verify_notices(folder: Path, signers: Path, now: datetime) -> list[Verification]:
    """What holds of the notices of no delivery in an agreement's folder."""
    contents, judge = read_contents(folder), judge_by(signers)
    names = [n for n in sorted(contents.documents) if period_in(n)]
    request_id = folder.resolve().name
    return [Verification(n, (finding(n, contents.documents, request_id, judge, now),)) for n in names]


def verify_index(
    folder: Path, signers: Path, *, rehearsal: bool = False, least_number: int | None = None
) -> Verification:
    """What holds of the index in an agreement's folder, and of the chain through its deliveries."""
    judge = judge_by(signers, rehearsal=rehearsal)
    contents = read_contents(folder)
    try:
        index = _signed_index(contents, judge)
    except VerificationFailed as error:
        if read_contents(folder).digests != contents.digests:
            # A delivery is being published at this moment; index and signature were read from either side of it.
            return verify_index(folder, signers, rehearsal=rehearsal, least_number=least_number)
        subject = f"The index of {shown(folder.resolve().name)}"
        return Verification(subject, (failed(error.message, INDEX),))
    count = len(index.deliveries)
    listed = f"lists {count} {'delivery' if count == 1 else 'deliveries'}"
    findings = [checked(f"number {index.number} is signed, and {listed}", INDEX), _newness(index, least_number)]
    findings += _entry_findings(folder, contents, index)
    return Verification(f"The index of {index.request_id}", tuple(findings))


def _newness(index: Index, least_number: int | None) -> Finding:
    if least_number is None:
        return not_checked(
            "whether it is the newest: an older one put back is signed too. Keep this number, and give it next time "
            f"(--index-number-at-least {index.number})",
            INDEX,
        )
    if index.number < least_number:
        return failed(f"is number {index.number}, and number {least_number} was seen before: it is an older one", INDEX)
    return checked(f"is not older than number {least_number}", INDEX)


def anchors_in(folder: Path, signers: Path) -> list[Anchor]:
    """The ledger's anchors in every manifest at any depth of `folder`, by sequence.

    Only signed manifests count: raises VerificationFailed for one that is not, so that a forged anchor is found and
    not believed. Raises UsageError if the folder holds no manifest.
    """
    judge = judge_by(signers)
    # A rehearsal is no delivery, and anchors nothing.
    paths = [p for p in sorted(folder.rglob(MANIFEST)) if not is_marked(p.parent.name)]
    found = sorted((_anchor(path, judge) for path in paths), key=lambda a: a.sequence)
    if not found:
        raise UsageError(
            f"No delivery, and so no anchor, is in {folder}.", advice="Name the drop zone, or a folder of deliveries."
        )
    return found


def _anchor(path: Path, judge: Judge) -> Anchor:
    where = f"{path.parent.name}/{MANIFEST}"
    try:
        data = path.read_bytes()
        signature = path.with_name(MANIFEST_SIGNATURE).read_text(errors="replace")
        manifest, _ = read_manifest(data, where)
        judge(data, signature, signing.MANIFEST, manifest.delivery.made_at)
    except OSError as error:
        raise VerificationFailed(
            f"{where} or its signature cannot be read ({error.strerror}).",
            advice="Is it yours to read? Then run again.",
        ) from None
    except (InvalidDocument, SignatureInvalid) as error:
        raise VerificationFailed(
            f"{where} is no anchor: {error.message}", advice="Somebody changed or forged it: report it as an incident."
        ) from None
    return Anchor(manifest.ledger.sequence, manifest.ledger.head, manifest.delivery.id, manifest.delivery.made_at)


def _signed_index(contents: Contents, judge: Judge) -> Index:
    data = contents.documents.get(INDEX)
    if data is None:
        raise VerificationFailed(f"{INDEX} is missing or too large.", advice="Collect it again from the transfer area.")
    signatures = contents.documents.get(INDEX_SIGNATURE, b"")

    def check(signed: bytes, signature: str, at: datetime) -> None:
        judge(signed, signature, signing.INDEX, at)

    return read_signed_index(data, signatures, check)


def _entry_findings(folder: Path, contents: Contents, index: Index) -> Iterator[Finding]:
    there = {p.name: p for p in _delivery_folders(folder)}
    for name in sorted(n for n in set(contents.digests) - {INDEX, INDEX_SIGNATURE} if not is_ours(n)):
        yield failed("does not belong in an agreement's folder", shown(name))
    for name in sorted(set(there) - {e.delivery_id for e in index.deliveries}):
        yield failed("is no delivery that the index lists", shown(name))
    for entry in index.deliveries:
        if entry.delivery_id in there:
            yield from _delivery_findings(there[entry.delivery_id], entry, index)
        else:
            yield not_checked("is not in this folder: not collected, or destroyed", entry.delivery_id)
        if entry.status is Status.SUPERSEDED:
            yield checked(f"was replaced by {entry.superseded_by}: do not use it", entry.delivery_id)
        if entry.status is Status.WITHDRAWN:
            yield checked(f"was withdrawn ({entry.reason}): do not use it", entry.delivery_id)


def _delivery_findings(folder: Path, entry: IndexEntry, index: Index) -> Iterator[Finding]:
    try:
        data = (folder / MANIFEST).read_bytes()
        manifest, _ = read_manifest(data)
    except (OSError, InvalidDocument):
        yield failed("has no readable manifest", entry.delivery_id)
        return
    if digest_bytes(data) != entry.manifest_digest or manifest.delivery.id != entry.delivery_id:
        yield failed("is not the delivery that the index lists: its manifest differs", entry.delivery_id)
        return
    yield checked("is the delivery that the index lists", entry.delivery_id)
    yield _link(manifest, entry, index)


def _link(manifest: Manifest, entry: IndexEntry, index: Index) -> Finding:
    """Whether the delivery that this one names as the one before it is there, with the digest it names."""
    earlier = index.deliveries[: index.deliveries.index(entry)]
    previous = manifest.previous
    if previous is None and earlier:
        return not_checked("that no delivery before it is missing: it names none", entry.delivery_id)
    if previous is None:
        return checked("is the first of its agreement", entry.delivery_id)
    digests = {e.delivery_id: e.manifest_digest for e in earlier}
    if digests.get(previous.delivery_id) != previous.manifest_digest:
        return failed(f"follows {previous.delivery_id}, which the index does not list as it was", entry.delivery_id)
    return checked(f"follows {previous.delivery_id}", entry.delivery_id)


def _delivery_folders(folder: Path) -> list[Path]:
    # Links too: they are reported as what they are, not passed over.
    return sorted(p for p in folder.iterdir() if p.is_symlink() or p.is_dir())
