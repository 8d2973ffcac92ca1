"""The manifest: everything that is true of one delivery, in one signed document.

Rules:
1. It names every delivered file with its digest, except those that come after it: itself, its signature, SHA256SUMS.
2. It binds the finished clear file that was inspected to the encrypted file that is delivered.
3. It names the decision and the plan by digest, so that whoever holds the delivery can follow it back to two people.
4. It contradicts itself nowhere: counts add up, ids agree, times are in order. A manifest that does is not made,
   and not believed when read.
5. A rehearsal's manifest has the same fields, another predicate type, and names that begin with `TEST-`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated

from extracts.errors import InvalidDocument, Problem
from extracts.handover.facts import (
    AgreementFacts,
    DeliveryFacts,
    Disclosure,
    Fact,
    FileFacts,
    Handling,
    LedgerAnchor,
    MadeBy,
    Previous,
    Reconciliation,
    ReportFacts,
    SourceFacts,
)
from extracts.handover.rehearsal import marked
from extracts.handover.statement import Statement, read_json, read_statement

if TYPE_CHECKING:
    from pydantic import TypeAdapter

PREDICATE_TYPE = "https://governed-extracts.example/manifest/1"
REHEARSAL_TYPE = "https://governed-extracts.example/rehearsal/1"
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")

MANIFEST, MANIFEST_SIGNATURE, CHECKSUMS = "manifest.json", "manifest.json.sig", "SHA256SUMS"
PLAN, DECISION, README, LINEAGE = "plan.json", "decision.json", "README.txt", "openlineage.json"
BOARD_SIGNATURE, CONTROLLER_SIGNATURE = "decision.board.sig", "decision.controller.sig"
# What comes after the manifest cannot be named in it.
AFTER_THE_MANIFEST = (MANIFEST, MANIFEST_SIGNATURE, CHECKSUMS)
ALWAYS_THERE = (PLAN, DECISION, BOARD_SIGNATURE, CONTROLLER_SIGNATURE, README, LINEAGE)
# Source, workers and register are different machines: their clocks agree about as well as this.
CLOCKS_DIFFER_BY = timedelta(minutes=5)
_SAFE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,199}")


@dataclass(frozen=True)
class Manifest(Fact):
    """What the manifest says, without the list of files that goes around it."""

    delivery: Annotated[DeliveryFacts, "Which delivery."]
    agreement: Annotated[AgreementFacts, "Under which agreement."]
    files: Annotated[tuple[FileFacts, ...], "The data files."]
    sources: Annotated[tuple[SourceFacts, ...], "Where the data came from, one per dataset."]
    reconciliation: Annotated[tuple[Reconciliation, ...], "Where every source row went, one per dataset."]
    reports: Annotated[tuple[ReportFacts, ...], "What was checked, and how it came out."]
    disclosure: Annotated[tuple[Disclosure, ...], "How small groups are protected, one per dataset."]
    handling: Annotated[Handling, "What the recipient must, may and may not do."]
    encrypted_to: Annotated[tuple[str, ...], "The recipient's public keys (age) or their fingerprints (SSH)."]
    made_by: Annotated[MadeBy, "Which software, in which run."]
    ledger: Annotated[LedgerAnchor, "Where the controller's ledger stood."]
    signer: Annotated[str, "The service that signs this manifest; it cannot sign decisions."]
    pseudonym_key: Annotated[str, "Id of the pseudonym key (not the key); empty if nothing is pseudonymised."] = ""
    previous: Annotated[Previous | None, "The delivery of this agreement before this one; null for the first."] = None

    @property
    def is_rehearsal(self) -> bool:
        """Whether it tells of made-up rows that were sent to try the way."""
        return self.delivery.id.startswith(f"{marked(self.agreement.id)}.")

    @property
    def area_folder(self) -> str:
        """The name of its folder in the recipient's part of the transfer area, beside its index."""
        return self.named(self.agreement.id)

    @property
    def predicate_type(self) -> str:
        """What kind of statement it is."""
        return REHEARSAL_TYPE if self.is_rehearsal else PREDICATE_TYPE

    def named(self, name: str) -> str:
        """A name as this delivery or rehearsal carries it."""
        return marked(name) if self.is_rehearsal else name

    @property
    def contracts(self) -> dict[str, str]:
        """Dataset -> name of the delivered contract: `contract.yaml`, or one per dataset where there are several."""
        names = [f.dataset for f in self.files]
        return {n: "contract.yaml" if len(names) == 1 else f"contract.{n}.yaml" for n in names}

    @property
    def expected_names(self) -> tuple[str, ...]:
        """Every file of the delivery, sorted."""
        data = [f.name for f in self.files]
        return tuple(sorted([*data, *self.contracts.values(), *ALWAYS_THERE, *AFTER_THE_MANIFEST]))


def build_manifest(manifest: Manifest, subjects: Mapping[str, str]) -> bytes:
    """The bytes to sign. `subjects`: delivered file -> digest. Raises InvalidDocument if it contradicts itself."""
    _check(manifest, subjects, "the manifest to be signed")
    return Statement(subjects, manifest.predicate_type, asdict(manifest)).text()


def read_manifest(data: bytes, source: str = MANIFEST) -> tuple[Manifest, dict[str, str]]:
    """The manifest in `data` and its subjects (file -> digest). Raises InvalidDocument, naming the field."""
    from pydantic import ValidationError

    from extracts.canonical import canonical_json

    is_rehearsal = read_json(data, source).get("predicateType") == REHEARSAL_TYPE
    statement = read_statement(data, REHEARSAL_TYPE if is_rehearsal else PREDICATE_TYPE, source)
    try:
        manifest = _adapter().validate_json(canonical_json(statement.predicate))
    except ValidationError as error:
        problems = [Problem(".".join(str(p) for p in e["loc"]), e["msg"]) for e in error.errors(include_input=False)]
        raise InvalidDocument(source, problems) from None
    if Statement(statement.subjects, manifest.predicate_type, asdict(manifest)).text() != data:
        raise InvalidDocument(source, [Problem("file", "writes a value in another than its one form")])
    _check(manifest, statement.subjects, source)
    return manifest, dict(statement.subjects)


@cache
def _adapter() -> TypeAdapter[Manifest]:
    from pydantic import TypeAdapter

    return TypeAdapter(Manifest)


def _check(manifest: Manifest, subjects: Mapping[str, str], source: str) -> None:
    problems = [
        *_name_problems(manifest, subjects),
        *_delivery_problems(manifest),
        *_file_problems(manifest, subjects),
        *_count_problems(manifest),
        *_report_problems(manifest),
    ]
    if problems:
        raise InvalidDocument(source, problems)


def _name_problems(manifest: Manifest, subjects: Mapping[str, str]) -> Iterator[Problem]:
    wanted = set(manifest.expected_names) - set(AFTER_THE_MANIFEST)
    if wanted != set(subjects):
        odd = ", ".join(sorted(wanted ^ set(subjects)))
        yield Problem("subject", f"must name exactly the files of this delivery; differs in: {odd}")
    for name, digest in subjects.items():
        if not _SAFE_NAME.fullmatch(name):
            yield Problem("subject.name", "is not a plain file name")
        if not DIGEST.fullmatch(digest):
            yield Problem(f"subject.{name}", "has no SHA-256 digest")


def _delivery_problems(manifest: Manifest) -> Iterator[Problem]:
    delivery, agreement = manifest.delivery, manifest.agreement
    begins, ends = f"{manifest.area_folder}.{delivery.period}", f"r{delivery.revision}"
    if delivery.id not in (f"{begins}.{ends}", f"{begins}.{agreement.recipient.id}.{ends}"):
        what = "is not <request id>.<period>.r<revision>, after TEST- for a rehearsal; where an agreement has several"
        yield Problem("delivery.id", f"{what} recipients, with <recipient> before the revision")
    stem = delivery.id.removesuffix(str(delivery.revision))
    first = delivery.revision == 1 and not delivery.supersedes and not delivery.reason
    later = delivery.revision > 1 and delivery.reason and delivery.supersedes.startswith(stem)
    if not (first or later) or delivery.supersedes == delivery.id:
        yield Problem("delivery.revision", "a later revision, and no other, names which one it supersedes and why")
    if not delivery.period_first <= delivery.period_last:
        yield Problem("delivery.period_last", "lies before the period's first day")
    yield from _time_problems(delivery)
    if not agreement.valid_from <= delivery.made_at.date() <= agreement.valid_until:
        yield Problem("delivery.made_at", "lies outside the decision's validity")
    if manifest.previous and manifest.previous.delivery_id == delivery.id:
        yield Problem("previous.delivery_id", "is this delivery itself")


def _time_problems(delivery: DeliveryFacts) -> Iterator[Problem]:
    times = (delivery.data_as_at, delivery.extracted_at, delivery.made_at)
    if any(t.tzinfo is None for t in times):
        yield Problem("delivery.made_at", "must have a zone, as the other times must")
    elif any(earlier > later + CLOCKS_DIFFER_BY for earlier, later in pairwise(times)):
        yield Problem("delivery.made_at", "must follow extracted_at, and that data_as_at")


def _file_problems(manifest: Manifest, subjects: Mapping[str, str]) -> Iterator[Problem]:
    if not manifest.files:
        yield Problem("files", "there is none")
    for file in manifest.files:
        clear = manifest.named(f"{file.dataset}.parquet")
        if (file.clear_name, file.name) != (clear, f"{clear}.age"):
            yield Problem(f"files.{file.dataset}", "must be named <dataset>.parquet, and .age when encrypted")
        if subjects.get(file.name) != file.sha256:
            yield Problem(f"files.{file.dataset}.sha256", "is not the digest that the subject list gives")
        if len({c.name for c in file.columns}) != len(file.columns) or not file.columns:
            yield Problem(f"files.{file.dataset}.columns", "must be there, each name once")
    for name, digest in ((PLAN, manifest.agreement.plan_digest), (DECISION, manifest.agreement.decision_digest)):
        if subjects.get(name) != digest:
            yield Problem(f"subject.{name}", "is not the digest that the agreement gives")


def _count_problems(manifest: Manifest) -> Iterator[Problem]:
    datasets = [f.dataset for f in manifest.files]
    for part in ("sources", "reconciliation", "disclosure"):
        if [p.dataset for p in getattr(manifest, part)] != datasets:
            yield Problem(part, "must have one entry per data file, in their order")
    for file, funnel in zip(manifest.files, manifest.reconciliation, strict=False):
        parts = (funnel.filtered, funnel.held, funnel.withheld, funnel.delivered)
        if min(parts) < 0 or sum(parts) != funnel.source or funnel.delivered != file.rows:
            yield Problem(f"reconciliation.{file.dataset}", "does not add up to the source's or the file's rows")


def _report_problems(manifest: Manifest) -> Iterator[Problem]:
    if not manifest.reports:
        yield Problem("reports", "nothing was checked")
    for report in manifest.reports:
        made = [c for c in report.checks if not c.not_applicable]
        if not made or not all(c.passed for c in made):
            yield Problem(f"reports.{report.title}", "a check failed or none was made: nothing may leave")
        if any(c.passed and c.not_applicable for c in report.checks):
            yield Problem(f"reports.{report.title}", "a check that was not made cannot have passed")
