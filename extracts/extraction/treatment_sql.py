"""Compiles the catalogue's treatments to DuckDB's SQL: one expression per delivered column.

Rules:
1. What a treatment cannot read becomes null, never the clear value: a malformed postcode, a date outside the years
   1 to 9999.
2. Decimals stay exact: no step goes through a floating-point number. Halves are rounded away from zero.
3. A value that the file's type cannot hold stops the run (`UNFIT`); it is never cut or bent.
4. Ages are whole years on the snapshot's date; who was born on 29 February has their birthday on 1 March in other
   years (Age of Legal Capacity (Scotland) Act 1991, section 6(2)).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import TYPE_CHECKING

from extracts.agreement.plan import PlannedColumn, PlannedDataset
from extracts.catalogue.contract import ColumnType
from extracts.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa

UNFIT = "extracts-unfit-value"
"""The text by which the engine knows its own refusal again."""

_OUTWARD = "([A-Z]{1,2})[0-9][A-Z0-9]?"
_COUNCIL = "[A-Z][0-9]{8}"
_TYPES = {
    ColumnType.STRING: "VARCHAR",
    ColumnType.INTEGER: "INTEGER",
    ColumnType.DATE: "DATE",
    ColumnType.TIMESTAMP: "TIMESTAMP WITH TIME ZONE",
    ColumnType.BOOLEAN: "BOOLEAN",
}


def file_type(column: PlannedColumn) -> str:
    """The type of a delivered column in the file, as DuckDB names it."""
    if column.delivered_type is ColumnType.DECIMAL:
        return f"DECIMAL({column.precision},{column.scale})"
    return _TYPES[column.delivered_type]


def file_schema(planned: PlannedDataset) -> pa.Schema:
    """The Arrow schema of the finished file: the planned columns in order, and no metadata."""
    import pyarrow as pa

    types = {
        ColumnType.STRING: pa.string(),
        ColumnType.INTEGER: pa.int32(),
        ColumnType.DATE: pa.date32(),
        ColumnType.TIMESTAMP: pa.timestamp("us", tz="UTC"),
        ColumnType.BOOLEAN: pa.bool_(),
    }
    return pa.schema(
        [
            (
                c.name,
                pa.decimal128(c.precision, c.scale)
                if c.delivered_type is ColumnType.DECIMAL
                else types[c.delivered_type],
            )
            for c in planned.columns
        ]
    )


def treated(column: PlannedColumn, on: date) -> str:
    """The treated column as an expression over the source's column, of the file's type. `on`: the snapshot's date.

    Pseudonyms are not made here but in `pseudonym`. Raises UsageError for senseless parameters.
    """
    expression = _COMPILERS[column.treatment_name](column, f'"{column.source}"', on)
    return _fitting(expression, file_type(column)) if column.treatment_name in _MAY_NOT_FIT else expression


def _fitting(expression: str, type: str) -> str:
    # TRY_CAST turns what does not fit into null; a null that was not one before is told apart and stops the run.
    return f"CASE WHEN {expression} IS NOT NULL THEN coalesce(TRY_CAST({expression} AS {type}), error('{UNFIT}')) END"


def _keep(column: PlannedColumn, value: str, on: date) -> str:
    if column.type in (ColumnType.DATE, ColumnType.TIMESTAMP):  # the curated view has every other type exactly
        fits = f"isfinite({value}) AND {value} BETWEEN '0001-01-01' AND '9999-12-31'"
        return f"CASE WHEN {value} IS NULL OR ({fits}) THEN {value} ELSE error('{UNFIT}') END"
    return value


def _dated(part: Callable[[str], str]) -> Callable[[PlannedColumn, str, date], str]:
    def compiled(column: PlannedColumn, value: str, on: date) -> str:
        day = f"CAST({value} AS DATE)"
        readable = f"isfinite({value}) AND {day} BETWEEN DATE '0001-01-01' AND DATE '9999-12-31'"
        return f"CASE WHEN {readable} THEN {part(day)} END"

    return compiled


def _age_band(column: PlannedColumn, value: str, on: date) -> str:
    width = _whole_number(column)
    before_birthday = f"(month({value}), day({value})) > ({on.month}, {on.day})"
    age = f"({on.year} - year({value}) - CASE WHEN {before_birthday} THEN 1 ELSE 0 END)"
    low = f"({age} // {width} * {width})"
    readable = f"isfinite({value}) AND {value} BETWEEN DATE '0001-01-01' AND DATE '{on.isoformat()}'"
    return f"CASE WHEN {readable} THEN {low} || '-' || ({low} + {width - 1}) END"


def _postcode(usual: str, parts: str) -> Callable[[PlannedColumn, str, date], str]:
    """usual: the part of a postcode in its usual form, `KY1 1AB`; parts: that of any other form, by group number."""

    def compiled(column: PlannedColumn, value: str, on: date) -> str:
        bare = f"upper(replace({value}, ' ', ''))"
        found = f"regexp_replace({bare}, '^({_OUTWARD})([0-9])[A-Z]{{2}}$', '{parts}')"
        return (
            f"CASE WHEN regexp_full_match({value}, '{_OUTWARD} [0-9][A-Z]{{2}}') THEN {usual.format(v=value)}"
            f" WHEN regexp_full_match({bare}, '{_OUTWARD}[0-9][A-Z]{{2}}') THEN {found} END"
        )

    return compiled


def _council(column: PlannedColumn, value: str, on: date) -> str:
    return f"CASE WHEN regexp_full_match({value}, '{_COUNCIL}') THEN {value} END"


def _round(column: PlannedColumn, value: str, on: date) -> str:
    step = _number(column, column.parameters[0])
    if step <= 0:
        raise UsageError(f"{column.name}: a value cannot be rounded to a multiple of {step}.")
    wide = _exact(column, value)
    left = f"(abs({wide}) % {_literal(step)})"
    down = f"(abs({wide}) - {left})"
    up = f"CASE WHEN {left} * 2 >= {_literal(step)} THEN {down} + {_literal(step)} ELSE {down} END"
    return f"CASE WHEN {wide} < 0 THEN -({up}) ELSE {up} END"


def _band(column: PlannedColumn, value: str, on: date) -> str:
    limits = [_number(column, p) for p in column.parameters]
    if not limits or sorted(set(limits)) != limits:
        raise UsageError(f"{column.name}: the limits of bands must rise.")
    wide = _exact(column, value)
    tests = [f"WHEN {wide} IS NULL THEN NULL", f"WHEN {wide} < {_literal(limits[0])} THEN '<{limits[0]:f}'"]
    tests += [f"WHEN {wide} < {_literal(high)} THEN '{low:f}-<{high:f}'" for low, high in pairwise(limits)]
    return f"CASE {' '.join(tests)} ELSE '>={limits[-1]:f}' END"


def _top_code(column: PlannedColumn, value: str, on: date) -> str:
    top = _number(column, column.parameters[0])
    wide = _exact(column, value)
    return f"CASE WHEN {wide} > {_literal(top)} THEN {_literal(top)} ELSE {wide} END"


def _present(column: PlannedColumn, value: str, on: date) -> str:
    if column.type is ColumnType.STRING:
        return f"coalesce(trim({value}) <> '', false)"
    return f"{value} IS NOT NULL"


def _exact(column: PlannedColumn, value: str) -> str:
    return f"CAST({value} AS DECIMAL(38,{max(column.scale, 6)}))"


def _literal(number: Decimal) -> str:
    return f"CAST('{number:f}' AS DECIMAL(38,6))"


def _number(column: PlannedColumn, text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or abs(number) >= 10**15 or number != round(number, max(column.scale, 0)):
        raise UsageError(f"{column.name}: {column.treatment} has a parameter that is not a number of its scale.")
    return number


def _whole_number(column: PlannedColumn) -> int:
    number = _number(column, column.parameters[0])
    if number < 1 or number != int(number):
        raise UsageError(f"{column.name}: the width of bands must be a whole number above 0.")
    return int(number)


_MAY_NOT_FIT = ("year", "round", "top_code")
_COMPILERS: Mapping[str, Callable[[PlannedColumn, str, date], str]] = {
    "keep": _keep,
    "year": _dated(lambda day: f"year({day})"),
    "month": _dated(lambda day: f"left(CAST({day} AS VARCHAR), 7)"),
    "quarter": _dated(lambda day: f"left(CAST({day} AS VARCHAR), 4) || '-Q' || quarter({day})"),
    "age_band": _age_band,
    "postcode_area": _postcode("regexp_extract({v}, '^[A-Z]+')", r"\2"),
    "postcode_district": _postcode("left({v}, length({v}) - 4)", r"\1"),
    "postcode_sector": _postcode("left({v}, length({v}) - 2)", r"\1 \3"),
    "council": _council,
    "round": _round,
    "band": _band,
    "top_code": _top_code,
    "present": _present,
}
