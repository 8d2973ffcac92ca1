"""Assembles a delivery in staging: every file that the recipient gets, signed, ready to be published.

Rules:
1. Nothing is in the folder but what the manifest names; a clear file among them is refused.
2. The plan and the decision are delivered as the very bytes that were signed.
3. Doing it again gives the same files, so a killed run can start over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from extracts.agreement.parts import part_of
from extracts.agreement.plan import plan_from_document
from extracts.canonical import digest_bytes, digest_file
from extracts.errors import CheckFailed
from extracts.handover.contract import contract_text
from extracts.handover.encryption import AGE_HEADER
from extracts.handover.files import staging_errors, write_file
from extracts.handover.manifest import (
    BOARD_SIGNATURE,
    CHECKSUMS,
    CONTROLLER_SIGNATURE,
    DECISION,
    LINEAGE,
    MANIFEST,
    MANIFEST_SIGNATURE,
    PLAN,
    README,
    Manifest,
    build_manifest,
)
from extracts.handover.openlineage import lineage_text
from extracts.handover.readme import readme_text
from extracts.handover.statement import read_json

FILE_MODE = 0o600


@dataclass(frozen=True)
class Approval:
    """What was signed, as bytes: the decision with both armoured signatures, and the plan that it binds."""

    decision: bytes
    board_signature: str
    controller_signature: str
    plan: bytes


@dataclass(frozen=True)
class Assembled:
    """A delivery in staging. `files`: name -> digest, all of them."""

    folder: Path
    manifest: Manifest
    manifest_digest: str
    files: Mapping[str, str]


def assemble(
    folder: Path,
    manifest: Manifest,
    approval: Approval,
    sign: Callable[[bytes], str],
) -> Assembled:
    """Completes the delivery in `folder`, where the encrypted files are already.

    `sign` returns the armoured `extract-manifest` signature of the service. Raises CheckFailed if the folder holds
    anything else or a data file is not encrypted, InvalidDocument if the manifest contradicts itself, DiskFull.
    """
    texts = _documents(manifest, approval)
    with staging_errors(manifest.delivery.id):
        _check_folder(folder, manifest)
        for name, data in texts.items():
            write_file(folder / name, data, FILE_MODE)
        subjects = {f.name: digest_file(folder / f.name) for f in manifest.files}
        subjects |= {name: digest_bytes(data) for name, data in texts.items()}
        statement = build_manifest(manifest, subjects)
        after = {MANIFEST: statement, MANIFEST_SIGNATURE: sign(statement).encode()}
        files = subjects | {name: digest_bytes(data) for name, data in after.items()}
        after[CHECKSUMS] = checksums_text(files)
        for name, data in after.items():
            write_file(folder / name, data, FILE_MODE)
    files[CHECKSUMS] = digest_bytes(after[CHECKSUMS])
    return Assembled(folder, manifest, digest_bytes(statement), files)


def checksums_text(files: Mapping[str, str]) -> bytes:
    """SHA256SUMS as `sha256sum` writes and checks it: one line per file, sorted by name, all but SHA256SUMS itself."""
    return "".join(f"{digest.removeprefix('sha256:')}  {name}\n" for name, digest in sorted(files.items())).encode()


def _documents(manifest: Manifest, approval: Approval) -> dict[str, bytes]:
    plan = plan_from_document(read_json(approval.plan, PLAN))
    planned = {d.dataset: d for d in plan.datasets}
    return {
        DECISION: approval.decision,
        BOARD_SIGNATURE: approval.board_signature.encode(),
        CONTROLLER_SIGNATURE: approval.controller_signature.encode(),
        PLAN: approval.plan,
        LINEAGE: lineage_text(manifest, part_of(plan, manifest.agreement.recipient.id) if plan.division else plan),
        README: readme_text(manifest).encode(),
        **{name: contract_text(manifest, planned[dataset]) for dataset, name in manifest.contracts.items()},
    }


def _check_folder(folder: Path, manifest: Manifest) -> None:
    odd = sorted({p.name for p in folder.iterdir()} - set(manifest.expected_names))
    if odd:
        raise CheckFailed(
            f"{manifest.delivery.id}: {', '.join(odd)} is in staging, but not part of the delivery.",
            advice="Start a new run.",
        )
    for file in manifest.files:
        with (folder / file.name).open("rb") as stream:
            if stream.read(len(AGE_HEADER)) != AGE_HEADER:
                raise CheckFailed(
                    f"{manifest.delivery.id}: {file.name} is not encrypted. Nothing was delivered.",
                    advice="Start a new run.",
                )
