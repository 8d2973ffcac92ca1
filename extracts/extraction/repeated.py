"""Text that repeats, kept as dictionaries from the first batch to the file: rows then hold small numbers.

Rules:
1. Which columns repeat is decided by the first batch. A column that no longer does later on costs time, not truth.
2. The column that rows are ordered by first is never one: it is compared as it stands.
3. What is written has dictionaries of exactly the values in its rows, in the order of the values: neither a value that
   was left out nor the source's order leaves in them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from extracts.agreement.plan import PlannedDataset
from extracts.catalogue.contract import ColumnType
from extracts.extraction.ordering import order_columns

_ROWS_PER_VALUE = 20


class Repeated:
    """Which columns of a dataset's treated rows repeat."""

    def __init__(self, planned: PlannedDataset) -> None:
        first = order_columns(planned)[0]
        texts = (c for c in planned.columns if c.delivered_type is ColumnType.STRING)
        self._may = [c.name for c in texts if c.treatment_name != "pseudonymise" and c.name != first]
        self._names: tuple[str, ...] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The columns that are dictionaries; none before the first batch."""
        return self._names or ()

    def kept(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        """The same rows, with dictionaries in place of text that repeats."""
        if self._names is None:
            self._names = tuple(n for n in self._may if _repeats(rows.column(n)))
        for name in self._names:
            number = rows.schema.get_field_index(name)
            rows = rows.set_column(number, name, rows.column(name).dictionary_encode())
        return rows


def written_schema(schema: pa.Schema, names: tuple[str, ...]) -> pa.Schema:
    """`schema` for a writer that is handed dictionaries; in the file these columns are text like any other."""
    kind = pa.dictionary(pa.int32(), pa.string())
    return pa.schema([f.with_type(kind) if f.name in names else f for f in schema])


def only_used(table: pa.Table) -> pa.Table:
    """The same rows, whose dictionaries hold their values alone (rule 3)."""
    for number, column in enumerate(table.columns):
        if pa.types.is_dictionary(column.type):
            compacted = pa.chunked_array([_compact(chunk) for chunk in column.chunks], column.type)
            table = table.set_column(number, table.schema.field(number), compacted)
    return table


def _repeats(column: Any) -> bool:
    return len(pc.unique(column)) * _ROWS_PER_VALUE <= len(column)


def _compact(column: pa.DictionaryArray) -> pa.DictionaryArray:
    values, missing = column.dictionary, column.indices.is_null()
    numbers = column.indices.fill_null(0).to_numpy(zero_copy_only=False)
    used = np.zeros(len(values), dtype=bool)
    used[numbers[~missing.to_numpy(zero_copy_only=False)] if column.null_count else numbers] = True
    order = pc.sort_indices(values).to_numpy()
    kept = order[used[order]]
    places = np.zeros(len(values), dtype=np.int32)
    places[kept] = np.arange(len(kept), dtype=np.int32)
    mask = missing.to_numpy(zero_copy_only=False) if column.null_count else None
    placed = places[numbers] if len(values) else numbers.astype(np.int32)
    return pa.DictionaryArray.from_arrays(pa.array(placed, pa.int32(), mask=mask), values.take(pa.array(kept)))
