"""The rules that a suite may use: Great Expectations' own names, with the arguments that we know how to run.

Rules:
1. Only what is in this table may stand in a suite or a contract: each was seen to pass and to fail, on DuckDB and on
   PostgreSQL, without a value leaving the database.
2. An argument has a kind, so that a wrong one is found when the suite is read, with its line, and not in the run.
3. Each rule says itself in plain words, for the report that people read.

Great Expectations takes seconds to import, so this module does not know it; `validation_engine` does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

_COLUMN = re.compile(r"[a-z][a-z0-9_]{0,62}")
_DECIMAL = re.compile(r"-?\d+(\.\d+)?")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_MOST_VALUES = 1000


def _is_column(value: Any) -> bool:
    return isinstance(value, str) and bool(_COLUMN.fullmatch(value))


def _is_columns(value: Any) -> bool:
    return isinstance(value, list) and len(value) > 1 and all(_is_column(v) for v in value)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_share(value: Any) -> bool:
    return isinstance(value, int | str) and bool(_DECIMAL.fullmatch(str(value))) and 0 < Decimal(str(value)) <= 1


def _is_bound(value: Any) -> bool:
    numeric = isinstance(value, int | str) and not isinstance(value, bool) and _DECIMAL.fullmatch(str(value))
    return bool(numeric) or (isinstance(value, str) and bool(_DAY.fullmatch(value)))


def _is_values(value: Any) -> bool:
    kinds = {type(v) for v in value} if isinstance(value, list) else set()
    return kinds in ({str}, {int}) and 0 < len(value) <= _MOST_VALUES


def _is_pattern(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(re.compile(value).pattern)
    except re.error:
        return False


def _is_query(value: Any) -> bool:
    return isinstance(value, str) and "{batch}" in value and bool(re.match(r"\s*select\b", value, re.IGNORECASE))


@dataclass(frozen=True)
class ArgumentKind:
    """What an argument may be, and how to say it."""

    is_valid: Callable[[Any], bool]
    says: str


COLUMN = ArgumentKind(_is_column, "must be the name of a column")
COLUMNS = ArgumentKind(_is_columns, "must be a list of two columns or more")
COUNT = ArgumentKind(_is_count, "must be a whole number, without quotes")
SHARE = ArgumentKind(_is_share, "must be a share above 0 and up to 1, such as 0.95")
BOUND = ArgumentKind(_is_bound, "must be a number, or a date written as 2026-11-23")
VALUES = ArgumentKind(_is_values, f"must be a list of texts or of whole numbers, at most {_MOST_VALUES}")
PATTERN = ArgumentKind(_is_pattern, "must be a regular expression")
FLAG = ArgumentKind(lambda value: isinstance(value, bool), "must be true or false")
QUERY = ArgumentKind(_is_query, "must be a query that starts with SELECT and reads FROM {batch}")


@dataclass(frozen=True)
class RuleKind:
    """One expectation: its required and optional arguments, and the sentence that says it (`{arguments}` filled in).

    `needs_one_of`: at least one of these must be given, or the rule would say nothing.
    """

    type: str
    required: Mapping[str, ArgumentKind]
    optional: Mapping[str, ArgumentKind]
    sentence: str
    needs_one_of: tuple[str, ...] = ()

    @property
    def arguments(self) -> dict[str, ArgumentKind]:
        """Every argument that the rule may have."""
        return {**self.required, **self.optional}


_ONE = {"column": COLUMN}
_MOSTLY = {"mostly": SHARE}
_LIMITS = {"min_value": BOUND, "max_value": BOUND}
_COUNTS = {"min_value": COUNT, "max_value": COUNT}
_BOTH = ("min_value", "max_value")

_TABLE = (
    RuleKind("expect_column_values_to_not_be_null", _ONE, _MOSTLY, "has a value{mostly}"),
    RuleKind("expect_column_values_to_be_in_set", {**_ONE, "value_set": VALUES}, _MOSTLY, "is {value_set}{mostly}"),
    RuleKind(
        "expect_column_values_to_not_be_in_set", {**_ONE, "value_set": VALUES}, _MOSTLY, "is not {value_set}{mostly}"
    ),
    RuleKind("expect_column_values_to_be_between", _ONE, {**_LIMITS, **_MOSTLY}, "is {range}{mostly}", _BOTH),
    RuleKind(
        "expect_column_value_lengths_to_be_between",
        _ONE,
        {**_COUNTS, **_MOSTLY},
        "has a length in characters that is {range}{mostly}",
        _BOTH,
    ),
    RuleKind(
        "expect_column_values_to_match_regex", {**_ONE, "regex": PATTERN}, _MOSTLY, "has the form {regex}{mostly}"
    ),
    RuleKind(
        "expect_column_values_to_not_match_regex",
        {**_ONE, "regex": PATTERN},
        _MOSTLY,
        "holds nothing of the form {regex}{mostly}",
    ),
    RuleKind("expect_column_values_to_be_unique", _ONE, {}, "is different in every row"),
    RuleKind("expect_compound_columns_to_be_unique", {"column_list": COLUMNS}, {}, "are different in every row"),
    RuleKind(
        "expect_column_pair_values_a_to_be_greater_than_b",
        {"column_A": COLUMN, "column_B": COLUMN},
        {"or_equal": FLAG},
        "{column_A} is above{or_equal} {column_B}",
    ),
    RuleKind("expect_column_max_to_be_between", _ONE, _LIMITS, "has a largest value that is {range}", _BOTH),
    RuleKind("expect_column_min_to_be_between", _ONE, _LIMITS, "has a smallest value that is {range}", _BOTH),
    RuleKind("expect_column_mean_to_be_between", _ONE, _LIMITS, "has a mean that is {range}", _BOTH),
    RuleKind(
        "expect_column_unique_value_count_to_be_between",
        _ONE,
        _COUNTS,
        "has so many different values: {range}",
        _BOTH,
    ),
    RuleKind("expect_table_row_count_to_be_between", {}, _COUNTS, "the number of rows is {range}", _BOTH),
    RuleKind("unexpected_rows_expectation", {"unexpected_rows_query": QUERY}, {}, "no row breaks the query"),
)

RULES: dict[str, RuleKind] = {r.type: r for r in _TABLE}


def argument_problems(kind: RuleKind, arguments: Mapping[str, Any]) -> list[tuple[str, str, tuple[str, ...]]]:
    """What is wrong with a rule's arguments: (argument, message, what is allowed). Empty if nothing is."""
    allowed = tuple(kind.arguments)
    found = [(n, "this expectation has no such argument", allowed) for n in arguments if n not in allowed]
    found += [(n, "is missing", ()) for n in kind.required if n not in arguments]
    found += [
        (n, kind.arguments[n].says, ())
        for n, value in arguments.items()
        if n in allowed and not kind.arguments[n].is_valid(value)
    ]
    if kind.needs_one_of and not any(n in arguments for n in kind.needs_one_of):
        found.append(("", f"needs {' or '.join(kind.needs_one_of)}", ()))
    return found


def sentence(kind: RuleKind, arguments: Mapping[str, Any]) -> str:
    """The rule in plain words: `is between 0 and 100 in at least 95 % of rows`."""
    words = {
        **{n: str(v) for n, v in arguments.items()},
        "mostly": _mostly_words(arguments.get("mostly")),
        "range": _range_words(arguments),
        "or_equal": " or equal to" if arguments.get("or_equal") else "",
        "value_set": _set_words(arguments.get("value_set", ())),
    }
    return kind.sentence.format_map(words)


def columns_of(arguments: Mapping[str, Any]) -> tuple[str, ...]:
    """The columns that a rule reads; none for rules about the whole table."""
    named = [str(arguments[n]) for n in ("column", "column_A", "column_B") if n in arguments]
    return (*named, *(str(c) for c in arguments.get("column_list", ())))


def _mostly_words(share: Any) -> str:
    if share is None or Decimal(str(share)) == 1:
        return ""
    return f" in at least {(Decimal(str(share)) * 100).normalize():f} % of rows"


def _range_words(arguments: Mapping[str, Any]) -> str:
    low, high = (_number_words(arguments.get(n)) for n in _BOTH)
    if low and high:
        return f"between {low} and {high}"
    return f"at least {low}" if low else f"at most {high}"


def _number_words(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else "" if value is None else str(value)


def _set_words(values: Any) -> str:
    words = [str(v) for v in values]
    return words[0] if len(words) == 1 else f"one of {', '.join(words[:20])}{' ...' if len(words) > 20 else ''}"
