"""CSV for recipients: every value comes back as it was, and nothing in it runs as a formula."""

from __future__ import annotations

import csv
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from extracts.errors import VerificationFailed
from extracts.handover.collection.csv_file import write_csv

# What opens a formula in a spreadsheet, at the start or after blanks that it ignores.
_RUNS = re.compile(r"[\s\xa0]*[=+\-@＝＋－＠\t\r\n]")
TEXTS = st.one_of(
    st.none(),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    st.from_regex(r"[ \t]?[=+\-@'\"0,;\n\r]{1,3}[0-9A-Za-z]*", fullmatch=True),
    st.from_regex(r"0{1,3}[0-9]{1,5}", fullmatch=True),
)


def written(folder: Path, table: pa.Table) -> bytes:
    parquet.write_table(table, folder / "data.parquet")
    assert write_csv(folder / "data.parquet", folder / "data.csv") == table.num_rows
    assert sorted(p.name for p in folder.iterdir()) == ["data.csv", "data.parquet"]
    return (folder / "data.csv").read_bytes()


def read_back(data: bytes) -> list[list[str | None]]:
    """The cells as a careful reader sees them: None where nothing stands, text where there are quotes."""
    text, rows, cell, quoted, row = data.decode("utf-8"), [], "", False, []  # type: ignore[var-annotated]
    at = 0
    while at < len(text):
        if text[at] == '"':
            end = at + 1
            while text[end] != '"' or text[end + 1 : end + 2] == '"':
                cell += text[end]
                end += 2 if text[end] == '"' else 1
            quoted, at = True, end + 1
        elif text[at] in ",\n":
            row.append(cell if quoted or cell else None)
            rows, row = ([*rows, row], []) if text[at] == "\n" else (rows, row)
            cell, quoted, at = "", False, at + 1
        else:
            cell, at = cell + text[at], at + 1
    return rows[1:]


@settings(max_examples=60)
@given(texts=st.lists(TEXTS, min_size=1, max_size=8))
@example(texts=["", None, "007", "=1+1", " @SUM(A1)", "'", "''", "a\r\nb", "\x00", "-5", '"', ",", "\ufeff=1"])
def test_every_text_comes_back_as_it_was_and_none_of_them_runs(texts: list[str | None], tmp_path_factory: Any) -> None:
    table = pa.table({"text": pa.array(texts, pa.string()), "number": pa.array(range(len(texts)), pa.int64())})
    cells = [row[0] for row in read_back(written(tmp_path_factory.mktemp("csv"), table))]
    assert not [c for c in cells if c and _RUNS.match(c)]
    assert [c if c is None or not c.startswith("'") else c[1:] for c in cells] == texts


@settings(max_examples=30)
@given(texts=st.lists(st.text(st.sampled_from("ab0,\"' =\n"), min_size=1, max_size=6), min_size=1, max_size=5))
def test_the_standard_library_reads_the_same_cells(texts: list[str], tmp_path_factory: Any) -> None:
    folder = tmp_path_factory.mktemp("csv")
    written(folder, pa.table({"a": texts, "b": texts}))
    with (folder / "data.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream))[1:]
    assert [[c[1:] if c.startswith("'") else c for c in row] for row in rows] == [[t, t] for t in texts]


def test_other_types_are_written_in_one_plain_way(tmp_path: Path) -> None:
    at = datetime(2026, 11, 23, 9, 30, 0, 250_000, UTC)
    table = pa.table(
        {
            "number": pa.array([-5, None], pa.int64()),
            "money": pa.array([Decimal("-1.50"), None], pa.decimal128(10, 2)),
            "day": pa.array([date(2026, 11, 23), None]),
            "at": pa.array([at, None], pa.timestamp("us", "UTC")),
            "truth": pa.array([False, None]),
        }
    )
    lines = written(tmp_path, table).decode().splitlines()
    assert lines == ["number,money,day,at,truth", "-5,-1.50,2026-11-23,2026-11-23T09:30:00.250000Z,false", ",,,,"]


def test_rows_keep_their_order_and_an_older_file_is_replaced_whole(tmp_path: Path) -> None:
    numbers = list(range(200_000))
    for count in (5, 200_000):
        table = pa.table({"n": pa.array(numbers[:count], pa.int64())})
        assert [int(n) for n in written(tmp_path, table).split()[1:]] == numbers[:count]


def test_what_is_no_parquet_file_is_said_without_its_content(tmp_path: Path) -> None:
    (tmp_path / "data.parquet").write_text("QQ123456C")
    with pytest.raises(VerificationFailed) as caught:
        write_csv(tmp_path / "data.parquet", tmp_path / "data.csv")
    assert "QQ123456C" not in str(caught.value)
    assert not list(tmp_path.glob("*csv*"))
