"""One pass over a finished file's rows: what `inspection` asks of cells, counted group of rows by group of rows.

Text that the file keeps as a dictionary is read as one, so that a shape is searched once per different value, not once
per row; and all that is looked for is one expression, so that each value is read once. Only where it is found is asked
what it was.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from extracts.agreement.patterns import Pattern, any_of, patterns_for
from extracts.agreement.plan import ExtractPlan, PlannedColumn, PlannedDataset
from extracts.catalogue.contract import ColumnType
from extracts.catalogue.treatments import PSEUDONYM_LENGTH, PSEUDONYM_PATTERN
from extracts.extraction.ordering import order_columns, plain, unsorted_pairs
from extracts.extraction.small_cells import asks_for_k

if TYPE_CHECKING:
    import polars

CANARY = "canary"
_ROWS = 65_536
_INDEX_BYTES = 4  # the most that a value takes in a column that is kept as a dictionary


@dataclass
class InspectedRows:
    """What was counted. found: rows by (column, what it must not hold); misshapen: rows by pseudonym column."""

    rows: int = 0
    unordered: int = 0
    found: Counter[tuple[str, str]] = field(default_factory=Counter)
    misshapen: Counter[str] = field(default_factory=Counter)
    smallest_group: int = 0
    counts_people: bool = False


def inspect_rows(plan: ExtractPlan, planned: PlannedDataset, path: Path, canaries: Sequence[str]) -> InspectedRows:
    """Counts everything in one pass, in memory for one group of rows."""
    counted = InspectedRows()
    texts = [c for c in planned.columns if c.delivered_type is ColumnType.STRING]
    searched = [c for c in texts if c.treatment_name != "pseudonymise"]
    groups = _Groups(plan, planned)
    searches = [_Search(c, patterns_for(plan, c), [x.strip() for x in canaries if x.strip()]) for c in searched]
    order, last = order_columns(planned), None
    repeated = _repeated(path, [c.name for c in searched])
    with parquet.ParquetFile(path, read_dictionary=repeated, pre_buffer=False) as file:
        for batch in file.iter_batches(_ROWS, use_threads=True):
            counted.rows += batch.num_rows
            for column in set(texts) - set(searched):
                counted.misshapen[column.name] += misshapen(batch.column(column.name))
            for search in searches:
                counted.found.update(search.hits(batch.column(search.column.name)))
            counted.unordered += unsorted_pairs(batch, order, last)
            last = batch.slice(batch.num_rows - 1) if batch.num_rows else last
            groups.add(batch)
    counted.found.update(dict.fromkeys(((s.column.name, what) for s in searches for what in s.names), 0))
    counted.misshapen.update(dict.fromkeys((c.name for c in texts if c not in searched), 0))
    counted.smallest_group, counted.counts_people = groups.smallest(), groups.counts_people
    return counted


def _repeated(path: Path, names: list[str]) -> list[str]:
    """The columns that the file keeps as dictionaries; to make one of another takes longer than to read it twice."""
    metadata = parquet.read_metadata(path)
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    chunks = [g.column(i) for g in groups for i in range(g.num_columns)]
    plain = {c.path_in_schema for c in chunks if c.total_uncompressed_size > _INDEX_BYTES * c.num_values}
    return [name for name in names if name not in plain]


def misshapen(column: pa.Array) -> int:
    """How many values have not the exact shape of pseudonyms; nulls are none."""
    if _is_all_hex(column):
        return 0
    return pc.sum(pc.invert(pc.match_substring_regex(column, f"^{PSEUDONYM_PATTERN}$"))).as_py() or 0


def _is_all_hex(column: pa.Array) -> bool:
    """Whether all is well, seen over all characters at once: a tenth of what a regular expression takes."""
    _, offsets, characters = column.buffers()
    if not characters:
        return False
    ends = np.frombuffer(offsets, np.int32)[column.offset : column.offset + len(column) + 1]
    whole = int((np.diff(ends) == PSEUDONYM_LENGTH).sum()) == len(column) - column.null_count
    found = characters.slice(int(ends[0]), int(ends[-1] - ends[0])).to_pybytes()
    return whole and len(found) % PSEUDONYM_LENGTH == 0 and not found.translate(None, b"0123456789abcdef")


class _Search:
    """What one column of text must not hold."""

    def __init__(self, column: PlannedColumn, patterns: tuple[Pattern, ...], canaries: list[str]) -> None:
        self.column = column
        planted = any_of(re.escape(canary) for canary in canaries)
        self.names = [*(p.name for p in patterns), *([CANARY] if canaries else [])]
        self.expressions = [*(p.regex for p in patterns), *([f"(?i){planted}"] if canaries else [])]

    def hits(self, column: pa.Array) -> dict[tuple[str, str], int]:
        """How many rows of this batch hold what, where it is not none."""
        is_dictionary = pa.types.is_dictionary(column.type)
        found = {}
        for name, matching in self._matching(column.dictionary if is_dictionary else column):
            if pc.any(matching).as_py():
                rows = pc.take(matching, column.indices) if is_dictionary else matching
                found[self.column.name, name] = pc.sum(pc.fill_null(rows, False)).as_py() or 0
        return found

    def _matching(self, values: pa.Array) -> Any:
        wanted = dict(zip(self.names, self.expressions, strict=True))
        if wanted and pc.any(pc.match_substring_regex(values, any_of(wanted.values()))).as_py():
            for name, expression in wanted.items():
                yield name, pc.match_substring_regex(values, expression)


class _Groups:
    """People per group of quasi-identifiers. A person's rows follow one another: their pseudonym leads the order."""

    def __init__(self, plan: ExtractPlan, planned: PlannedDataset) -> None:
        self.wanted = asks_for_k(plan, planned)
        self.names = list(planned.quasi_identifiers)
        leading = next(c for c in planned.columns if c.name == order_columns(planned)[0])
        is_subject = leading.source == planned.persons[0] and leading.treatment_name == "pseudonymise"
        self.subject = leading.name if is_subject else ""
        self.counts_people = is_subject
        self._parts: list[polars.DataFrame] = []
        self._rest: polars.DataFrame | None = None

    def add(self, batch: pa.RecordBatch) -> None:
        import polars as pl

        if not self.wanted or not batch.num_rows:
            return
        columns = [*self.names, *([self.subject] if self.subject else [])]
        rows = pl.DataFrame({n: pl.from_arrow(plain(batch.column(n))) for n in columns})
        if self.subject:
            rows = rows if self._rest is None else pl.concat([self._rest, rows])
            last = rows[self.subject][-1]
            is_last = rows[self.subject].eq_missing(last)
            self._rest, rows = rows.filter(is_last).unique(), rows.filter(~is_last)
        self._count(rows)

    def smallest(self) -> int:
        """People of the smallest group; 0 if there is none."""
        import polars as pl

        if self._rest is not None:
            self._count(self._rest)
        if not self._parts:
            return 0
        found = pl.concat(self._parts).group_by(self.names).agg(pl.sum("n")).select(pl.min("n")).item()
        return int(found or 0)

    def _count(self, rows: polars.DataFrame) -> None:
        import polars as pl

        if self.subject and not _differ(rows[self.subject]):
            number = pl.col(self.subject).drop_nulls().n_unique()
        else:
            number = pl.len()
        if len(rows):
            self._parts.append(rows.group_by(self.names).agg(number.cast(pl.Int64).alias("n")))
        if len(self._parts) > 64:
            self._parts = [pl.concat(self._parts).group_by(self.names).agg(pl.sum("n"))]


def _differ(subjects: polars.Series) -> bool:
    """Whether each row has another subject than the one before, so that rows are people: they lie in this order."""
    return not subjects.has_nulls() and bool((subjects != subjects.shift()).fill_null(True).all())
