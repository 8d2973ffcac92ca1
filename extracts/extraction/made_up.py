"""Made-up rows of a plan's form, for rehearsals: nothing is read, and nothing in them could be taken for somebody.

Rules:
1. Columns, order and types are the plan's; values keep to the form that each treatment leaves, and to the values that
   a contract or a condition allows.
2. What would name a person is visibly made up: `TEST 1`, National Insurance numbers that start with QQ, postcodes in
   ZZ99, telephone numbers that are reserved for drama, pseudonyms that start with 7e57.
3. Rows differ in every column but those by which groups are formed: these are the same in all, so no group is small.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from extracts.agreement.plan import ExtractPlan, Operator, PlannedColumn, PlannedDataset
from extracts.canonical import digest_file
from extracts.catalogue.contract import Classification, ColumnType, Dataset
from extracts.extraction.finishing import schema_digest
from extracts.extraction.small_cells import asks_for_k
from extracts.extraction.treatment_sql import file_schema
from extracts.extraction.values import ExtractFile, Funnel

if TYPE_CHECKING:
    import pyarrow as pa

FEWEST = 20
_FIRST_DAY = date(2001, 1, 1)
_PRETENDED_AGE = 40
_DAYS = 3_650

Allowed = Mapping[str, Sequence[str]]
"""Column of the source -> the values that it may have."""


def made_up_file(plan: ExtractPlan, planned: PlannedDataset, dataset: Dataset, path: Path) -> ExtractFile:
    """A finished file of made-up rows at `path`: as many as the smallest group asks for, and at least 20."""
    from pyarrow import parquet

    rows = min(max(FEWEST, plan.limits.k), plan.limits.max_rows)
    table = made_up_rows(planned, allowed_values(planned, dataset), rows)
    parquet.write_table(table, path, compression="zstd", store_schema=False, write_statistics=False)
    return ExtractFile(
        dataset=planned.dataset,
        path=path,
        rows=rows,
        people=rows,
        bytes=path.stat().st_size,
        sha256=digest_file(path),
        schema_digest=schema_digest(planned),
        funnel=Funnel(source=rows, filtered=0, held=0, withheld=0, delivered=rows),
        smallest_group=rows if asks_for_k(plan, planned) else None,
    )


def allowed_values(planned: PlannedDataset, dataset: Dataset) -> dict[str, tuple[str, ...]]:
    """What the contract lists for each column, narrowed to what the plan's conditions let through."""
    found = {c.name: c.allowed_values for c in dataset.columns if c.allowed_values}
    for condition in planned.conditions:
        if condition.operator in (Operator.EQUALS, Operator.IN) and not condition.negated:
            found[condition.column] = condition.values
    return found


def made_up_rows(planned: PlannedDataset, allowed: Allowed, rows: int) -> pa.Table:
    """The table, with the schema of the finished file."""
    import pyarrow as pa

    schema = file_schema(planned)
    columns = []
    for column, field in zip(planned.columns, schema, strict=True):
        alike = column.name in planned.quasi_identifiers
        values = [_value(column, 0 if alike else n, allowed.get(column.source, ())) for n in range(rows)]
        columns.append(pa.array(values, field.type))
    return pa.table(columns, schema)


def _value(column: PlannedColumn, n: int, allowed: Sequence[str]) -> Any:
    treated = _TREATED.get(column.treatment_name)
    return _kept(column, n, allowed) if treated is None else treated(column, n, allowed)


def _kept(column: PlannedColumn, n: int, allowed: Sequence[str]) -> Any:
    if allowed:
        return _typed(column, allowed[n % len(allowed)])
    if column.delivered_type is ColumnType.STRING:
        return _text(column, n)
    if column.delivered_type is ColumnType.DECIMAL:
        return Decimal(n % 10 ** max(column.precision - column.scale, 0))
    return {
        ColumnType.INTEGER: n,
        ColumnType.DATE: _day(n),
        ColumnType.TIMESTAMP: datetime(2001, 1, 1, tzinfo=UTC) + timedelta(minutes=n),
        ColumnType.BOOLEAN: n % 2 == 0,
    }[column.delivered_type]


def _typed(column: PlannedColumn, text: str) -> Any:
    """A declared value, as the contract writes it, in the column's type."""
    read: Mapping[ColumnType, Callable[[str], Any]] = {
        ColumnType.STRING: str,
        ColumnType.INTEGER: int,
        ColumnType.DECIMAL: Decimal,
        ColumnType.DATE: date.fromisoformat,
        ColumnType.TIMESTAMP: datetime.fromisoformat,
        ColumnType.BOOLEAN: lambda value: value == "true",
    }
    return read[column.delivered_type](text)


def _text(column: PlannedColumn, n: int) -> str:
    made = _KINDS.get(column.identifier_kind)
    if made is not None:
        return made(n)
    return f"TEST address {n}" if column.classification is Classification.ADDRESS else f"TEST {n}"


_KINDS: Mapping[str, Callable[[int], str]] = {
    "nino": lambda n: f"QQ{n % 1_000_000:06d}C",
    "postcode": lambda n: f"ZZ99 {n % 10}ZZ",
    "e-mail": lambda n: f"test{n}@test.example",
    "phone": lambda n: f"01632 960{n % 1000:03d}",
}


def _day(n: int) -> date:
    return _FIRST_DAY + timedelta(days=n % _DAYS)


def _band(column: PlannedColumn) -> str:
    return f"<{Decimal(column.parameters[0]):f}"


def _age_band(column: PlannedColumn, n: int) -> str:
    width = int(Decimal(column.parameters[0]))
    low = (_PRETENDED_AGE // width + n % 3) * width
    return f"{low}-{low + width - 1}"


def _number(column: PlannedColumn, value: Decimal) -> Any:
    return int(value) if column.delivered_type is ColumnType.INTEGER else value


def _top(column: PlannedColumn, n: int) -> Any:
    return _number(column, min(Decimal(n), Decimal(column.parameters[0])))


_TREATED: Mapping[str, Callable[[PlannedColumn, int, Sequence[str]], Any]] = {
    "pseudonymise": lambda column, n, allowed: f"7e57{n:028x}",
    "year": lambda column, n, allowed: _day(n).year,
    "month": lambda column, n, allowed: f"{_day(31 * n):%Y-%m}",
    "quarter": lambda column, n, allowed: f"{_day(31 * n).year}-Q{(_day(31 * n).month + 2) // 3}",
    "age_band": lambda column, n, allowed: _age_band(column, n),
    "postcode_area": lambda column, n, allowed: "ZZ",
    "postcode_district": lambda column, n, allowed: "ZZ99",
    "postcode_sector": lambda column, n, allowed: f"ZZ99 {n % 10}",
    "council": lambda column, n, allowed: allowed[n % len(allowed)] if allowed else f"S99{n % 1_000_000:06d}",
    "round": lambda column, n, allowed: _number(column, n % 10 * Decimal(column.parameters[0])),
    "band": lambda column, n, allowed: _band(column),
    "top_code": lambda column, n, allowed: _top(column, n),
    "present": lambda column, n, allowed: True,
}
"""Every treatment but `keep`, by name; a test compares it with the catalogue's table."""
