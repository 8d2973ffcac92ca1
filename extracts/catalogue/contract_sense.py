"""Does a contract make sense? What its form cannot say alone: columns that are named exist, treatments fit, and so on.

Rules:
1. What never leaves has no treatment: free text, financial accounts, control columns.
2. A pseudonymised row holds no direct identifier but as a pseudonym (or whether there was one), and no address.
3. Who is left out is decided by columns that are always filled: the persons' first, and both control columns.
4. An event or history dataset says by which date a row belongs to a period; one that shows only now does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Final

from extracts.catalogue.contract import Classification, ColumnType, Identifiability, Identifier, PeriodKind
from extracts.catalogue.contract_forms import ColumnForm, ContractForm, SchemaForm
from extracts.catalogue.treatments import TREATMENTS
from extracts.documents import Document
from extracts.errors import Problem

OWNER_ROLE: Final = "Information Asset Owner"
NEVER_LEAVES: Final = (Classification.FREE_TEXT, Classification.FINANCIAL_ACCOUNT, Classification.CONTROL)
_OF_DIRECT_IDENTIFIERS = ("pseudonymise", "present")
_HOURS = {"h": 1, "hours": 1, "d": 24, "days": 24}
_DECIMAL = re.compile(r"numeric\((\d{1,2}),\s?(\d{1,2})\)")

# PostgreSQL's type -> the standard's word for it, and ours.
TYPES: Final = {
    "text": ("string", ColumnType.STRING),
    "integer": ("integer", ColumnType.INTEGER),
    "numeric": ("number", ColumnType.DECIMAL),
    "date": ("date", ColumnType.DATE),
    "timestamptz": ("timestamp", ColumnType.TIMESTAMP),
    "boolean": ("boolean", ColumnType.BOOLEAN),
}
_Found = Iterator[tuple[str, str, tuple[str, ...]]]


def contract_problems(document: Document, form: ContractForm, folder: str) -> list[Problem]:
    """Everything that makes no sense, with its line; an empty list if the contract is sound."""
    schema = form.contract[0]
    found = [*_names(form, folder), *_terms(form), *_key(schema), *_people(form), *_period(form), *_controls(form)]
    for number, column in enumerate(schema.properties):
        where = f"schema.0.properties.{number}"
        for part in (_type(column), _identifier(column), _treatments(column), _values(column), _rules(column)):
            found += [(f"{where}.{path}", message, allowed) for path, message, allowed in part]
    return [document.problem(*fault) for fault in found]


def column_type(column: ColumnForm) -> ColumnType | None:
    """The column's type, None if its physical type is none of ours."""
    name = "numeric" if _DECIMAL.fullmatch(column.physicalType) else column.physicalType
    return TYPES[name][1] if name in TYPES and (name != "numeric" or name != column.physicalType) else None


def decimal_size(column: ColumnForm) -> tuple[int, int]:
    """Precision and scale of `numeric(10,2)`; zeros for every other type."""
    match = _DECIMAL.fullmatch(column.physicalType)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def owners(form: ContractForm) -> list[str]:
    """Whoever the team names as Information Asset Owner."""
    return [m.username for m in form.team.members if m.role == OWNER_ROLE]


def largest_age_hours(form: ContractForm) -> int:
    """The agreed latency in hours; 0 if it is not agreed in a way that we understand."""
    agreed = [a for a in form.slaProperties if a.property == "latency"]
    if len(agreed) != 1 or not isinstance(agreed[0].value, int) or isinstance(agreed[0].value, bool):
        return 0
    return max(0, agreed[0].value * _HOURS.get(agreed[0].unit or "", 0))


def _names(form: ContractForm, folder: str) -> _Found:
    schema = form.contract[0]
    if form.name != folder:
        yield "name", f"is not the name of its folder, {folder}", ()
    if schema.name != form.name:
        yield "schema.0.name", f"is not the contract's name, {form.name}", ()
    names = [c.name for c in schema.properties]
    for number, name in enumerate(names):
        if name in names[:number]:
            yield f"schema.0.properties.{number}.name", f"{name} is declared twice", ()


def _terms(form: ContractForm) -> _Found:
    if len(owners(form)) != 1:
        yield "team.members", f"must name one person with the role {OWNER_ROLE!r}", ()
    if not largest_age_hours(form):
        yield "slaProperties", "must have one `latency`: a whole number above 0 in h or d", ("h", "d")


def _key(schema: SchemaForm) -> _Found:
    key = [(n, c) for n, c in enumerate(schema.properties) if c.primaryKey]
    if not key:
        yield "schema.0.properties", "have no primaryKey: rows could not be told apart", ()
    if sorted(c.primaryKeyPosition for _, c in key) != list(range(1, len(key) + 1)):
        yield "schema.0.properties", f"primaryKeyPosition must count from 1 to {len(key)}", ()
    for number, column in key:
        if not column.required:
            yield f"schema.0.properties.{number}.required", f"{column.name} is part of the key, so it must be true", ()


def _people(form: ContractForm) -> _Found:
    columns = {c.name: c for c in form.contract[0].properties}
    persons = form.customProperties.persons
    yield from _known("customProperties.persons", persons, columns)
    held = [columns[p] for p in persons if p in columns]
    if any(c.customProperties.identifier is not Identifier.DIRECT for c in held):
        yield "customProperties.persons", "must be direct identifiers", ()
    if len({c.customProperties.identifierKind for c in held}) > 1:
        yield "customProperties.persons", "must be of one identifierKind: holds name people by it", ()
    if held and not held[0].required:
        yield "customProperties.persons", f"{held[0].name} says whom a row is about, so it must be required", ()


def _period(form: ContractForm) -> _Found:
    columns = {c.name: c for c in form.contract[0].properties}
    kind, name = form.customProperties.periodKind, form.customProperties.periodColumn
    if kind is PeriodKind.AS_AT_NOW:
        if name:
            yield "customProperties.periodColumn", f"makes no sense for a dataset of kind {kind.value!r}", ()
        return
    if not name:
        yield "customProperties.periodKind", f"{kind.value!r} needs a periodColumn", ()
        return
    yield from _known("customProperties.periodColumn", (name,), columns)
    if name in columns and (column_type(columns[name]) is not ColumnType.DATE or not columns[name].required):
        yield "customProperties.periodColumn", f"{name} must be a date, and required", ()


def _controls(form: ContractForm) -> _Found:
    columns = {c.name: c for c in form.contract[0].properties}
    given = form.customProperties
    for field, name in (("restrictedColumn", given.restrictedColumn), ("safeAddressColumn", given.safeAddressColumn)):
        where = f"customProperties.{field}"
        yield from _known(where, (name,), columns)
        column = columns.get(name)
        if column and (column.classification is not Classification.CONTROL or not column.required):
            yield where, f"{name} must be classified as control, and required", ()
        if column and column_type(column) is not ColumnType.BOOLEAN:
            yield where, f"{name} must be boolean", ()
    if given.partitionColumn:
        yield from _known("customProperties.partitionColumn", (given.partitionColumn,), columns)


def _known(where: str, names: Iterable[str], columns: Iterable[str]) -> _Found:
    known = tuple(columns)
    yield from ((where, f"{name!r} is not a column", known) for name in names if name not in known)


def _type(column: ColumnForm) -> _Found:
    kind = column_type(column)
    words = {ours: standard for standard, ours in TYPES.values()}
    if kind is None:
        yield (
            "physicalType",
            "is not a type that a curated view may have",
            (*(t for t in TYPES if t != "numeric"), "numeric(10,2)"),
        )
    elif column.logicalType != words[kind]:
        yield "logicalType", f"does not fit {column.physicalType}", (words[kind],)


def _identifier(column: ColumnForm) -> _Found:
    given = column.customProperties
    if (given.identifier is Identifier.DIRECT) != bool(given.identifierKind):
        yield "customProperties", "identifierKind belongs to every direct identifier, and to nothing else", ()


def _treatments(column: ColumnForm) -> _Found:
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
    if column.customProperties.identifier is Identifier.DIRECT:
        return treatment in _OF_DIRECT_IDENTIFIERS
    return not (column.classification is Classification.ADDRESS and treatment == "keep")


def _values(column: ColumnForm) -> _Found:
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


def _rules(column: ColumnForm) -> _Found:
    for number, rule in enumerate(column.quality):
        if "column" in rule.implementation.kwargs:
            yield f"quality.{number}.implementation.kwargs.column", "is this column; leave it out", ()
