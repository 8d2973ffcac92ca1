"""The form that each treatment gives its column: whatever has another form was not treated as two people signed.

Written apart from the code that treats (`treatment_sql`), from the catalogue's words: two hands, one meaning.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

from extracts.agreement.plan import PlannedColumn
from extracts.catalogue.treatments import TREATED_FORMS
from extracts.extraction.validation_check import ROWS, Check, column_check, query_check, quoted_name

_YEARS = (1850, 2150)
_OLDEST = 130
_HARM = "A value leaves more exactly than was approved."


def form_checks(dataset: str, planned: PlannedColumn) -> list[Check]:
    """What the values of a treated column must look like; nothing for columns delivered as they are."""
    how, name = planned.treatment_name, planned.name
    if how in TREATED_FORMS:
        return [_pattern(dataset, name, *TREATED_FORMS[how])]
    if how == "top_code":
        most = planned.parameters[0]
        return [column_check("expect_column_values_to_be_between", dataset, name, _HARM, max_value=most)]
    if how == "year":
        low, high = _YEARS
        limits = {"min_value": low, "max_value": high}
        return [column_check("expect_column_values_to_be_between", dataset, name, _HARM, **limits)]
    if how == "age_band":
        width = int(planned.parameters[0])
        return [_words(dataset, name, _ages(width), f"is a band of {width} years of age")]
    if how == "band":
        return [
            _words(
                dataset, name, _bands(planned.parameters), f"is a band with the limits {', '.join(planned.parameters)}"
            )
        ]
    return [_multiple(dataset, name, Decimal(planned.parameters[0]))] if how == "round" else []


def _pattern(dataset: str, name: str, pattern: str, form: str) -> Check:
    check = column_check("expect_column_values_to_match_regex", dataset, name, _HARM, regex=f"^({pattern})$")
    return replace(check, name=f"has the form of {form}")


def _words(dataset: str, name: str, words: list[str], says: str) -> Check:
    check = column_check("expect_column_values_to_be_in_set", dataset, name, _HARM, value_set=words)
    return replace(check, name=says)


def _multiple(dataset: str, name: str, step: Decimal) -> Check:
    query = f"SELECT 1 AS found FROM {{batch}} WHERE {quoted_name(name)} % {step:f} <> 0"
    return query_check(ROWS, query, f"is a multiple of {step:f}", f"{dataset}.{name}", _HARM, "rows break this")


def _ages(width: int) -> list[str]:
    return [f"{low}-{low + width - 1}" for low in range(0, _OLDEST + 1, width)]


def _bands(parameters: tuple[str, ...]) -> list[str]:
    limits = [f"{Decimal(p):f}" for p in parameters]
    inner = [f"{low}-<{high}" for low, high in pairwise(limits)]
    return [f"<{limits[0]}", *inner, f">={limits[-1]}"]
