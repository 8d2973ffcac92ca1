"""Makes the plan: the one place where a request becomes what will be done.

Rules, in order:
1. The assessment is of this very request, and every rule passed; else the plan is refused with what is wrong.
2. The floors hold, whatever the policy said: a lax policy cannot open what nobody may share.
3. Values and parameters are coerced to the contract's types; faults name the field, and the line if it is known.
4. Columns stand in the contract's order, datasets by name, conditions sorted: writing a request in another order makes
   the same plan.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import TypeVar

from extracts.agreement.assessment import Assessment, Finding
from extracts.agreement.coercion import plan_condition, plan_parameters
from extracts.agreement.plan import (
    Condition,
    ExtractPlan,
    Limits,
    PlannedColumn,
    PlannedDataset,
    SafeAddress,
    SmallCells,
)
from extracts.agreement.plan_floors import floor_problems, tells_address
from extracts.agreement.request import Request
from extracts.agreement.request_rows import DatasetAsked
from extracts.catalogue.contract import (
    Column,
    Dataset,
    Identifiability,
    Identifier,
)
from extracts.catalogue.parties import Parties
from extracts.catalogue.treatments import TREATMENTS
from extracts.documents import Document
from extracts.errors import InvalidDocument, PlanRefused, Problem

T = TypeVar("T")


def make_plan(
    request: Request,
    datasets: Mapping[str, Dataset],
    parties: Parties,
    assessment: Assessment,
    document: Document | None = None,
) -> ExtractPlan:
    """The plan of an assessed request (without the columns that were refused). `document` gives faults their lines.

    Raises PlanRefused with every violation and gap; InvalidDocument for a value that its column cannot have.
    """
    _check_assessed(request, assessment)
    if below := floor_problems(request, datasets, parties):
        raise _refused(request, "what no policy can permit", below)
    problems = _Problems(document or Document(request.request_id, {}))
    numbered = sorted(enumerate(request.datasets), key=lambda pair: pair[1].dataset)
    planned = tuple(
        _planned(asked, datasets[asked.dataset], request, f"datasets.{number}", problems) for number, asked in numbered
    )
    problems.refuse()
    return ExtractPlan(
        request_id=request.request_id,
        recipient=request.recipient,
        gateway=request.legal.gateway,
        purpose_code=request.purpose.code,
        identifiability=request.identifiability,
        criticality=request.criticality,
        frequency=request.schedule.frequency.value,
        schedule=request.schedule.text(),
        start_on=request.schedule.start_on,
        end_on=request.schedule.end_on,
        review_on=request.schedule.review_on,
        retention_days=request.retention.days,
        format=request.transfer.format.value,
        limits=_limits(request),
        datasets=planned,
    )


class _Problems:
    """Collects faults, so that a requester sees all of them at once."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.found: list[Problem] = []

    def attempt(self, path: str, make: Callable[[], T]) -> T | None:
        try:
            return make()
        except ValueError as error:
            self.add(path, str(error))
            return None

    def add(self, path: str, message: str) -> None:
        self.found.append(self.document.problem(path, message))

    def refuse(self) -> None:
        if self.found:
            raise InvalidDocument(self.document.source, self.found)


def _check_assessed(request: Request, assessment: Assessment) -> None:
    if assessment.request_digest != request.digest:
        raise PlanRefused(
            f"{request.request_id}: the assessment is of another request or of other columns.",
            advice="Assess it again.",
        )
    if not assessment.passed:
        raise _refused(request, f"policy {assessment.policy_version}", map(_told, _failed(assessment)))


def _planned(asked: DatasetAsked, source: Dataset, request: Request, path: str, problems: _Problems) -> PlannedDataset:
    columns = _columns(asked, source, path, problems)
    pseudonymised = request.identifiability is Identifiability.PSEUDONYMISED
    quasi = tuple(c.name for c in columns if c.identifier is Identifier.QUASI) if pseudonymised else ()
    return PlannedDataset(
        dataset=source.name,
        major_version=source.major_version,
        relation=source.relation,
        view_digest=source.view_digest,
        columns=columns,
        conditions=_conditions(asked, source, path, problems),
        key=source.key,
        persons=source.persons,
        period_column=source.period_column,
        period_kind=source.period_kind,
        restricted_column=source.restricted_column,
        safe_address_column=source.safe_address_column,
        safe_address=asked.safe_address,
        quasi_identifiers=quasi,
        load_tables=source.load_tables,
        max_age_hours=request.quality.freshness_max_age_hours,
    )


def _columns(asked: DatasetAsked, source: Dataset, path: str, problems: _Problems) -> tuple[PlannedColumn, ...]:
    order = {column.name: place for place, column in enumerate(source.columns)}
    numbered = sorted(enumerate(asked.columns), key=lambda pair: order[pair[1].name])
    kept = []
    for number, wanted in numbered:
        column = source.columns[order[wanted.name]]
        # Withheld for everyone: a column that is blank for some would tell who they are.
        if asked.safe_address is SafeAddress.WITHHOLD_COLUMNS and tells_address(column, wanted):
            continue
        where = f"{path}.columns.{number}.treatment"
        parameters = problems.attempt(where, partial(plan_parameters, wanted.treatment, column))
        kept.append(_column(column, wanted.treatment.name, parameters or ()))
    names = [c.name for c in kept]
    for double in sorted({n for n in names if names.count(n) > 1}):
        problems.add(path, f"two columns would both be delivered as {double}")
    if not kept:
        problems.add(path, "no column is left once addresses are withheld")
    return tuple(kept)


def _column(column: Column, treatment: str, parameters: tuple[str, ...]) -> PlannedColumn:
    how = TREATMENTS[treatment]
    return PlannedColumn(
        name=column.name + how.suffix,
        source=column.name,
        type=column.type,
        precision=column.precision,
        scale=column.scale,
        unit=column.unit,
        meaning=column.meaning,
        classification=column.classification,
        identifier=column.identifier,
        identifier_kind=column.identifier_kind,
        treatment=how.reference,
        parameters=parameters,
        delivered_type=how.result or column.type,
    )


def _conditions(asked: DatasetAsked, source: Dataset, path: str, problems: _Problems) -> tuple[Condition, ...]:
    found: set[Condition] = set()
    for number, condition in enumerate(asked.rows):
        column = next(c for c in source.columns if c.name == condition.column)
        where = f"{path}.rows.{number}"
        made = problems.attempt(where, partial(plan_condition, condition, column))
        found |= {made} if made else set()
    return tuple(sorted(found))


def _limits(request: Request) -> Limits:
    asked = request.limits
    limits = Limits(
        max_rows=asked.max_rows,
        max_deliveries=asked.max_deliveries,
        min_rows=asked.min_rows,
        change_percent=asked.change_percent,
        k=asked.k,
        small_cells=asked.small_cells,
        max_withheld_percent=asked.max_withheld_percent if asked.small_cells is SmallCells.WITHHOLD else 0,
    )
    if request.identifiability is Identifiability.PSEUDONYMISED:
        return limits
    # Rows about known people form no groups: what is written about them has no meaning, and must not make a digest.
    return replace(limits, k=0, small_cells=SmallCells.STOP, max_withheld_percent=0)


def _failed(assessment: Assessment) -> tuple[Finding, ...]:
    return assessment.violations + assessment.gaps


def _told(finding: Finding) -> str:
    columns = f" [{', '.join(finding.columns)}]" if finding.columns else ""
    return f"{finding.rule} ({finding.outcome}) {finding.message}{columns}; {finding.fix}"


def _refused(request: Request, by: str, reasons: Iterable[str]) -> PlanRefused:
    return PlanRefused(
        f"{request.request_id} version {request.version} is stopped by {by}: " + " | ".join(reasons),
        advice="Mend what is named and send a new version, or ask for less.",
    )
