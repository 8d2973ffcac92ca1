"""Parquet to CSV, for recipients whose tools read nothing else: every value as it was, and none that runs as a formula.

Rules (RFC 4180, UTF-8, comma, one header line):
1. Every text is quoted, so that leading zeros stay and an empty text (`""`) is told from no value (nothing at all).
2. A text that a spreadsheet would take for a formula gets an apostrophe in front: it starts, after blanks, with
   `=`, `+`, `-`, `@`, their full-width twins, or a control character. One that starts with an apostrophe gets another,
   so that taking one apostrophe away gives back every text that had one put there.
3. Numbers, dates (`2026-11-23`), times (`2026-11-23T09:30:00.000000Z`) and truth (`true`, `false`) are not quoted:
   they hold nothing that could run.
4. The file appears whole: it is written beside and renamed. Rows keep their order; memory does not grow with them.
"""

from __future__ import annotations

from pathlib import Path

from extracts.handover.collection.table import name, opened_table, text
from extracts.handover.files import staging_errors

_RUNS = r"^[\s\x{00A0}]*[=+\-@＝＋－＠\x00-\x1f]|^'"


def write_csv(parquet: Path, target: Path) -> int:
    """The CSV file `target` of a Parquet file; its number of rows. An existing file is replaced."""
    unfinished = target.with_name(f".{target.name}.unfinished")
    with staging_errors(target.name), opened_table(parquet) as data:
        columns = [(str(c), str(t)) for c, t, *_ in data.execute("DESCRIBE data").fetchall()]
        texts = ", ".join(name(c) for c, kind in columns if kind == "VARCHAR")
        chosen = ", ".join(f"{_value(c, kind)} AS {name(c)}" for c, kind in columns)
        options = "FORMAT csv, HEADER true, DELIMITER ',', QUOTE '\"', ESCAPE '\"', NULLSTR ''"
        options += f", FORCE_QUOTE ({texts})" if texts else ""
        data.execute("SET preserve_insertion_order=true")
        (rows,) = data.execute(f"COPY (SELECT {chosen} FROM data) TO {text(str(unfinished))} ({options})").fetchone()
        unfinished.replace(target)
    return int(rows)


def _value(column: str, kind: str) -> str:
    quoted = name(column)
    if kind == "VARCHAR":
        return f"CASE WHEN regexp_matches({quoted}, {text(_RUNS)}) THEN '''' || {quoted} ELSE {quoted} END"
    if kind.startswith("TIMESTAMP"):
        return f"strftime({quoted}, '%Y-%m-%dT%H:%M:%S.%fZ')"
    return quoted
