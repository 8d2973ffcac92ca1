"""Collects one delivery at the recipient's end: copied, verified, decrypted, checked, acknowledged.

    <into>/<request id>/<delivery id>/                 the delivery, as it was published
    <into>/<request id>/<delivery id>.opened/          its decrypted files, and CSV if it was asked for
    <into>/<request id>/<delivery id>.receipt.json     the receipt and its signature: it is collected

Rules, in order:
1. The agreement's index is signed, is not older than the one that was seen last, and calls the delivery current.
2. The whole chain is verified before anything is opened, and the delivery is for whom it says.
3. A decrypted file counts only with the digest that was signed, and if every expectation that can be checked holds.
4. The receipt is signed last, and says what was done and no more. Only when it is in the inbox does the delivery count
   as collected here.
5. Whoever is killed runs it again: each step finds what is done, and goes on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from extracts import __version__, signing
from extracts.agreement.plan import plan_from_document
from extracts.canonical import digest_bytes, digest_file
from extracts.errors import CheckFailed, VerificationFailed
from extracts.handover.collection.area import Area
from extracts.handover.collection.checks import check_opened
from extracts.handover.collection.csv_file import write_csv
from extracts.handover.collection.fetching import Progress, fetch_delivery
from extracts.handover.collection.waiting import Waiting
from extracts.handover.decryption import decrypt_file, read_identity
from extracts.handover.files import staging_errors, write_file
from extracts.handover.findings import Finding, Verification
from extracts.handover.manifest import MANIFEST, PLAN, Manifest, read_manifest
from extracts.handover.readme import about_text
from extracts.handover.receipt import SUFFIX, Receipt, ReceiptResult, receipt_for
from extracts.handover.rehearsal import is_marked, namespace
from extracts.handover.statement import read_json
from extracts.handover.verify import verify_delivery

TOOL = f"governed-extracts {__version__}"


@dataclass(frozen=True)
class Means:
    """What the recipient has: the list of signers that they keep, their private keys, and a folder.

    `identity` decrypts, `receipt_key` signs; without one, that is left out and said.
    """

    signers: Path
    into: Path
    now: Callable[[], datetime]
    identity: Path | None = None
    receipt_key: Path | None = None
    as_csv: bool = False
    progress: Progress = lambda name, done, total: None


@dataclass(frozen=True)
class Collected:
    """One delivery, collected. `receipt` is empty if none was written; `opened` are the decrypted and CSV files."""

    manifest: Manifest
    verification: Verification
    opened: tuple[Path, ...]
    expectations: tuple[Finding, ...]
    receipt: Path | None

    @property
    def about(self) -> str:
        """What it is, until when it may be kept, and what is forbidden."""
        return about_text(self.manifest)


def collect(area: Area, waiting: Waiting, means: Means) -> Collected:
    """Collect one delivery that waits. Run again after anything went wrong, it goes on where it was.

    Raises DropZoneUnreachable, DiskFull, VerificationFailed (the chain), CheckFailed (an expectation), UsageError (a
    key), TechnicalFailure (a program).
    """
    target = waiting.folder(means.into)
    fetch_delivery(area, waiting.where, target, means.progress)
    verification = verify_delivery(target, means.signers, means.now(), rehearsal=waiting.is_rehearsal)
    verification.check()
    manifest, digest = _believed(target, waiting)
    opened, expectations = _open(target, manifest, means)
    receipt = None
    if means.receipt_key is not None:
        result = ReceiptResult.DECRYPTED if means.identity else ReceiptResult.VERIFIED
        said = receipt_for(manifest, digest, result, means.now(), TOOL)
        receipt = _acknowledge(area, said, target, means.receipt_key)
    return Collected(manifest, verification, opened, expectations, receipt)


def _believed(target: Path, waiting: Waiting) -> tuple[Manifest, str]:
    """The manifest, which was verified, if it is that of the delivery which the index lists."""
    data = (target / MANIFEST).read_bytes()
    manifest, digest = read_manifest(data)[0], digest_bytes(data)
    if (manifest.delivery.id, digest) != (waiting.delivery_id, waiting.manifest_digest):
        raise VerificationFailed(
            f"What lies in the place of {waiting.delivery_id} is another delivery than the index lists.",
            advice="Use nothing of it, and tell the contact.",
        )
    return manifest, digest


def _open(target: Path, manifest: Manifest, means: Means) -> tuple[tuple[Path, ...], tuple[Finding, ...]]:
    if means.identity is None:
        return (), ()
    identity, folder = read_identity(means.identity), target.with_name(f"{target.name}.opened")
    plan = plan_from_document(read_json((target / PLAN).read_bytes(), PLAN))
    opened: list[Path] = []
    findings: list[Finding] = []
    with staging_errors(folder.name):
        folder.mkdir(mode=0o700, exist_ok=True)
        for file in manifest.files:
            clear = folder / file.clear_name
            if clear.exists() and digest_file(clear) != file.clear_sha256:
                clear.unlink()  # left by somebody else: what was signed takes its place
            if not clear.exists():
                decrypt_file(target / file.name, clear, identity, file.clear_sha256)
            findings += check_opened(clear, file, plan, rehearsal=manifest.is_rehearsal)
            opened.append(clear)
    _must_hold(manifest, findings)
    return (*opened, *(_csv_files(opened) if means.as_csv else ())), tuple(findings)


def _csv_files(opened: list[Path]) -> list[Path]:
    made = [clear.with_suffix(".csv") for clear in opened]
    for clear, target in zip(opened, made, strict=True):
        write_csv(clear, target)
    return made


def _must_hold(manifest: Manifest, findings: list[Finding]) -> None:
    wrong = "; ".join(str(f) for f in findings if f.result == "failed")
    if wrong:
        raise CheckFailed(
            f"{manifest.delivery.id} was decrypted and is not what was agreed: {wrong}",
            advice=f"Do not use it, and tell {manifest.handling.contact}. No receipt was written.",
        )


def _acknowledge(area: Area, said: Receipt, target: Path, key: Path) -> Path:
    """Sign it, put both files into the inbox, the signature last, and only then into their place here."""
    data = said.text()
    signed_as = namespace(signing.RECEIPT, rehearsal=is_marked(said.delivery_id))
    signature = signing.sign(data, key, signed_as).encode()
    name = f"{said.delivery_id}{SUFFIX}"
    area.put(name, data)
    area.put(f"{name}.sig", signature)
    with staging_errors(name):
        place = target.with_name(name)
        write_file(place, data, 0o600)
        write_file(place.with_name(f"{name}.sig"), signature, 0o600)
    return place
