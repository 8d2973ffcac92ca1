"""Does a column of a contract make sense? Its type, its identifier, its treatments and the values it may have.

Rules:
1. What never leaves has no treatment: free text, financial accounts, control columns.
2. A pseudonymised row holds no direct identifier but as a pseudonym (or whether there was one), and no address.
3. A treatment fits the column's type. One that is not listed is not allowed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Final

from extracts.catalogue.contract import ColumnType, Identifiability, Identifier
from extracts.catalogue.contract_forms import ColumnForm
from extracts.catalogue.form_limits import NEVER_LEAVES, tells_who
from extracts.catalogue.treatments import TREATMENTS

Faults = Iterator[tuple[str, str, tuple[str, ...]]]

_DECIMAL = re.compile(r"numeric\((\d{1,2}),\s?(\d{1,2})\)")

# The type as contracts write it -> the standard's word for it, ours, and PostgreSQL's own name.
TYPES: Final = {
    "text": ("string", ColumnType.STRING, "text"),
    "integer": ("integer", ColumnType.INTEGER, "integer"),
    "numeric": ("number", ColumnType.DECIMAL, "numeric"),
    "date": ("date", ColumnType.DATE, "date"),
    "timestamptz": ("timestamp", ColumnType.TIMESTAMP, "timestamp with time zone"),
    "boolean": ("boolean", ColumnType.BOOLEAN, "boolean"),
}


def column_faults(column: ColumnForm) -> Faults:
    """What makes no sense: (field within the column, message, what is allowed)."""
    for faults in (_type, _identifier, _treatments, _values, _rules):
        yield from faults(column)


def column_type(column: ColumnForm) -> ColumnType | None:
    """The column's type, None if its physical type is none of ours."""
    name = "numeric" if _DECIMAL.fullmatch(column.physicalType) else column.physicalType
    return TYPES[name][1] if name in TYPES and (name != "numeric" or name != column.physicalType) else None


def decimal_size(column: ColumnForm) -> tuple[int, int]:
    """Precision and scale of `numeric(10,2)`; zeros for every other type."""
    match = _DECIMAL.fullmatch(column.physicalType)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def postgres_type(kind: ColumnType, precision: int, scale: int) -> str:
    """The type as PostgreSQL prints it: `numeric(10,2)`, `timestamp with time zone`."""
    name = next(printed for _, ours, printed in TYPES.values() if ours is kind)
    return f"{name}({precision},{scale})" if kind is ColumnType.DECIMAL else name


def _type(column: ColumnForm) -> Faults:
    kind = column_type(column)
    words = {ours: standard for standard, ours, _ in TYPES.values()}
    if kind is None:
        yield (
            "physicalType",
            "is not a type that a curated view may have",
            (*(t for t in TYPES if t != "numeric"), "numeric(10,2)"),
        )
    elif column.logicalType != words[kind]:
        yield "logicalType", f"does not fit {column.physicalType}", (words[kind],)


def _identifier(column: ColumnForm) -> Faults:
    given = column.customProperties
    if (given.identifier is Identifier.DIRECT) != bool(given.identifierKind):
        yield "customProperties", "identifierKind belongs to every direct identifier, and to nothing else", ()


def _treatments(column: ColumnForm) -> Faults:
    kind = column_type(column)
    for form, names in column.customProperties.treatments.items():
        where = f"customProperties.treatments.{form.value}"
        if column.classification in NEVER_LEAVES:
            yield where, f"{column.classification.value} never leaves: write {{}}", ()
            continue
        if form is Identifiability.AGGREGATED:
            yield where, "is not offered yet", (Identifiability.IDENTIFIED.value, Identifiability.PSEUDONYMISED.value)
            continue
        fitting = tuple(t.name for t in TREATMENTS.values() if kind in t.accepts and _fits(column, form, t.name))
        yield from ((where, f"{n!r} does not fit this column", fitting) for n in names if n not in fitting)


def _fits(column: ColumnForm, form: Identifiability, treatment: str) -> bool:
    if form is Identifiability.IDENTIFIED:
        return True
    identifier, kind = column.customProperties.identifier, column_type(column) or ColumnType.STRING
    return not tells_who(identifier, column.classification, kind, treatment)


def _values(column: ColumnForm) -> Faults:
    kind = column_type(column)
    if column.enum and kind is not ColumnType.STRING:
        yield "enum", "can be given for text only; a range is written as logicalTypeOptions", ()
    limits = [("minimum", column.logicalTypeOptions.minimum), ("maximum", column.logicalTypeOptions.maximum)]
    for name, value in limits:
        if value is not None and kind and not _is_of(kind, str(value)):
            yield f"logicalTypeOptions.{name}", f"is not a {kind.value} that a range can end with", ()


def _is_of(kind: ColumnType, text: str) -> bool:
    try:
        if kind is ColumnType.DATE:
            return bool(date.fromisoformat(text))
        return kind in (ColumnType.INTEGER, ColumnType.DECIMAL) and Decimal(text).is_finite()
    except (ValueError, InvalidOperation):
        return False


def _rules(column: ColumnForm) -> Faults:
    for number, rule in enumerate(column.quality):
        if "column" in rule.implementation.kwargs:
            yield f"quality.{number}.implementation.kwargs.column", "is this column; leave it out", ()
