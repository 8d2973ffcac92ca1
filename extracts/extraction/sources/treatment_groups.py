"""Treatments as PostgreSQL's expressions, so that groups can be counted where the rows are, and no row is fetched.

Rules:
1. What `treatment_sql` makes of a value in a file, this makes of it in the source; a test holds one against the other.
2. What a treatment cannot read becomes null, and nulls form a group like any other value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from itertools import pairwise

from extracts.agreement.ladders import Step
from extracts.catalogue.contract import Column, ColumnType
from extracts.errors import UsageError
from extracts.extraction.sources.literals import literal, name, text_literal

_POSTCODE = "^[A-Z]{1,2}[0-9][A-Z0-9]?[0-9][A-Z]{2}$"
_COUNCIL = "^[A-Z][0-9]{8}$"
_DAYS = "'0001-01-01'::date AND '9999-12-31'::date"


def grouped(column: Column, step: Step, on: date) -> str:
    """The treated column of the view `d`. `on`: the day on which ages are told. Raises UsageError if it cannot be."""
    compile_step = _COMPILERS.get(step.treatment)
    if compile_step is None:
        raise UsageError(f"{column.name}: nobody can be grouped by {step.treatment}.")
    return compile_step(f"d.{name(column.name)}", step, column, on)


def _keep(value: str, step: Step, column: Column, on: date) -> str:
    return value


def _dated(part: str) -> Callable[[str, Step, Column, date], str]:
    def compiled(value: str, step: Step, column: Column, on: date) -> str:
        day = f"({value})::date"
        return f"CASE WHEN isfinite({value}) AND {day} BETWEEN {_DAYS} THEN {part.format(day=day)} END"

    return compiled


def _age_band(value: str, step: Step, column: Column, on: date) -> str:
    width = int(step.parameters[0])
    born = f"extract(year FROM {value})::integer"
    later = f"(extract(month FROM {value}), extract(day FROM {value})) > ({on.month}, {on.day})"
    low = f"({on.year} - {born} - CASE WHEN {later} THEN 1 ELSE 0 END) / {width} * {width}"
    readable = f"isfinite({value}) AND {value} BETWEEN '0001-01-01'::date AND '{on.isoformat()}'::date"
    return f"CASE WHEN {readable} THEN ({low})::text || '-' || ({low} + {width - 1})::text END"


def _postcode(part: str) -> Callable[[str, Step, Column, date], str]:
    def compiled(value: str, step: Step, column: Column, on: date) -> str:
        bare = f"upper(replace({value}, ' ', ''))"
        return f"CASE WHEN {bare} ~ {text_literal(_POSTCODE)} THEN {part.format(bare=bare)} END"

    return compiled


def _council(value: str, step: Step, column: Column, on: date) -> str:
    return f"CASE WHEN {value} ~ {text_literal(_COUNCIL)} THEN {value} END"


def _round(value: str, step: Step, column: Column, on: date) -> str:
    to = _number(step.parameters[0])
    left = f"mod(abs({value}), {to})"
    size = f"abs({value}) - {left} + CASE WHEN {left} * 2 >= {to} THEN {to} ELSE 0 END"
    return f"sign({value}) * ({size})"


def _band(value: str, step: Step, column: Column, on: date) -> str:
    limits = [(_number(p), p) for p in step.parameters]
    tests = [
        f"WHEN {value} IS NULL THEN NULL",
        f"WHEN {value} < {limits[0][0]} THEN {text_literal('<' + limits[0][1])}",
    ]
    tests += [
        f"WHEN {value} < {high} THEN {text_literal(f'{low_text}-<{high_text}')}"
        for (_, low_text), (high, high_text) in pairwise(limits)
    ]
    return f"CASE {' '.join(tests)} ELSE {text_literal('>=' + limits[-1][1])} END"


def _top_code(value: str, step: Step, column: Column, on: date) -> str:
    return f"least({value}, {_number(step.parameters[0])}) + 0 * {value}"  # `least` would make a null the limit


def _present(value: str, step: Step, column: Column, on: date) -> str:
    return f"coalesce(btrim({value}) <> '', false)" if column.type is ColumnType.STRING else f"{value} IS NOT NULL"


def _number(text: str) -> str:
    return literal(f"{Decimal(text):f}", ColumnType.DECIMAL)


_COMPILERS: Mapping[str, Callable[[str, Step, Column, date], str]] = {
    "keep": _keep,
    "year": _dated("extract(year FROM {day})::integer"),
    "month": _dated("to_char({day}, 'YYYY-MM')"),
    "quarter": _dated("""to_char({day}, 'YYYY-"Q"Q')"""),
    "age_band": _age_band,
    "postcode_area": _postcode("substring({bare} FROM '^[A-Z]+')"),
    "postcode_district": _postcode("left({bare}, -3)"),
    "postcode_sector": _postcode("left({bare}, -3) || ' ' || left(right({bare}, 3), 1)"),
    "council": _council,
    "round": _round,
    "band": _band,
    "top_code": _top_code,
    "present": _present,
}
