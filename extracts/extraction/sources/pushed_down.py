"""The SELECT that a database other than PostgreSQL is asked: the planned columns and rows, compiled by SQLAlchemy.

Rules:
1. Never fewer rows than the plan's meaning gives: the engine applies every condition again, exactly (`handed_out`).
   So what databases compare each in their own way (texts by order or inequality, decimals, times) is left to it.
2. Where a database does not enforce a column's type (SQLite), a row whose value has another one is handed out all the
   same, so that it stops the run and is not passed over.
3. Values go as bound parameters, names as quoted identifiers of the contract.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any

import sqlalchemy as sa

from extracts.agreement.plan import Condition, Operator, PlannedDataset
from extracts.catalogue.contract import Column, ColumnType, Dataset


def selection(
    planned: PlannedDataset, dataset: Dataset, columns: Iterable[Column], query: str, dialect: str, place: str = ""
) -> sa.Select[*tuple[Any, ...]]:
    """The SELECT behind `query`, which is in PostgreSQL's words. place: where the rows are; else the curated view."""
    table = relation(place or planned.relation)
    tests = [*_conditions(planned, dataset, dialect), *_markers(planned, query, dialect)]
    return sa.select(*(sa.column(c.name) for c in columns)).select_from(table).where(*tests)


def relation(name: str) -> sa.TableClause:
    """`schema.name` as a table."""
    schema, _, table = name.partition(".")
    return sa.table(table, schema=schema)


def _conditions(planned: PlannedDataset, dataset: Dataset, dialect: str) -> Iterator[sa.ColumnElement[bool]]:
    types = {c.name: c.type for c in dataset.columns}
    for condition in planned.conditions:
        test = _test(condition, types[condition.column])
        if test is not None:
            yield _or_misfit(condition.column, types[condition.column], test, dialect)


def _markers(planned: PlannedDataset, query: str, dialect: str) -> Iterator[sa.ColumnElement[bool]]:
    """Where only rows are wanted whose marker is false, no other is handed out."""
    for marker in (planned.restricted_column, planned.safe_address_column):
        if marker and f"d.{marker} IS FALSE" in query:
            yield _or_misfit(marker, ColumnType.BOOLEAN, sa.column(marker, sa.Boolean) == sa.false(), dialect)


def _test(condition: Condition, type: ColumnType) -> sa.ColumnElement[bool] | None:
    """The condition as every database understands it, or None."""
    column: sa.ColumnClause[Any] = sa.column(condition.column)
    if condition.operator is Operator.IS_NULL:
        return column.is_not(None) if condition.negated else column.is_(None)
    if not is_pushed(condition, type):
        return None
    values = [_COMPARABLE[type](v) for v in condition.values]
    return _tested(column, condition, values)


def is_pushed(condition: Condition, type: ColumnType) -> bool:
    """Whether every database understands this condition in the same way."""
    if condition.operator is Operator.IS_NULL:
        return True
    plain = condition.operator in (Operator.EQUALS, Operator.IN) and not condition.negated
    return type in _COMPARABLE and (type is not ColumnType.STRING or plain)


def _tested(column: Any, condition: Condition, values: list[Any]) -> sa.ColumnElement[bool]:
    if condition.operator is Operator.IN:
        found = column.in_(values)
    elif condition.operator is Operator.BETWEEN:
        found = column.between(*values)
    elif condition.operator is Operator.EQUALS:
        found = column == values[0]
    else:
        found = column < values[0] if condition.operator is Operator.BEFORE else column > values[0]
    return sa.not_(found) if condition.negated else found  # type: ignore[no-any-return]


def _or_misfit(name: str, type: ColumnType, test: sa.ColumnElement[bool], dialect: str) -> sa.ColumnElement[bool]:
    if dialect != "sqlite":
        return test
    column: sa.ColumnClause[Any] = sa.column(name)
    return sa.or_(test, sa.and_(column.is_not(None), _MISFITS[type](column)))


_COMPARABLE: dict[ColumnType, Any] = {
    ColumnType.STRING: str,
    ColumnType.INTEGER: int,
    ColumnType.DATE: date.fromisoformat,
    ColumnType.BOOLEAN: lambda text: text == "true",
}

_MISFITS: dict[ColumnType, Any] = {
    ColumnType.STRING: lambda c: sa.func.typeof(c) != "text",
    ColumnType.INTEGER: lambda c: sa.func.typeof(c) != "integer",
    ColumnType.DATE: lambda c: sa.func.date(c, "+0 days").is_distinct_from(c),
    ColumnType.BOOLEAN: lambda c: c.not_in((0, 1)),
    ColumnType.DECIMAL: lambda c: sa.false(),
    ColumnType.TIMESTAMP: lambda c: sa.false(),
}
