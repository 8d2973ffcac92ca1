"""Makes the plan: the one place where a request becomes what will be done.

Rules, in order:
1. The assessment is of this very request, and every rule passed; else the plan is refused with what is wrong.
2. The floors hold, whatever the policy said: a lax policy cannot open what nobody may share.
3. Values and parameters are coerced to the contract's types; faults name the field, and the line if it is known.
4. Columns stand in the contract's order, datasets by name, conditions sorted: writing a request in another order makes
   the same plan.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial

from extracts.agreement.assessment import Assessment, Finding
from extracts.agreement.coercion import canonical_value
from extracts.agreement.plan import Division, ExtractPlan, Limits, SmallCells
from extracts.agreement.plan_floors import floor_problems
from extracts.agreement.planned_dataset import Faults, plan_dataset
from extracts.agreement.request import Request
from extracts.catalogue.contract import Dataset, Identifiability
from extracts.catalogue.parties import Parties
from extracts.documents import Document
from extracts.errors import PlanRefused


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
    faults = Faults(document or Document(request.request_id, {}))
    numbered = sorted(enumerate(request.datasets), key=lambda pair: pair[1].dataset)
    planned = tuple(
        plan_dataset(asked, datasets[asked.dataset], request, f"datasets.{number}", faults)
        for number, asked in numbered
    )
    division = _division(request, datasets, faults)
    faults.refuse()
    return ExtractPlan(
        request_id=request.request_id,
        recipient=request.recipient or "",
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
        division=division,
    )


def _check_assessed(request: Request, assessment: Assessment) -> None:
    if assessment.request_digest != request.digest:
        raise PlanRefused(
            f"{request.request_id}: the assessment is of another request or of other columns.",
            advice="Assess it again.",
        )
    if not assessment.passed:
        raise _refused(request, f"policy {assessment.policy_version}", map(_told, _failed(assessment)))


def _division(request: Request, datasets: Mapping[str, Dataset], faults: Faults) -> Division | None:
    if request.divided_by is None:
        return None
    column = request.divided_by.column
    declared = [c for d in request.datasets if (c := datasets[d.dataset].column(column))]
    for number, share in enumerate(request.recipients or ()):
        for place, value in enumerate(share.values):
            for each in declared:
                faults.attempt(f"recipients.{number}.values.{place}", partial(canonical_value, value, each))
    return request.division


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
