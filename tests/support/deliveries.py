"""Deliveries for tests: a real Parquet file of synthetic people, encrypted, signed and assembled as in a run.

`a_delivery(folder, keys)` makes one; everything about it can be changed by name, most of it through `manifest`, a
function from the good manifest to the wanted one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow
import pyrage
from pyarrow import parquet

from extracts import signing
from extracts.agreement.decision import Decision
from extracts.agreement.plan import ExtractPlan, PlannedDataset
from extracts.canonical import digest_file
from extracts.catalogue.contract import ColumnType
from extracts.handover.delivery import Approval, Assembled, assemble
from extracts.handover.dropzone.index import IndexSigner
from extracts.handover.encryption import encrypt
from extracts.handover.facts import (
    AgreementFacts,
    CheckFacts,
    ColumnFacts,
    DeliveryFacts,
    Disclosure,
    FileFacts,
    Handling,
    LawfulBasis,
    LedgerAnchor,
    MadeBy,
    Party,
    Reconciliation,
    RecordedSignature,
    ReportFacts,
    SourceFacts,
)
from extracts.handover.manifest import Manifest
from tests.support.builders import A_DIGEST, ANOTHER_DIGEST, a_decision, a_plan
from tests.support.keys import Keys

SIGNED_AT = datetime(2026, 1, 6, 9, 0, tzinfo=UTC)
MADE_AT = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
_ARROW = {
    ColumnType.STRING: pyarrow.string(),
    ColumnType.INTEGER: pyarrow.int64(),
    ColumnType.DECIMAL: pyarrow.decimal128(10, 2),
    ColumnType.DATE: pyarrow.date32(),
    ColumnType.TIMESTAMP: pyarrow.timestamp("us", tz="UTC"),
    ColumnType.BOOLEAN: pyarrow.bool_(),
}


@dataclass(frozen=True)
class MadeDelivery:
    """An assembled delivery and what opens it. `identity` is the recipient's age identity file."""

    assembled: Assembled
    plan: ExtractPlan
    decision: Decision
    clear: Path
    identity: Path

    @property
    def folder(self) -> Path:
        return self.assembled.folder

    @property
    def id(self) -> str:
        return self.assembled.manifest.delivery.id


def an_age_identity(path: Path) -> str:
    """A new age identity file at `path`; its public key."""
    identity = pyrage.x25519.Identity.generate()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"# created for a test\n{identity}\n")
    return str(identity.to_public())


def a_delivery(
    folder: Path,
    keys: Keys,
    *,
    rows: int = 20,
    plan: ExtractPlan | None = None,
    decision: Decision | None = None,
    manifest: Callable[[Manifest], Manifest] = lambda m: m,
    recipients: tuple[str, ...] = (),
    signed_by: str = "service",
    namespace: str = signing.MANIFEST,
    deciders: tuple[str, str] = ("board", "controller"),
    clear: bytes | None = None,
) -> MadeDelivery:
    """A complete delivery in `folder`/<delivery id>, by the keys of `keys`."""
    plan = plan or a_plan()
    decision = decision or a_decision(plan)
    folder.mkdir(parents=True, exist_ok=True)
    identity = folder / "identity.txt"
    public = an_age_identity(identity)
    signatures = tuple(
        keys.sign(decision.canonical(), role, ns)
        for role, ns in zip(deciders, (signing.DECISION_BOARD, signing.DECISION_CONTROLLER), strict=True)
    )
    staged = folder / "staged"
    staged.mkdir(mode=0o700)
    files = tuple(_a_file(folder, staged, d, rows, (public, *recipients), clear) for d in plan.datasets)
    made = manifest(a_manifest(plan, decision, files, keys, (public,), deciders))
    for was, now in zip(files, made.files, strict=False):
        if made.is_rehearsal:
            (staged / was.name).rename(staged / now.name)
    target = folder / made.delivery.id
    staged.rename(target)
    approval = Approval(decision.canonical(), *signatures, plan.canonical())
    assembled = assemble(target, made, approval, lambda data: keys.sign(data, signed_by, namespace))
    return MadeDelivery(assembled, plan, decision, folder / files[0].clear_name, identity)


def _a_file(
    folder: Path, staged: Path, planned: PlannedDataset, rows: int, recipients: tuple[str, ...], clear: bytes | None
) -> FileFacts:
    clear_file = folder / f"{planned.dataset}.parquet"
    if clear is None:
        a_parquet_file(clear_file, planned, rows)
    else:
        clear_file.write_bytes(clear)
    target = staged / f"{clear_file.name}.age"
    encrypted = encrypt(clear_file, target, recipients, clear_sha256=digest_file(clear_file))
    return FileFacts(
        dataset=planned.dataset,
        name=encrypted.path.name,
        sha256=encrypted.sha256,
        bytes=encrypted.bytes,
        clear_name=clear_file.name,
        clear_sha256=encrypted.clear_sha256,
        clear_bytes=encrypted.clear_bytes,
        rows=rows,
        people=rows,
        schema_digest=A_DIGEST,
        contract_version="1.0.0",
        contract_digest=ANOTHER_DIGEST,
        columns=tuple(
            ColumnFacts(c.name, c.delivered_type.value, c.source, c.treatment, c.parameters, c.classification.value)
            for c in planned.columns
        ),
    )


def a_manifest(
    plan: ExtractPlan,
    decision: Decision,
    files: tuple[FileFacts, ...],
    keys: Keys,
    encrypted_to: tuple[str, ...],
    deciders: tuple[str, str] = ("board", "controller"),
) -> Manifest:
    """The manifest of one good delivery of `plan` for November 2026."""
    rows = files[0].rows
    return Manifest(
        delivery=DeliveryFacts(
            id=f"{plan.request_id}.2026-11.r1",
            period="2026-11",
            period_first=date(2026, 11, 1),
            period_last=date(2026, 11, 30),
            revision=1,
            data_as_at=datetime(2026, 11, 23, 9, 0, tzinfo=UTC),
            extracted_at=datetime(2026, 11, 23, 9, 10, tzinfo=UTC),
            made_at=MADE_AT,
        ),
        agreement=_agreement(plan, decision, keys, deciders),
        files=files,
        sources=tuple(map(_source, plan.datasets)),
        reconciliation=tuple(Reconciliation(f.dataset, f.rows + 6, 3, 2, 1, f.rows) for f in files),
        reports=(
            ReportFacts("Release", "release 1", (CheckFacts("row count", "all", True, f"{rows} rows"),)),
            ReportFacts("Inspection", "inspection 1", (CheckFacts("exact columns", "all", True),)),
        ),
        disclosure=tuple(_disclosure(plan, d, rows) for d in plan.datasets),
        handling=Handling(
            classification="OFFICIAL-SENSITIVE",
            retention_days=plan.retention_days,
            destroy_by=date.fromordinal(MADE_AT.date().toordinal() + plan.retention_days),
            contact="data.sharing@dwp.example",
            onward_sharing="Do not pass the data on without the Secretary of State's authority.",
            warning="Unlawful disclosure is an offence.",
            conditions=decision.conditions,
        ),
        encrypted_to=encrypted_to,
        made_by=MadeBy("0.1.0", "0" * 40, A_DIGEST, "", f"extract__{plan.request_id}", "manual__2026-11", 1),
        ledger=LedgerAnchor(41, ANOTHER_DIGEST),
        signer=keys.principal("service"),
        pseudonym_key="key-1",
    )


def a_parquet_file(path: Path, planned: PlannedDataset, rows: int) -> None:
    """Synthetic rows with exactly the planned columns and types."""
    fields, arrays = [], []
    for column in planned.columns:
        kind = _ARROW[column.delivered_type]
        if column.delivered_type is ColumnType.DECIMAL:
            kind = pyarrow.decimal128(column.precision, column.scale)
        fields.append(pyarrow.field(column.name, kind))
        arrays.append(pyarrow.array([_value(column.delivered_type, n) for n in range(rows)], kind))
    parquet.write_table(pyarrow.table(arrays, pyarrow.schema(fields)), path, store_schema=False)


def an_index_signer(keys: Keys, role: str = "service") -> IndexSigner:
    """Signs the index with the service's key, and judges it by `keys`."""

    def check(data: bytes, signature: str, at: datetime) -> None:
        signing.verify(data, signature, signing.INDEX, keys.allowed_signers, at)

    return IndexSigner(lambda data: keys.sign(data, role, signing.INDEX), check)


def revised(manifest: Manifest, revision: int = 2, reason: str = "Two councils were missing.") -> Manifest:
    """The same as a later revision."""
    delivery = manifest.delivery
    stem = delivery.id.rpartition(".r")[0]
    return replace(
        manifest,
        delivery=replace(
            delivery,
            id=f"{stem}.r{revision}",
            revision=revision,
            supersedes=f"{stem}.r{revision - 1}",
            reason=reason,
        ),
    )


def as_a_rehearsal(manifest: Manifest) -> Manifest:
    """The same as a rehearsal says it: by its names."""
    delivery = replace(manifest.delivery, id=f"TEST-{manifest.delivery.id}")
    files = tuple(replace(f, name=f"TEST-{f.name}", clear_name=f"TEST-{f.clear_name}") for f in manifest.files)
    return replace(manifest, delivery=delivery, files=files)


def with_delivery(manifest: Manifest, **changes: Any) -> Manifest:
    """The manifest with other facts of the delivery."""
    return replace(manifest, delivery=replace(manifest.delivery, **changes))


def with_agreement(manifest: Manifest, **changes: Any) -> Manifest:
    """The manifest with other facts of the agreement."""
    return replace(manifest, agreement=replace(manifest.agreement, **changes))


def _agreement(plan: ExtractPlan, decision: Decision, keys: Keys, deciders: tuple[str, str]) -> AgreementFacts:
    assert decision.valid_from is not None
    assert decision.valid_until is not None
    board, controller = (
        RecordedSignature(
            keys.principal(role), signing.key_fingerprint(keys.private(role).with_name(f"{role}.pub")), SIGNED_AT
        )
        for role in deciders
    )
    return AgreementFacts(
        id=plan.request_id,
        title="Pension Credit statistics for analysts",
        request_version=decision.request_version,
        request_digest=decision.request_digest,
        assessment_digest=decision.assessment_digest,
        policy_version=decision.policy_version,
        decision_digest=decision.digest,
        plan_digest=plan.digest,
        board=board,
        controller=controller,
        gateway=plan.gateway,
        gateway_title="Scotland Act 2016, section 34",
        lawful_basis=LawfulBasis("6(1)(e)", "9(2)(j)", "paragraph 4"),
        purpose_code=plan.purpose_code,
        purpose="Statistics on who receives Pension Credit, by council.",
        controllers=(Party("dwp", "Department for Work and Pensions (synthetic)", "independent controller"),),
        recipient=Party(plan.recipient, "Scottish Government analysts (synthetic)", "recipient"),
        identifiability=plan.identifiability.value,
        criticality=plan.criticality.value,
        valid_from=decision.valid_from,
        valid_until=decision.valid_until,
        review_on=plan.review_on,
    )


def _disclosure(plan: ExtractPlan, planned: PlannedDataset, rows: int) -> Disclosure:
    limits, asked = plan.limits, planned.quasi_identifiers
    small, share = limits.small_cells.value, limits.max_withheld_percent
    return Disclosure(planned.dataset, limits.k, small, share, asked, max(rows, limits.k) if asked else None)


def _source(planned: PlannedDataset) -> SourceFacts:
    return SourceFacts(
        dataset=planned.dataset,
        system="sample",
        relation=planned.relation,
        system_identifier="7300000000000000001",
        server_version="18.0",
        snapshot="1000:1000:",
        log_position="0/1A2B3C4D",
        loaded_at=datetime(2026, 11, 23, 5, 0, tzinfo=UTC),
        age_minutes=240,
        enforced_by="role",
        hold_list_loaded_at=datetime(2026, 11, 23, 5, 0, tzinfo=UTC),
        hold_list_entries=12,
        curated_view_digest=planned.view_digest,
        agreement_view_digest=A_DIGEST,
    )


def _value(kind: ColumnType, number: int) -> Any:
    return {
        ColumnType.STRING: f"value {number % 7}",
        ColumnType.INTEGER: number,
        ColumnType.DECIMAL: Decimal(number),
        ColumnType.DATE: date(2026, 11, 1 + number % 28),
        ColumnType.TIMESTAMP: MADE_AT,
        ColumnType.BOOLEAN: number % 2 == 0,
    }[kind]
