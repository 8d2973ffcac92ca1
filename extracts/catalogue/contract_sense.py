"""Does a contract make sense? What its form cannot say alone: columns that are named exist, keys are filled, and so on.

Rules:
1. Who is left out is decided by columns that are always filled: the persons' first, and both control columns.
2. An event dataset says by which date a row belongs to a period; one that shows only now does not.
3. One person answers for a dataset, and it says how old it may be.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from extracts.catalogue.column_sense import Faults, column_faults, column_type
from extracts.catalogue.contract import Classification, ColumnType, Identifier, LoadStamp, PeriodKind, SourceKind
from extracts.catalogue.contract_forms import ContractForm, SchemaForm
from extracts.catalogue.dataset_draft import TO_DO
from extracts.documents import Document
from extracts.errors import Problem

OWNER_ROLE: Final = "Information Asset Owner"
_HOURS = {"h": 1, "hours": 1, "d": 24, "days": 24}


def contract_problems(document: Document, form: ContractForm, folder: str) -> list[Problem]:
    """Everything that makes no sense, with its line; an empty list if the contract is sound."""
    schema = form.contract[0]
    found = [*_names(form, folder), *_terms(form), *_key(schema), *_people(form), *_period(form), *_controls(form)]
    for number, column in enumerate(schema.properties):
        where = f"schema.0.properties.{number}"
        found += [(f"{where}.{path}", message, allowed) for path, message, allowed in column_faults(column)]
    left = [document.problem(path, "is still to be written") for path in _to_do(document.value)]
    return [*left, *(document.problem(*fault) for fault in found)]


def _to_do(value: Any, path: str = "") -> Iterator[str]:
    """Where a draft still says TO DO."""
    if isinstance(value, str) and value.startswith(TO_DO):
        yield path
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        yield from _to_do(inner, f"{path}.{key}".lstrip("."))


def owners(form: ContractForm) -> list[str]:
    """Whoever the team names as Information Asset Owner."""
    return [m.username for m in form.team.members if m.role == OWNER_ROLE]


def largest_age_hours(form: ContractForm) -> int:
    """The agreed latency in hours; 0 if it is not agreed in a way that we understand."""
    agreed = [a for a in form.slaProperties if a.property == "latency"]
    if len(agreed) != 1 or not isinstance(agreed[0].value, int) or isinstance(agreed[0].value, bool):
        return 0
    return max(0, agreed[0].value * _HOURS.get(agreed[0].unit or "", 0))


def _names(form: ContractForm, folder: str) -> Faults:
    schema = form.contract[0]
    if form.name != folder:
        yield "name", f"is not the name of its folder, {folder}", ()
    if schema.name != form.name:
        yield "schema.0.name", f"is not the contract's name, {form.name}", ()
    names = [c.name for c in schema.properties]
    for number, name in enumerate(names):
        if name in names[:number]:
            yield f"schema.0.properties.{number}.name", f"{name} is declared twice", ()


def _terms(form: ContractForm) -> Faults:
    if len(owners(form)) != 1:
        yield "team.members", f"must name one person with the role {OWNER_ROLE!r}", ()
    if not largest_age_hours(form):
        yield "slaProperties", "must have one `latency`: a whole number above 0 in h or d", ("h", "d")


def _key(schema: SchemaForm) -> Faults:
    key = [(n, c) for n, c in enumerate(schema.properties) if c.primaryKey]
    if not key:
        yield "schema.0.properties", "have no primaryKey: rows could not be told apart", ()
    if sorted(c.primaryKeyPosition for _, c in key) != list(range(1, len(key) + 1)):
        yield "schema.0.properties", f"primaryKeyPosition must count from 1 to {len(key)}", ()
    for number, column in key:
        if not column.required:
            yield f"schema.0.properties.{number}.required", f"{column.name} is part of the key, so it must be true", ()


def _people(form: ContractForm) -> Faults:
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


def _period(form: ContractForm) -> Faults:
    """Which dates each kind of period needs: an event one, a history from when and until when a row counts."""
    given = form.customProperties
    dates = {"periodColumn": given.periodColumn, "periodEndColumn": given.periodEndColumn}
    needed = _PERIOD_DATES[given.periodKind]
    for field, name in dates.items():
        where = f"customProperties.{field}"
        if name and field not in needed:
            yield where, f"makes no sense for a dataset of kind {given.periodKind.value!r}", ()
        elif field in needed and not name:
            yield "customProperties.periodKind", f"{given.periodKind.value!r} needs a {field}", ()
        elif name:
            yield from _period_date(form, where, name, may_be_open=field == "periodEndColumn")
    if given.periodColumn and given.periodColumn == given.periodEndColumn:
        yield "customProperties.periodEndColumn", "must be another column than periodColumn", ()


def _period_date(form: ContractForm, where: str, name: str, *, may_be_open: bool) -> Faults:
    columns = {c.name: c for c in form.contract[0].properties}
    yield from _known(where, (name,), columns)
    if name in columns and column_type(columns[name]) is not ColumnType.DATE:
        yield where, f"{name} must be a date", ()
    elif name in columns and not (columns[name].required or may_be_open):
        yield where, f"{name} must be required", ()


def _controls(form: ContractForm) -> Faults:
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
    if given.loadStamp is not LoadStamp.DECLARED and given.sourceKind is not SourceKind.PARQUET:
        yield "customProperties.loadStamp", "makes sense for a folder of Parquet files only", ("declared",)
    if given.partitionColumn:
        yield from _known("customProperties.partitionColumn", (given.partitionColumn,), columns)


def _known(where: str, names: Iterable[str], columns: Iterable[str]) -> Faults:
    known = tuple(columns)
    yield from ((where, f"{name!r} is not a column", known) for name in names if name not in known)


_PERIOD_DATES = {
    PeriodKind.AS_AT_NOW: (),
    PeriodKind.EVENT: ("periodColumn",),
    PeriodKind.HISTORY: ("periodColumn", "periodEndColumn"),
}
