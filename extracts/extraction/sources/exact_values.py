"""Turns what a database driver hands out into columns of the contract's types: exactly, or not at all.

Rules:
1. Nothing is guessed, rounded or cut. A value that is not one of its type stops the run; the message names the column.
2. A decimal that a database keeps as a binary number is taken by its shortest text, which is what was put in, as long
   as the contract declares no more than 15 digits.
3. A time needs its zone. A text needs to be one that a file can hold: no null character.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from decimal import Context, Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from extracts.catalogue.contract import Column, ColumnType
from extracts.errors import CheckFailed

if TYPE_CHECKING:
    import pyarrow as pa

_DIGITS_OF_A_BINARY_NUMBER = 15
_DIGITS = Context(prec=76)  # Python's own 28 are fewer than a decimal of Arrow may have
_LARGEST_INTEGER = 2**31 - 1


def arrow_schema(columns: Iterable[Column]) -> pa.Schema:
    """The contract's types as Arrow's; as PostgreSQL hands them over, too."""
    import pyarrow as pa

    return pa.schema([(c.name, arrow_type(c)) for c in columns])


def arrow_type(column: Column) -> pa.DataType:
    """One column's type."""
    import pyarrow as pa

    if column.type is ColumnType.DECIMAL:
        return pa.decimal128(column.precision, column.scale)
    return {
        ColumnType.STRING: pa.string(),
        ColumnType.INTEGER: pa.int32(),
        ColumnType.DATE: pa.date32(),
        ColumnType.TIMESTAMP: pa.timestamp("us", tz="UTC"),
        ColumnType.BOOLEAN: pa.bool_(),
    }[column.type]


def exact_batch(rows: list[Any], columns: tuple[Column, ...]) -> pa.RecordBatch:
    """Rows as a batch of the contract's types. Raises CheckFailed, naming the column, for what is not of its type."""
    import pyarrow as pa

    by_column = list(zip(*rows, strict=True)) or [()] * len(columns)
    arrays = [_at_once(v, c) or _one_by_one(v, c) for v, c in zip(by_column, columns, strict=True)]
    return pa.record_batch(arrays, schema=arrow_schema(columns))


def _at_once(values: tuple[Any, ...], column: Column) -> pa.Array | None:
    """All values of a column, where they are what drivers usually hand out; None if any is not."""
    import pyarrow as pa
    import pyarrow.compute as pc

    usual, read_as = _USUAL.get(column.type, (None, None))
    if usual is None or not set(map(type, values)) <= {usual, type(None)}:
        return None
    try:
        found = pa.array(values, read_as)
        if column.type is ColumnType.STRING:
            return None if pc.any(pc.match_substring(found, "\0")).as_py() else found
        if column.type is ColumnType.BOOLEAN and not set(values) <= {0, 1, None}:
            return None
        return found.cast(arrow_type(column))
    except (pa.ArrowException, UnicodeError, OverflowError):
        return None  # one by one it is told which column, and why


def _one_by_one(values: tuple[Any, ...], column: Column) -> pa.Array:
    import pyarrow as pa

    return pa.array([exact(value, column) for value in values], arrow_type(column))


def exact(value: Any, column: Column) -> Any:
    """One value as Python's own of the column's type. Raises CheckFailed."""
    if value is None:
        return None
    try:
        return _READERS[column.type](value, column)
    except (ValueError, TypeError, InvalidOperation, OverflowError):
        raise CheckFailed(
            f"{column.name}: the source holds something that is no {column.type.value} as the contract declares it.",
            advice=f"Nothing leaves. Ask the source's owner. {_HINTS.get(column.type, '')}".strip(),
        ) from None


def _string(value: Any, column: Column) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise TypeError
    value.encode()  # half of a surrogate pair is no text
    return value


def _integer(value: Any, column: Column) -> int:
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or int(value) != value:
        raise TypeError
    number = int(value)
    if abs(number) > _LARGEST_INTEGER:
        raise OverflowError
    return number


def _decimal(value: Any, column: Column) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        raise TypeError
    if isinstance(value, float) and column.precision > _DIGITS_OF_A_BINARY_NUMBER:
        raise ValueError
    number = Decimal(repr(value) if isinstance(value, float) else value)
    fitting = number.quantize(Decimal(1).scaleb(-column.scale), context=_DIGITS) if number.is_finite() else None
    if fitting is None or fitting != number or len(fitting.as_tuple().digits) > column.precision:
        raise ValueError
    return fitting


def _date(value: Any, column: Column) -> date:
    if isinstance(value, str):
        return datetime.strptime(value, "%Y-%m-%d").date()  # a day has no zone
    if isinstance(value, datetime) or not isinstance(value, date):
        raise TypeError
    return value


def _timestamp(value: Any, column: Column) -> datetime:
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        raise TypeError
    return moment.astimezone(UTC)


def _boolean(value: Any, column: Column) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, int) and value in (0, 1):
        return value == 1
    raise TypeError


_READERS: dict[ColumnType, Callable[[Any, Column], Any]] = {
    ColumnType.STRING: _string,
    ColumnType.INTEGER: _integer,
    ColumnType.DECIMAL: _decimal,
    ColumnType.DATE: _date,
    ColumnType.TIMESTAMP: _timestamp,
    ColumnType.BOOLEAN: _boolean,
}
# Type -> what drivers hand out, and Arrow's name for it; dates as text are cast, which takes one form alone.
_USUAL: dict[ColumnType, tuple[type, str]] = {
    ColumnType.STRING: (str, "string"),
    ColumnType.INTEGER: (int, "int64"),
    ColumnType.BOOLEAN: (int, "int64"),
    ColumnType.DATE: (str, "string"),
}
_HINTS = {
    ColumnType.TIMESTAMP: "A time needs its zone: 2026-11-05T09:30:00+00:00.",
    ColumnType.DATE: "A date is written 2026-11-05.",
    ColumnType.BOOLEAN: "A boolean is true or false, or 1 or 0.",
}
