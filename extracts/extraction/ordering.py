"""The order in which rows leave: their own, decided by what they hold, never the source's.

Rules:
1. Pseudonyms first, then the key as far as it is delivered as it is, then every other column. With every column in it
   the order says nothing that the rows do not say. (Two extracts of one source under different keys, joined by row
   number, would link every person.)
2. Pseudonyms are spread evenly, so their buckets are equal parts of their range. Where no pseudonym leads, a sample
   of the first column sets the limits of the buckets.
3. Nulls come last.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from extracts.agreement.plan import PlannedColumn, PlannedDataset
from extracts.catalogue.contract import ColumnType, Identifier
from extracts.extraction.spool import Numbers, Spool, by_hash

KEY = "_key"
"""The hidden column with the first 64 bits of the leading pseudonym."""

_SAMPLE_EVERY = 64
_VARIETY = (
    ColumnType.TIMESTAMP,
    ColumnType.STRING,
    ColumnType.DATE,
    ColumnType.DECIMAL,
    ColumnType.INTEGER,
    ColumnType.BOOLEAN,
)


def order_columns(planned: PlannedDataset) -> tuple[str, ...]:
    """The names of all delivered columns, in the order by which rows are sorted."""

    def rank(column: PlannedColumn) -> tuple[int, int]:
        if column.treatment_name == "pseudonymise":
            return (0, 0 if column.source == planned.persons[0] else 1)
        if column.treatment_name != "keep":
            return (4, _VARIETY.index(column.delivered_type))
        if column.source in planned.key:
            return (1, planned.key.index(column.source))
        return (2 if column.identifier is Identifier.DIRECT else 3, _VARIETY.index(column.delivered_type))

    return tuple(c.name for c in sorted(planned.columns, key=rank))


def leading_pseudonym(planned: PlannedDataset) -> str:
    """The pseudonym by which rows are sorted first; empty if the plan delivers none."""
    first = next(c for c in planned.columns if c.name == order_columns(planned)[0])
    return first.name if first.treatment_name == "pseudonymise" else ""


def key_buckets(keys: pa.Array, buckets: int) -> Numbers:
    """The bucket of each pseudonym by its 64-bit key; a null's is the last."""
    return by_hash(_filled(keys), buckets)


class Sample:
    """Some values of the first column, by which rows without pseudonyms are put into buckets."""

    def __init__(self, column: str) -> None:
        self.column = column
        self._parts: list[pa.Array] = []

    def add(self, batch: pa.RecordBatch) -> None:
        """Note every 64th value."""
        values = batch.column(self.column)
        self._parts.append(values.take(pa.array(range(0, len(values), _SAMPLE_EVERY), pa.int64())))

    def limits(self, buckets: int) -> list[pa.Scalar]:
        """The values at which a new bucket begins, rising."""
        if not self._parts or buckets == 1:
            return []
        values = pa.chunked_array(self._parts).drop_null().combine_chunks()
        values = values.take(pc.sort_indices(values))
        return list(values.take(pa.array([len(values) * i // buckets for i in range(1, buckets) if len(values)])))


def sort_into(target: Spool, unsorted: Spool, column: str, limits: list[pa.Scalar]) -> None:
    """Moves rows into the buckets that `limits` divide."""
    for batch in unsorted.batches(0):
        values = batch.column(column)
        numbers = np.zeros(len(values), dtype=np.int64)
        for limit in limits:
            numbers += pc.fill_null(pc.greater_equal(values, limit), True).to_numpy(zero_copy_only=False)
        target.write(batch, numbers)


def in_order(table: pa.Table, planned: PlannedDataset) -> pa.Table:
    """The planned columns of a bucket, sorted, in one chunk."""
    table = table.combine_chunks()
    order = _by_key(table) if KEY in table.column_names else None
    if order is None:
        names = order_columns(planned)
        compared = pa.table({n: plain(table.column(n).combine_chunks()) for n in names})
        order = pc.sort_indices(compared, sort_keys=[(name, "ascending", "at_end") for name in names])
    return table.select([c.name for c in planned.columns]).take(order)


def unsorted_pairs(rows: pa.RecordBatch, order: tuple[str, ...], before: pa.RecordBatch | None) -> int:
    """How many rows are smaller than the one before, by the columns of `order`; the next decides where one ties.

    before: the last row of the preceding batch.
    """
    found, tied = 0, None
    for name in order:
        column = plain(rows.column(name))
        column = column if before is None else pa.concat_arrays([plain(before.column(name)), column])
        earlier, later = column.slice(0, max(0, len(column) - 1)), column.slice(1)
        if tied is not None:
            earlier, later = earlier.take(tied), later.take(tied)
        found += pc.sum(_smaller(later, earlier)).as_py() or 0
        same = pc.indices_nonzero(_same(earlier, later))
        tied = same if tied is None else tied.take(same)
        if not len(tied):
            break
    return found


def plain(column: pa.Array) -> pa.Array:
    """The values themselves of a column that may be read as a dictionary."""
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def _smaller(one: pa.Array, other: pa.Array) -> pa.Array:
    # A null comes last, so it is larger than any value.
    return pc.coalesce(pc.less(one, other), pc.and_(pc.is_valid(one), pc.is_null(other)))


def _same(one: pa.Array, other: pa.Array) -> pa.Array:
    return pc.coalesce(pc.equal(one, other), pc.and_(pc.is_null(one), pc.is_null(other)))


def _by_key(table: pa.Table) -> pa.Array | None:
    """The order by key alone, which is fast; None if two rows share a key, so that other columns must decide."""
    keys = _filled(table.column(KEY).chunk(0)) if table.num_rows else np.zeros(0, np.uint64)
    order = np.argsort(keys)
    ranked = keys[order]
    return None if bool((ranked[1:] == ranked[:-1]).any()) else pa.array(order)


def _filled(keys: pa.Array) -> Numbers:
    most = pa.scalar(2**64 - 1, pa.uint64())
    filled: Numbers = pc.fill_null(keys, most).to_numpy(zero_copy_only=False)
    return filled
