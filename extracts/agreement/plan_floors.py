"""What of a request lies below the floors, whatever its assessment says: the plan's maker asks this last."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from extracts.agreement.floors import filter_problem, treatment_problem
from extracts.agreement.plan import Operator, SafeAddress
from extracts.agreement.request import Request
from extracts.agreement.request_rows import ColumnAsked, DatasetAsked
from extracts.catalogue.contract import Classification, Column, ColumnType, Dataset, Identifiability, PeriodKind
from extracts.catalogue.parties import Parties


def floor_problems(request: Request, datasets: Mapping[str, Dataset], parties: Parties) -> list[str]:
    """Every reason, in words, why no plan may be made of this request; empty if there is none."""
    found = []
    found += [f"recipient {r} is not declared" for r in request.recipient_ids if r not in parties.recipients]
    if request.legal.gateway not in parties.gateways:
        found.append(f"gateway {request.legal.gateway} is not declared")
    found += [f"dataset {d.dataset} is not declared" for d in request.datasets if d.dataset not in datasets]
    sources = [(d, datasets[d.dataset]) for d in request.datasets if d.dataset in datasets]
    for asked, source in sources:
        found += _column_floors(asked, source, request.identifiability)
        found += _row_floors(asked, source)
        found += _division_floors(request, source)
        found += _person_floors(asked, source)
    if len({source.period_kind is PeriodKind.AS_AT_NOW for _, source in sources}) > 1:
        found.append("datasets that show the present stand beside datasets that show a period")
    return found


def tells_address(column: Column, asked: ColumnAsked) -> bool:
    """Whether the column, treated so, tells an address or a part of one; a mere mark of presence does not."""
    return column.classification is Classification.ADDRESS and asked.treatment.name != "present"


def _column_floors(asked: DatasetAsked, source: Dataset, form: Identifiability) -> Iterable[str]:
    for column in asked.columns:
        declared = source.column(column.name)
        if declared is None:
            yield f"{source.name}.{column.name} is not declared"
        elif why := treatment_problem(declared, column.treatment.name, form):
            yield why


def _row_floors(asked: DatasetAsked, source: Dataset) -> Iterable[str]:
    for condition in asked.rows:
        declared = source.column(condition.column)
        if declared is None:
            yield f"{source.name}.{condition.column} is not declared"
        elif why := filter_problem(declared, condition.comparison()[0]):
            yield why


def _division_floors(request: Request, source: Dataset) -> Iterable[str]:
    if request.divided_by is None:
        return
    declared = source.column(request.divided_by.column)
    if declared is None:
        yield f"{source.name}.{request.divided_by.column}, by which rows are divided, is not declared"
    elif why := filter_problem(declared, Operator.IN):
        yield why
    elif declared.type is not ColumnType.STRING:
        yield f"{source.name}.{declared.name} is a {declared.type}: rows are divided by a column of text"


def _person_floors(asked: DatasetAsked, source: Dataset) -> Iterable[str]:
    if not source.restricted_column or not source.persons:
        yield f"{source.name} does not tell restricted records or persons"
    if asked.safe_address is not SafeAddress.NOT_APPLICABLE:
        if not source.safe_address_column:
            yield f"{source.name} has no safe-address marker"
    elif any((column := source.column(c.name)) and tells_address(column, c) for c in asked.columns):
        yield f"{source.name} would deliver addresses of people whose address must stay hidden"
