"""Writes values and names into PostgreSQL's SQL, in the very form in which PostgreSQL prints them back.

Rules:
1. A value is only ever a quoted literal with an explicit cast, or a plain number: whatever a request says, it stays a
   value. Quotes are doubled; a backslash means itself (`standard_conforming_strings`, the default since 9.1).
2. The form is the one of `pg_get_viewdef`, so that each run can compare what is deployed with what was planned.
3. A name is a plain identifier of the contract, or it is refused.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation

from extracts.catalogue.contract import ColumnType
from extracts.errors import UsageError

_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_LARGEST_INTEGER = 2**31 - 1


def name(text: str) -> str:
    """A column, schema or view name, unchanged. Raises UsageError if it would need quotes."""
    if not _NAME.fullmatch(text):
        raise UsageError(
            f"{text!r} cannot be a name in the source.", advice="Use lower case letters, digits and underscores."
        )
    return text


def relation(text: str) -> str:
    """`schema.name`, both plain."""
    schema, _, table = text.partition(".")
    return f"{name(schema)}.{name(table)}"


def text_literal(value: str) -> str:
    """`it's` -> `'it''s'::text`."""
    if "\0" in value:
        raise UsageError("A value holds a null character, which no database text can.")
    return "'" + value.replace("'", "''") + "'::text"


def literal(value: str, type: ColumnType) -> str:
    """A condition's canonical text as a literal of the column's type. Raises UsageError if it is no such value."""
    try:
        return _WRITERS[type](value)
    except (ValueError, InvalidOperation, KeyError):
        raise UsageError(f"A filter value is not a valid {type.value}.") from None


def text_array(values: tuple[str, ...]) -> str:
    """`ARRAY['a'::text, 'b'::text]`."""
    return array(values, ColumnType.STRING)


def array(values: tuple[str, ...], type: ColumnType) -> str:
    """An array of literals of one type."""
    return "ARRAY[" + ", ".join(literal(v, type) for v in values) + "]"


def _integer(value: str) -> str:
    number = int(value)
    if abs(number) > _LARGEST_INTEGER:
        return f"'{number}'::bigint"
    return str(number) if number >= 0 else f"'{number}'::integer"


def _decimal(value: str) -> str:
    number = Decimal(value)
    if not number.is_finite():
        raise ValueError
    text = format(number, "f")
    return text if "." in text and number >= 0 else f"'{text}'::numeric"


def _date(value: str) -> str:
    return f"'{date.fromisoformat(value).isoformat()}'::date"


def _timestamp(value: str) -> str:
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError
    text = moment.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat(" ")
    fraction = f".{moment.microsecond:06d}".rstrip("0") if moment.microsecond else ""
    return f"'{text}{fraction}+00'::timestamp with time zone"


def _boolean(value: str) -> str:
    return {"true": "true", "false": "false"}[value]


_WRITERS = {
    ColumnType.STRING: text_literal,
    ColumnType.INTEGER: _integer,
    ColumnType.DECIMAL: _decimal,
    ColumnType.DATE: _date,
    ColumnType.TIMESTAMP: _timestamp,
    ColumnType.BOOLEAN: _boolean,
}
