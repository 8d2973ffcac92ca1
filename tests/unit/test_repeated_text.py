"""Text that repeats is kept as numbers on its way, and nothing but its own values comes with it into the file."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from extracts.extraction.ordering import order_columns
from extracts.extraction.repeated import Repeated, only_used, written_schema
from extracts.extraction.treatment_sql import file_schema
from tests.support.builders import a_dataset, a_planned_dataset

NAMES = tuple((name, "keep", ()) for name in ("nino", "council_code", "award_type"))
PLANNED = a_planned_dataset(a_dataset(), NAMES, ())
SCHEMA = file_schema(PLANNED)


def rows(number: int, council: str = "S12000047") -> pa.RecordBatch:
    ninos = [f"QQ{i:06}A" for i in range(number)]
    return pa.record_batch([ninos, [council] * number, [f"award {i}" for i in range(number)]], schema=SCHEMA)


def a_table(values: list[str | None]) -> pa.Table:
    return pa.table({"council_code": pa.array(values, pa.string()).dictionary_encode()})


def test_text_that_repeats_becomes_numbers_and_other_text_stays_as_it_is() -> None:
    repeated = Repeated(PLANNED)
    kept = repeated.kept(rows(100))
    assert repeated.names == ("council_code",)
    assert [str(t) for t in kept.schema.types] == ["string", str(pa.dictionary(pa.int32(), pa.string())), "string"]


def test_the_column_that_orders_the_rows_is_never_one_of_them() -> None:
    first = order_columns(PLANNED)[0]
    same = rows(100).set_column(SCHEMA.get_field_index(first), SCHEMA.field(first), pa.array(["same"] * 100))
    repeated = Repeated(PLANNED)
    repeated.kept(same)
    assert first not in repeated.names


def test_a_column_that_no_longer_repeats_later_on_is_still_true() -> None:
    repeated = Repeated(PLANNED)
    repeated.kept(rows(100))
    later = rows(3).set_column(1, "council_code", pa.array(["a", None, "b"]))
    assert repeated.kept(later).column("council_code").to_pylist() == ["a", None, "b"]


def test_what_is_written_has_dictionaries_of_its_own_values_in_their_order(tmp_path: Path) -> None:
    table = a_table(["S3", "S1", "withheld", None, "S2", "S1"]).filter(pa.array([True, True, False, True, True, True]))
    schema = written_schema(pa.schema([("council_code", pa.string())]), ("council_code",))
    path = tmp_path / "f.parquet"
    with parquet.ParquetWriter(path, schema, store_schema=False) as writer:
        writer.write_table(only_used(table))
    found = parquet.ParquetFile(path, read_dictionary=["council_code"]).read().column(0).chunk(0)
    assert found.dictionary.to_pylist() == ["S1", "S2", "S3"]
    assert found.to_pylist() == ["S3", "S1", None, "S2", "S1"]
    assert str(parquet.read_schema(path).field(0).type) == "string"
    assert b"withheld" not in path.read_bytes()


@given(st.lists(st.none() | st.text(max_size=3)))
def test_the_rows_stay_the_same(values: list[str | None]) -> None:
    assert only_used(a_table(values)).column(0).to_pylist() == values
