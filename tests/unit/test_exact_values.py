"""What a driver hands out becomes a column of the contract's type exactly, or stops; at once or one by one alike."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extracts.catalogue.contract import Classification, Column, ColumnType
from extracts.errors import CheckFailed
from extracts.extraction.sources.exact_values import arrow_type, exact, exact_batch


def a_column(kind: ColumnType) -> Column:
    sizes = {"precision": 8, "scale": 2} if kind is ColumnType.DECIMAL else {}
    return Column("it", kind, "It.", Classification.PERSONAL, **sizes)


def column_of(values: list[Any], kind: ColumnType) -> list[Any]:
    """The values as they arrive."""
    batch = exact_batch([(v,) for v in values], (a_column(kind),))
    assert batch.schema.field(0).type == arrow_type(a_column(kind))
    found: list[Any] = batch.column(0).to_pylist()
    return found


GOOD: list[tuple[ColumnType, list[Any], list[Any]]] = [
    (ColumnType.STRING, ["007", "", "🧣 é", None], ["007", "", "🧣 é", None]),
    (ColumnType.INTEGER, [0, -5, 2**31 - 1, None], [0, -5, 2**31 - 1, None]),
    (ColumnType.INTEGER, [Decimal("7.00")], [7]),
    (ColumnType.BOOLEAN, [1, 0, None], [True, False, None]),
    (ColumnType.BOOLEAN, [True, 0], [True, False]),
    (ColumnType.DATE, ["2024-02-29", "0001-01-01", "9999-12-31", None], [date(2024, 2, 29), date.min, date.max, None]),
    (ColumnType.DATE, [date(2024, 2, 29)], [date(2024, 2, 29)]),
    (ColumnType.DECIMAL, [0.1, 12, "7.5", Decimal("-0.01"), 999999.99], [
        Decimal("0.10"), Decimal("12.00"), Decimal("7.50"), Decimal("-0.01"), Decimal("999999.99")]),
    (ColumnType.TIMESTAMP, ["2026-03-29T02:30:00+01:00"], [datetime(2026, 3, 29, 1, 30, tzinfo=UTC)]),
    (ColumnType.TIMESTAMP, [datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=-5)))], [
        datetime(2026, 1, 1, 5, tzinfo=UTC)]),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "given", "wanted"), GOOD)
def test_what_is_of_its_type_arrives_as_it_was(kind: ColumnType, given: list[Any], wanted: list[Any]) -> None:
    assert column_of(given, kind) == wanted


BAD: list[tuple[ColumnType, Any]] = [
    (ColumnType.STRING, "nul\0"),
    (ColumnType.STRING, b"bytes"),
    (ColumnType.STRING, "\ud800"),
    (ColumnType.STRING, 7),
    (ColumnType.INTEGER, 2**31),
    (ColumnType.INTEGER, 1.5),
    (ColumnType.INTEGER, True),
    (ColumnType.INTEGER, "7"),
    (ColumnType.BOOLEAN, 2),
    (ColumnType.BOOLEAN, "yes"),
    (ColumnType.DATE, "2023-02-29"),
    (ColumnType.DATE, "29/02/2024"),
    (ColumnType.DATE, "2024-02-29T00:00:00"),
    (ColumnType.DATE, datetime(2024, 2, 29)),
    (ColumnType.DECIMAL, "0.001"),
    (ColumnType.DECIMAL, 1234567),
    (ColumnType.DECIMAL, float("nan")),
    (ColumnType.DECIMAL, "Infinity"),
    (ColumnType.DECIMAL, 0.30000000000000004),
    (ColumnType.TIMESTAMP, "2026-01-01T00:00:00"),
    (ColumnType.TIMESTAMP, datetime(2026, 1, 1)),
    (ColumnType.TIMESTAMP, 1767225600),
]


@pytest.mark.parametrize(("kind", "value"), BAD)
def test_what_is_not_of_its_type_stops_wherever_it_stands(kind: ColumnType, value: Any) -> None:
    good = next(g[0] for k, g, _ in GOOD if k is kind)
    for values in ([value], [good, value], [None, good, value]):
        with pytest.raises(CheckFailed, match="it: the source holds something") as stopped:
            column_of(values, kind)
        assert str(value) not in str(stopped.value).replace("2026-11-05", "") or len(str(value)) < 3


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (ColumnType.STRING, st.text()),
        (ColumnType.INTEGER, st.integers(-(2**33), 2**33)),
        (ColumnType.BOOLEAN, st.integers(-1, 2)),
        (ColumnType.DATE, st.dates().map(str) | st.from_regex(r"\A\d{1,5}-\d{1,2}-\d{1,2}\Z")),
    ],
)
def test_at_once_or_one_by_one_makes_no_difference(kind: ColumnType, values: st.SearchStrategy[Any]) -> None:
    @given(st.lists(values | st.none(), max_size=5))
    def same(handed: list[Any]) -> None:
        try:
            wanted = [exact(v, a_column(kind)) for v in handed]
        except CheckFailed:
            with pytest.raises(CheckFailed):
                column_of(handed, kind)
        else:
            assert column_of(handed, kind) == wanted

    same()


def test_no_rows_are_a_batch_too() -> None:
    assert exact_batch([], (a_column(ColumnType.STRING),)).num_rows == 0
