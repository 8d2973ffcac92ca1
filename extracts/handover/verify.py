"""Verifies a delivery offline, as its recipient does: reads the folder, has the rules applied, opens the files.

Rules:
1. The only root of trust is the `allowed_signers` file that the verifier keeps; nothing in the folder is believed
   because it lies there.
2. Every byte of every file in the folder is covered, and every finding names its file.
3. What cannot be checked is said, with the reason.
4. With an identity the data are opened in memory, in pieces; nothing clear is written.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from extracts import signing
from extracts.agreement.plan import ExtractPlan, PlannedDataset
from extracts.errors import ExtractsError, UsageError, VerificationFailed
from extracts.handover.decryption import Identity, decrypt_stream, read_identity
from extracts.handover.facts import FileFacts
from extracts.handover.files import open_regular
from extracts.handover.findings import Finding, Verification, checked, failed, not_checked
from extracts.handover.manifest import Manifest
from extracts.handover.parquet import FooterNotReadable, Tail, planned_columns, read_footer
from extracts.handover.reading import Contents, read_contents, shown
from extracts.handover.rehearsal import namespace as twin_or_real
from extracts.handover.trust import DeliveryRules, Judge
from extracts.signing import Signature


def verify_delivery(
    folder: Path, signers: Path, now: datetime, identity: Path | None = None, *, rehearsal: bool = False
) -> Verification:
    """What holds of the delivery in `folder`, judged by the verifier's own `signers` (an allowed_signers file).

    `identity` (an age identity file or an unencrypted SSH key) opens the data, in memory. `rehearsal` judges it as one:
    by the `-test` namespaces (see `handover.rehearsal`), and nothing else counts.

    Raises UsageError if folder, signers or identity cannot be read; a delivery that does not verify is a result, not an
    error.
    """
    judge = judge_by(signers, rehearsal=rehearsal)
    opener = None if identity is None else read_identity(identity)
    contents = read_contents(folder)
    rules = DeliveryRules(contents, judge, now, rehearsal=rehearsal)
    rules.apply()
    findings = list(rules.findings)
    if rules.manifest is None:
        return Verification(shown(folder.resolve().name), (*findings, _nothing_else()))
    findings += _contract_findings(rules.manifest, contents)
    findings += _opened(folder, rules.manifest, rules.plan, opener)
    findings += _beyond_this_folder()
    return Verification(rules.manifest.delivery.id, tuple(findings))


def judge_by(signers: Path, *, rehearsal: bool = False) -> Judge:
    """Judges signatures by this allowed_signers file alone. Raises UsageError if it cannot be read."""
    if not signers.is_file():
        raise UsageError(
            f"The file of allowed signers, {signers}, is not there.",
            advice="Use the copy that the controller gave you; never one that came with a delivery.",
        )

    def judge(data: bytes, signature: str, namespace: str, at: datetime) -> Signature:
        return signing.verify(data, signature, twin_or_real(namespace, rehearsal=rehearsal), signers, at)

    return judge


def _contract_findings(manifest: Manifest, contents: Contents) -> Iterator[Finding]:
    for dataset, name in manifest.contracts.items():
        data = contents.documents.get(name)
        if data is None:
            continue
        columns = [c.name for f in manifest.files if f.dataset == dataset for c in f.columns]
        yield _contract_finding(name, data, columns)


def _contract_finding(name: str, data: bytes, columns: list[str]) -> Finding:
    try:
        import yaml  # noqa: F401
    except ImportError:
        return not_checked("which columns it explains: PyYAML is not installed (its bytes were checked)", name)
    from extracts.documents import parse

    try:
        document = parse(data, name)
        explained = [p["name"] for s in document.value["schema"] for p in s["properties"]]
    except (ExtractsError, KeyError, TypeError):
        return failed("is no contract in the Open Data Contract Standard", name)
    missing = [c for c in columns if c not in explained]
    if missing:
        return failed(f"does not explain the columns {', '.join(missing)}", name)
    return checked(f"explains all {len(columns)} delivered columns", name)


def _opened(folder: Path, manifest: Manifest, plan: ExtractPlan | None, identity: Identity | None) -> Iterator[Finding]:
    if identity is None:
        yield not_checked("what is inside the encrypted files: no private key was given (--identity)")
        return
    for file in manifest.files:
        planned = next((d for d in plan.datasets if d.dataset == file.dataset), None) if plan else None
        yield from _opened_file(folder / file.name, file, planned, identity)


def _opened_file(path: Path, file: FileFacts, planned: PlannedDataset | None, identity: Identity) -> Iterator[Finding]:
    tail = Tail()
    try:
        with open_regular(path) as stream:
            found, size = decrypt_stream(stream, tail, identity, file.name)
    except ExtractsError as error:
        yield failed(error.message, file.name)
        return
    except OSError as error:
        yield failed(f"cannot be read ({error.strerror})", file.name)
        return
    if (found, size) != (file.clear_sha256, file.clear_bytes):
        yield failed("opens to another file than the one that was inspected and signed", file.name)
        return
    yield checked(f"opens to the file that was inspected ({size} bytes, same SHA-256)", file.name)
    yield _footer_finding(tail, file, planned)


def _footer_finding(tail: Tail, file: FileFacts, planned: PlannedDataset | None) -> Finding:
    try:
        footer = read_footer(tail)
    except FooterNotReadable as error:
        return not_checked(f"its columns, types and rows: {error}", file.name)
    except VerificationFailed as error:
        return failed(error.message, file.name)
    if planned is None:
        return not_checked("its columns: the plan could not be believed", file.name)
    wanted = planned_columns(planned)
    names = [n for n, _ in footer.columns]
    if names != [n for n, _ in wanted]:
        return failed(f"has the columns {', '.join(map(shown, names))} instead of the approved ones", file.name)
    for (name, kind), (_, kinds) in zip(footer.columns, wanted, strict=True):
        if kind not in kinds:
            return failed(f"column {name} is {kind}, where {kinds[0]} was approved", file.name)
    if footer.rows != file.rows:
        return failed(f"has {footer.rows} rows, where the manifest says {file.rows}", file.name)
    return checked(f"has exactly the {len(wanted)} approved columns, their types, and {footer.rows} rows", file.name)


def _nothing_else() -> Finding:
    return not_checked("everything that the manifest would tell: it cannot be believed")


def _beyond_this_folder() -> Iterator[Finding]:
    yield not_checked(
        "whether the agreement was suspended or revoked, or the delivery replaced, since: see index.json, "
        "or ask the contact in README.txt"
    )
    yield not_checked(
        "whether the recorded times are true, and that neither signer was the requester: "
        "the controller's ledger and register know"
    )
