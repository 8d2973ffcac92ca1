"""Turns what a request writes into the contract's types: filter values and treatments' parameters, in one spelling.

Rules:
1. A value that is not of the column's type is refused, never guessed at: `"1"` is no boolean, a date no time.
2. Equal meaning gives equal text: `007`, `7` and `+7` are `7`; `1.50` is `1.5`; lists are sorted, without repeats;
   a list of one is `equals`.
3. Errors say what was expected, never the value.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

from extracts.agreement.plan import Condition, Operator
from extracts.agreement.request_rows import AskedTreatment, RowCondition
from extracts.canonical import normal_decimal, timestamp_text
from extracts.catalogue.contract import Column, ColumnType
from extracts.catalogue.treatments import TREATMENTS

MAX_LIMITS = 20
AGE_BAND_WIDTHS = (5, 50)
_INTEGER = re.compile(r"[+-]?\d{1,15}", re.ASCII)
_DECIMAL = re.compile(r"[+-]?\d{1,28}(\.\d{1,10})?", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)", re.ASCII)


def plan_condition(asked: RowCondition, column: Column) -> Condition:
    """The condition in canonical form. Raises ValueError, saying what was expected."""
    operator, written, negated = asked.comparison()
    values = [canonical_value(value, column) for value in written]
    if operator is Operator.BETWEEN and _ordered(values[1], column.type) < _ordered(values[0], column.type):
        raise ValueError("the first value of between is greater than the second")
    if operator is Operator.IN:
        values = sorted(set(values))
        operator = Operator.EQUALS if len(values) == 1 else operator
    return Condition(column.name, operator, tuple(values), negated)


def canonical_value(text: str, column: Column) -> str:
    """`text` as a value of the column, in one spelling. Raises ValueError."""
    value = _READERS[column.type](text)
    if column.allowed_values and value not in column.allowed_values:
        raise ValueError(f"is not a value of {column.name}; its values: {', '.join(column.allowed_values)}")
    return value


def plan_parameters(asked: AskedTreatment, column: Column) -> tuple[str, ...]:
    """The parameters of a treatment in canonical form. Raises ValueError."""
    needed = TREATMENTS[asked.name].parameters
    if not needed:
        if asked.parameters:
            raise ValueError(f"{asked.name} takes nothing; write only its name")
        return ()
    if not asked.parameters:
        raise ValueError(f"{asked.name} needs {needed[0]}; write for example `{_example(asked.name)}`")
    return _PARAMETERS[asked.name](asked.parameters, column)


def _string(text: str) -> str:
    return text


def _integer(text: str) -> str:
    if not _INTEGER.fullmatch(text):
        raise ValueError("must be a whole number of at most 15 digits")
    return str(int(text))


def _decimal(text: str) -> str:
    if not _DECIMAL.fullmatch(text):
        raise ValueError("must be a number such as 1500 or 12.5")
    return normal_decimal(Decimal(text))


def _date(text: str) -> str:
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text).isoformat()
    except ValueError:
        pass
    raise ValueError("must be a date such as 2026-11-23")


def _timestamp(text: str) -> str:
    try:
        if _TIME.fullmatch(text):
            return timestamp_text(datetime.fromisoformat(text))
    except (ValueError, OverflowError):  # a real time whose zone takes it out of the calendar
        pass
    raise ValueError("must be a time with its zone, such as 2026-11-23T21:09:00Z")


def _boolean(text: str) -> str:
    if text not in ("true", "false"):
        raise ValueError("must be true or false")
    return text


_READERS: dict[ColumnType, Callable[[str], str]] = {
    ColumnType.STRING: _string,
    ColumnType.INTEGER: _integer,
    ColumnType.DECIMAL: _decimal,
    ColumnType.DATE: _date,
    ColumnType.TIMESTAMP: _timestamp,
    ColumnType.BOOLEAN: _boolean,
}


def _ordered(value: str, kind: ColumnType) -> Any:
    if kind in (ColumnType.INTEGER, ColumnType.DECIMAL):
        return Decimal(value)
    return datetime.fromisoformat(value) if kind is ColumnType.TIMESTAMP else value


def _width(given: tuple[str, ...], _: Column) -> tuple[str, ...]:
    least, most = AGE_BAND_WIDTHS
    width = _integer(_single(given))
    if not least <= int(width) <= most:
        raise ValueError(f"age_band must be {least} to {most} years wide")
    return (width,)


def _step(given: tuple[str, ...], column: Column) -> tuple[str, ...]:
    step = _number(_single(given), column)
    least = 2 if column.type is ColumnType.INTEGER else 1
    if Decimal(step) < least:
        raise ValueError(f"round must be to {least} or more: less would keep the value")
    return (step,)


def _top(given: tuple[str, ...], column: Column) -> tuple[str, ...]:
    top = _number(_single(given), column)
    if column.maximum and Decimal(top) >= Decimal(column.maximum):
        raise ValueError(f"top_code must be below {column.maximum}, the largest value: else every value stays exact")
    return (top,)


def _limits(given: tuple[str, ...], column: Column) -> tuple[str, ...]:
    limits = tuple(_number(text, column) for text in given)
    numbers = [Decimal(text) for text in limits]
    if len(limits) > MAX_LIMITS:
        raise ValueError(f"band takes at most {MAX_LIMITS} limits: more would tell the value")
    if any(later <= earlier for earlier, later in pairwise(numbers)):
        raise ValueError("the limits of band must ascend")
    return limits


_PARAMETERS: dict[str, Callable[[tuple[str, ...], Column], tuple[str, ...]]] = {
    "age_band": _width,
    "round": _step,
    "top_code": _top,
    "band": _limits,
}


def _single(given: tuple[str, ...]) -> str:
    if len(given) != 1:
        raise ValueError("takes one number")
    return given[0]


def _number(text: str, column: Column) -> str:
    return _integer(text) if column.type is ColumnType.INTEGER else _decimal(text)


def _example(name: str) -> str:
    given = TREATMENTS[name].example_parameters
    return f"{name}: {given[0]}" if len(given) == 1 else f"{name}: [{', '.join(given)}]"
