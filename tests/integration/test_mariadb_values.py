"""What a MariaDB holds arrives exactly, or stops the run by its column's name."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from extracts.catalogue.contract import Classification, Column, ColumnType
from extracts.errors import CheckFailed
from extracts.extraction.sources.database_rows import Curated, DatabaseRows
from tests.support.mariadb import MariaServer

TYPES = {
    "t": ("LONGTEXT", ColumnType.STRING),
    "n": ("INT", ColumnType.INTEGER),
    "m": ("DECIMAL(38, 9)", ColumnType.DECIMAL),
    "d": ("DATE", ColumnType.DATE),
    "z": ("TIMESTAMP(6) NULL", ColumnType.TIMESTAMP),
    "b": ("TINYINT(1)", ColumnType.BOOLEAN),
}
ROWS = st.tuples(
    st.text(st.characters(codec="utf-8", exclude_characters="\0")),
    st.integers(-(2**31) + 1, 2**31 - 1),
    st.decimals(-(10**28), 10**28, places=9).map(lambda d: d.quantize(Decimal("1e-9")) if abs(d) < 10**18 else d),
    st.dates(date(1000, 1, 1)),
    st.datetimes(datetime(1971, 1, 1), datetime(2037, 1, 1)).map(lambda d: d.replace(tzinfo=UTC)),
    st.booleans(),
)


@pytest.fixture(scope="module")
def server(maria: MariaServer) -> Iterator[MariaServer]:
    maria.execute("CREATE DATABASE IF NOT EXISTS try_values CHARACTER SET utf8mb4")
    yield maria
    maria.execute("DROP DATABASE try_values")


def column(name: str, kind: ColumnType, precision: int = 38, scale: int = 9) -> Column:
    sizes = (precision, scale) if kind is ColumnType.DECIMAL else (0, 0)
    return Column(name, kind, name, Classification.PERSONAL, precision=sizes[0], scale=sizes[1])


def read(server: MariaServer, columns: tuple[Column, ...]) -> list[dict[str, Any]]:
    """The table's rows as they are handed out."""
    rows = DatabaseRows.open(sa.make_url(server.address_of("root")), Curated(), {})
    table = sa.table("x", sa.column("no"), schema="try_values")
    try:
        select = sa.select(*(sa.column(c.name) for c in columns)).select_from(table).order_by(table.c.no)
        return [row for batch in rows.batches(select, columns) for row in batch.to_pylist()]
    finally:
        rows.close()


def held(server: MariaServer, definitions: str, *inserts: str) -> None:
    """A table of one number and `definitions`, filled as a lax loader would."""
    server.execute(
        "DROP TABLE IF EXISTS try_values.x",
        f"CREATE TABLE try_values.x (no INT AUTO_INCREMENT PRIMARY KEY, {definitions})",
    )
    server.execute("SET SESSION sql_mode = ''", *inserts)


@settings(max_examples=15)
@given(st.lists(st.tuples(ROWS, st.integers(0, 63)), min_size=1, max_size=30))
def test_every_value_of_every_type_and_every_null_arrives_as_it_was_put_in(
    server: MariaServer, given: list[tuple[tuple[Any, ...], int]]
) -> None:
    rows = [tuple(None if nulls >> i & 1 else v for i, v in enumerate(row)) for row, nulls in given]
    held(server, ", ".join(f"{n} {t}" for n, (t, _) in TYPES.items()))
    with server.connect() as connection, connection.cursor() as cursor:
        marks = ", ".join(["%s"] * len(TYPES))
        stored = [tuple(v.replace(tzinfo=None) if isinstance(v, datetime) else v for v in row) for row in rows]
        cursor.executemany(f"INSERT INTO try_values.x ({', '.join(TYPES)}) VALUES ({marks})", stored)
    found = read(server, tuple(column(n, kind) for n, (_, kind) in TYPES.items()))
    assert [tuple(row.values()) for row in found] == rows


def test_a_moment_is_the_same_wherever_it_was_put_in(server: MariaServer) -> None:
    insert = "INSERT INTO try_values.x (z) VALUES ('2026-06-30 23:30:00.25')"
    held(server, "z TIMESTAMP(6) NULL", "SET SESSION time_zone = '+05:30'", insert)
    (row,) = read(server, (column("z", ColumnType.TIMESTAMP),))
    assert row["z"] == datetime(2026, 6, 30, 18, 0, 0, 250_000, UTC)


def test_a_very_long_text_of_every_plane_arrives_whole(server: MariaServer) -> None:
    text = "a\u00e9\uffee🧣\U00020000\U0010fffd'\\\n" * 400_000
    held(server, "t LONGTEXT")
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO try_values.x (t) VALUES (%s)", [text])
    assert read(server, (column("t", ColumnType.STRING),)) == [{"t": text}]


def test_a_text_in_another_character_set_arrives_as_what_it_says(server: MariaServer) -> None:
    held(server, "t VARCHAR(9) CHARACTER SET latin1", "INSERT INTO try_values.x (t) VALUES ('Zoë £')")
    assert read(server, (column("t", ColumnType.STRING),)) == [{"t": "Zoë £"}]


def test_a_number_of_more_than_fifteen_digits_is_exact_and_a_double_is_its_shortest_text(server: MariaServer) -> None:
    held(server, "m BIGINT UNSIGNED, d DOUBLE", "INSERT INTO try_values.x (m, d) VALUES (18446744073709551615, 0.1)")
    columns = (column("m", ColumnType.DECIMAL, 20, 0), column("d", ColumnType.DECIMAL, 15, 3))
    assert read(server, columns) == [{"m": Decimal("18446744073709551615"), "d": Decimal("0.100")}]


REFUSED = {
    "a zero date": ("v DATE", "'0000-00-00'", ColumnType.DATE, "no date"),
    "a day that is not": ("v DATE", "'2026-11-00'", ColumnType.DATE, "no date"),
    "a zero moment": ("v TIMESTAMP NULL", "'0000-00-00 00:00:00'", ColumnType.TIMESTAMP, "no timestamp"),
    "a time without a zone": ("v DATETIME", "'2026-11-05 09:30:00'", ColumnType.TIMESTAMP, "has no zone"),
    "a date with a time": ("v DATETIME", "'2026-11-05 09:30:00'", ColumnType.DATE, "no date"),
    "six digits": ("v FLOAT", "16777217", ColumnType.DECIMAL, "a FLOAT"),
    "too large": ("v BIGINT", "2147483648", ColumnType.INTEGER, "no integer"),
    "no yes or no": ("v TINYINT(1)", "2", ColumnType.BOOLEAN, "no boolean"),
    "a bit": ("v BIT(1)", "b'1'", ColumnType.BOOLEAN, "no boolean"),
    "bytes": ("v BLOB", "'x'", ColumnType.STRING, "no string"),
    "a null character": ("v TEXT", "CONCAT('a', CHAR(0))", ColumnType.STRING, "no string"),
    "too many places": ("v DECIMAL(20, 12)", "0.123456789012", ColumnType.DECIMAL, "no decimal"),
}


@pytest.mark.parametrize(("definition", "value", "kind", "told"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_not_exact_stops_the_run_and_is_not_told(
    server: MariaServer, definition: str, value: str, kind: ColumnType, told: str
) -> None:
    held(server, definition, f"INSERT INTO try_values.x (v) VALUES ({value})")
    with pytest.raises(CheckFailed, match=f"v: .*{told}") as refused:
        read(server, (column("v", kind),))
    assert value not in str(refused.value)
