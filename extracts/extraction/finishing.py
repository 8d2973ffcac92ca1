"""Makes the finished file of one dataset out of its treated rows: small groups withheld, ordered, counted, digested.

The file has the planned columns and nothing else: an explicit schema, no metadata, no statistics (real values sit in
those), and dictionaries only of values that are in the rows.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from extracts.agreement.plan import ExtractPlan, PlannedColumn, PlannedDataset
from extracts.canonical import digest, digest_file
from extracts.catalogue.contract import ColumnType
from extracts.extraction.counting import Counts
from extracts.extraction.membership import IndexWriter
from extracts.extraction.ordering import in_order
from extracts.extraction.reading import Treated
from extracts.extraction.repeated import only_used, written_schema
from extracts.extraction.small_cells import (
    SmallGroups,
    asks_for_k,
    check_small_groups,
    find_small_groups,
    in_small_group,
)
from extracts.extraction.treatment_sql import file_schema, file_type
from extracts.extraction.values import ExtractFile, Funnel


def finish(
    plan: ExtractPlan,
    planned: PlannedDataset,
    counted: Counts,
    treated: Treated,
    left_out: pa.Table,
    path: Path,
    index: IndexWriter,
) -> ExtractFile:
    """The finished file at `path`; its people go into the membership index, and the marks of those left out.

    Raises LimitExceeded (small groups), CheckFailed (the numbers do not add up).
    """
    small = _small_groups(plan, planned, treated)
    _write(planned, treated, small, path)
    delivered = parquet.read_metadata(path).num_rows
    funnel = Funnel(
        source=counted.source,
        filtered=counted.source - counted.matching,
        held=counted.held,
        withheld=counted.withheld + small.rows,
        delivered=delivered,
    )
    funnel.check(planned.dataset)
    return ExtractFile(
        dataset=planned.dataset,
        path=path,
        rows=delivered,
        people=index.add(planned.dataset, treated.people, small, left_out),
        bytes=path.stat().st_size,
        sha256=digest_file(path),
        schema_digest=schema_digest(planned),
        funnel=funnel,
        smallest_group=small.smallest_kept,
    )


def schema_digest(planned: PlannedDataset) -> str:
    """A digest of the file's columns: names and types, in order."""
    return digest([[c.name, file_type(c)] for c in planned.columns])


def _is_varied(column: PlannedColumn) -> bool:
    return column.treatment_name == "pseudonymise" or column.delivered_type is ColumnType.TIMESTAMP


def _small_groups(plan: ExtractPlan, planned: PlannedDataset, treated: Treated) -> SmallGroups:
    import polars

    if not asks_for_k(plan, planned):
        return SmallGroups(polars.DataFrame(), 0, None)
    small = find_small_groups(treated.people, plan.limits.k)
    check_small_groups(plan, planned.dataset, small, treated.rows.rows)
    return small


def _write(planned: PlannedDataset, treated: Treated, small: SmallGroups, path: Path) -> None:
    import polars

    def prepare(table: pa.Table) -> pa.Table:
        if len(small):
            frame = polars.DataFrame(table.select(planned.quasi_identifiers))
            table = table.filter(pa.array(~in_small_group(frame, small)))
        return only_used(in_order(table, planned))

    schema = written_schema(file_schema(planned), treated.repeated)
    # Where nearly every value differs, a dictionary is built only to be thrown away.
    repeated = [c.name for c in planned.columns if not _is_varied(c)]
    how = {"compression": "zstd", "store_schema": False, "write_statistics": False, "use_dictionary": repeated}
    with parquet.ParquetWriter(path, schema, **how) as writer:
        for table in treated.rows.tables(prepare):
            writer.write_table(table)
