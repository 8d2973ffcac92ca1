"""What a manifest says, part by part: counts, names, digests and dates, never a person's value and never a key.

Each field carries its own sentence; `reference` prints them as the manifest's documentation, so that the two agree.
Empty text means that the thing does not apply. Times are aware UTC; digests are written `sha256:<hex>`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, ClassVar

# Read by pydantic: an unknown field, or text where a number belongs, is refused.
_STRICT: dict[str, Any] = {"extra": "forbid", "strict": True}


class Fact:
    """Base of all parts: read strictly from JSON."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT


@dataclass(frozen=True)
class DeliveryFacts(Fact):
    """Which delivery this is, and of what moment its data are."""

    id: Annotated[str, "Delivery id: `<request id>.<period>.r<revision>`."]
    period: Annotated[str, "Label of the period: `2026-11`, `2026-Q4`, `2026-W47` or a date."]
    period_first: Annotated[date, "First day of the period, inclusive."]
    period_last: Annotated[date, "Last day of the period, inclusive."]
    revision: Annotated[int, "1 for the first delivery of a period; a correction counts up."]
    data_as_at: Annotated[datetime, "The moment of the source's snapshot: the data are as they were then."]
    extracted_at: Annotated[datetime, "When the extract was finished."]
    made_at: Annotated[datetime, "When this manifest was made and signed."]
    supersedes: Annotated[str, "The delivery that this one replaces; empty for a first delivery."] = ""
    reason: Annotated[str, "Why the superseded delivery was replaced."] = ""


@dataclass(frozen=True)
class RecordedSignature(Fact):
    """A signature on the decision, as the controller's ledger recorded it."""

    principal: Annotated[str, "Who signed, as the controller's `allowed_signers` names them."]
    key: Annotated[str, "Fingerprint of the key that signed (`SHA256:...`)."]
    recorded_at: Annotated[datetime, "When the ledger recorded the signature; it is judged at this time."]


@dataclass(frozen=True)
class Party(Fact):
    """An organisation and what it is here."""

    id: Annotated[str, "Short id, as in the controller's register of parties."]
    name: Annotated[str, "Name of the organisation."]
    role: Annotated[str, "Its role: independent controller, joint controller, processor, recipient."]


@dataclass(frozen=True)
class LawfulBasis(Fact):
    """The basis in data protection law. It is not the power to share: that is the gateway."""

    article_6: Annotated[str, "UK GDPR article 6 basis."]
    article_9: Annotated[str, "UK GDPR article 9 condition, if special category data are shared."] = ""
    schedule_1: Annotated[str, "Data Protection Act 2018, Schedule 1 paragraph, if article 9 needs one."] = ""


@dataclass(frozen=True)
class AgreementFacts(Fact):
    """Under which agreement: the request, the decision on it, and the plan that was approved."""

    id: Annotated[str, "Id of the agreement: the request's id, the same over versions and renewals."]
    title: Annotated[str, "The request's title."]
    request_version: Annotated[int, "Version of the request that was decided."]
    request_digest: Annotated[str, "Digest of that version."]
    assessment_digest: Annotated[str, "Digest of the assessment that was before the deciders."]
    policy_version: Annotated[str, "Version of the policy statement it was assessed against."]
    decision_digest: Annotated[str, "Digest of `decision.json`."]
    plan_digest: Annotated[str, "Digest of `plan.json`, which the decision binds."]
    board: Annotated[RecordedSignature, "The Board's signature on the decision."]
    controller: Annotated[RecordedSignature, "The Controller's signature on the decision."]
    gateway: Annotated[str, "Id of the statutory power under which data are shared."]
    gateway_title: Annotated[str, "Its title."]
    lawful_basis: Annotated[LawfulBasis, "The basis in data protection law."]
    purpose_code: Annotated[str, "Code of the purpose, permitted by the gateway."]
    purpose: Annotated[str, "The purpose in words. Any other use is outside the agreement."]
    controllers: Annotated[tuple[Party, ...], "Who is controller of the data, and how."]
    recipient: Annotated[Party, "Who receives this delivery."]
    identifiability: Annotated[str, "`identified` or `pseudonymised`."]
    criticality: Annotated[str, "`entitlement`, `operational` or `analysis`."]
    valid_from: Annotated[date, "First day of the decision."]
    valid_until: Annotated[date, "Last day of the decision."]
    review_on: Annotated[date, "When the agreement is to be reviewed."]
    policy_digest: Annotated[str, "Digest of the policy statement that it was assessed against."] = ""
    policy_in_force_digest: Annotated[str, "Digest of the policy statement in force when this was made."] = ""


@dataclass(frozen=True)
class ColumnFacts(Fact):
    """One delivered column, and what it was made from."""

    name: Annotated[str, "Name in the file."]
    type: Annotated[str, "Delivered type: string, integer, decimal, date, timestamp or boolean."]
    source: Annotated[str, "Column of the source's curated view."]
    treatment: Annotated[str, "What was done to it: `name@version`."]
    parameters: Annotated[tuple[str, ...], "The treatment's parameters, in order."]
    classification: Annotated[str, "Classification of the source column."]


@dataclass(frozen=True)
class FileFacts(Fact):
    """One data file: clear as it was inspected, encrypted as it is delivered."""

    dataset: Annotated[str, "The source dataset."]
    name: Annotated[str, "Name of the delivered, encrypted file."]
    sha256: Annotated[str, "Digest of the encrypted file."]
    bytes: Annotated[int, "Size of the encrypted file."]
    clear_name: Annotated[str, "Name of the file after decryption."]
    clear_sha256: Annotated[str, "Digest of the clear file, as it was inspected."]
    clear_bytes: Annotated[int, "Size of the clear file."]
    rows: Annotated[int, "Rows in it."]
    people: Annotated[int, "Different people in it."]
    schema_digest: Annotated[str, "Digest of the clear file's schema."]
    contract_version: Annotated[str, "Version of the dataset's contract."]
    contract_digest: Annotated[str, "Digest of the source's contract."]
    columns: Annotated[tuple[ColumnFacts, ...], "Its columns, in order: exactly these and no other."]


@dataclass(frozen=True)
class SourceFacts(Fact):
    """Where the rows of a dataset came from, at which moment, and who made sure that nothing else was read."""

    dataset: Annotated[str, "The dataset."]
    system: Annotated[str, "Name of the source system."]
    relation: Annotated[str, "The curated view it is drawn from."]
    system_identifier: Annotated[str, "The database's own identifier."]
    server_version: Annotated[str, "The database's version."]
    snapshot: Annotated[str, "The snapshot that all datasets of this delivery share."]
    log_position: Annotated[str, "Position of the write-ahead log, as observed."]
    loaded_at: Annotated[datetime, "When the source was last loaded."]
    age_minutes: Annotated[int, "Age of the source's data at the snapshot, in minutes."]
    enforced_by: Annotated[
        str,
        "Who made sure that nothing else was read. `role`: PostgreSQL, by the agreement's own view and role; `query`: "
        "our query of PostgreSQL alone; `view`: MariaDB, by views and a role of the agreement's own, which show of "
        "rows that are left out only what decides about them; `select`: our SELECT of the planned columns and rows, "
        "compiled by SQLAlchemy; `scan`: our reader's projection and filter over Parquet files.",
    ]
    hold_list_loaded_at: Annotated[datetime, "When the list of people to be left out was last loaded."]
    hold_list_entries: Annotated[int, "Entries of that list, as it declares and as counted."]
    curated_view_digest: Annotated[str, "Digest of the curated view's definition, as found."]
    agreement_view_digest: Annotated[str, "Digest of the agreement's own view, as found; empty if there is none."]


@dataclass(frozen=True)
class Reconciliation(Fact):
    """Rows of one dataset in one snapshot: source = filtered + held + withheld + delivered."""

    dataset: Annotated[str, "The dataset."]
    source: Annotated[int, "Rows of the curated view."]
    filtered: Annotated[int, "Left out by the plan's conditions or period."]
    held: Annotated[int, "Left out by a hold or a restriction."]
    withheld: Annotated[int, "Left out by the safe-address rule or as small cells."]
    delivered: Annotated[int, "Rows delivered."]


@dataclass(frozen=True)
class CheckFacts(Fact):
    """One check, in counts. Either it was made and passed, or it cannot concern this delivery."""

    name: Annotated[str, "The expectation or check."]
    target: Annotated[str, "What it was made on: a dataset or column."]
    passed: Annotated[bool, "Whether it was made and passed."]
    detail: Annotated[str, "Counts; never a value."] = ""
    not_applicable: Annotated[str, "Why it was not made: what it is about is not in this delivery."] = ""


@dataclass(frozen=True)
class ReportFacts(Fact):
    """One report of checks. A delivery exists only if every check that applies was made and passed."""

    title: Annotated[str, "What was checked: the source, the release, the finished file."]
    suite: Annotated[str, "Suite of checks and its version."]
    checks: Annotated[tuple[CheckFacts, ...], "Every check of it, those that do not apply included."]


@dataclass(frozen=True)
class Disclosure(Fact):
    """How small groups of people are protected in one dataset."""

    dataset: Annotated[str, "The dataset."]
    k: Annotated[int, "Smallest group allowed, in people; 0 where the plan asks for none."]
    small_cells: Annotated[str, "What happens to smaller groups: `stop` or `withhold`."]
    max_withheld_percent: Annotated[int, "Largest share of rows that may be withheld for it."]
    quasi_identifiers: Annotated[tuple[str, ...], "The columns that form the groups."]
    smallest_group: Annotated[int | None, "Smallest group found, in people; null if not asked for."] = None


@dataclass(frozen=True)
class Handling(Fact):
    """What the recipient must, may and may not do."""

    classification: Annotated[str, "Marking of the delivery."]
    retention_days: Annotated[int, "How long the data may be kept, in days."]
    destroy_by: Annotated[date, "The day by which every copy must be destroyed."]
    contact: Annotated[str, "Whom to tell: receipt, questions, incidents, destruction."]
    onward_sharing: Annotated[str, "Whether the data may be passed on, and on whose authority."]
    warning: Annotated[str, "The offence that the gateway's Act makes of unlawful disclosure, if any."] = ""
    conditions: Annotated[tuple[str, ...], "Conditions of the decision."] = ()
    special_conditions: Annotated[
        tuple[str, ...], "Conditions that the request itself made, and that were approved."
    ] = ()


@dataclass(frozen=True)
class MadeBy(Fact):
    """Which software made it, in which run."""

    version: Annotated[str, "Version of the software."]
    commit: Annotated[str, "Commit of its source."]
    lock_digest: Annotated[str, "Digest of the file that pins every library."]
    image_digest: Annotated[str, "Digest of the container image, if it ran in one."]
    dag: Annotated[str, "The DAG; empty for a run without Airflow."]
    run: Annotated[str, "The run."]
    try_number: Annotated[int, "Which try of it."]
    code_digest: Annotated[str, "Digest over the software's own files, as they were installed."] = ""


@dataclass(frozen=True)
class LedgerAnchor(Fact):
    """Where the controller's ledger stood: whoever cuts or rewrites it later contradicts this manifest."""

    sequence: Annotated[int, "Number of the ledger's last event when this was signed."]
    head: Annotated[str, "Digest of that event."]


@dataclass(frozen=True)
class Previous(Fact):
    """The delivery of this agreement before this one: a missing delivery breaks the chain."""

    delivery_id: Annotated[str, "Its id."]
    manifest_digest: Annotated[str, "Digest of its `manifest.json`."]
