"""Makes the finished file of one dataset out of its treated rows: small groups withheld, ordered, counted, digested.

The file has the planned columns and nothing else: an explicit schema, no metadata of ours or of any tool, statistics
only of what is delivered.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from extracts.agreement.plan import ExtractPlan, PlannedDataset
from extracts.canonical import digest, digest_file
from extracts.extraction.counting import Counts
from extracts.extraction.duckdb_session import text
from extracts.extraction.reading import MARK
from extracts.extraction.small_cells import asks_for_k, check_small_groups, find_small_groups, in_small_group
from extracts.extraction.treatment_sql import file_type
from extracts.extraction.values import ExtractFile, Funnel

if TYPE_CHECKING:
    import duckdb


def finish(
    connection: duckdb.DuckDBPyConnection,
    plan: ExtractPlan,
    planned: PlannedDataset,
    counted: Counts,
    treated: Path,
    path: Path,
) -> tuple[ExtractFile, str]:
    """The finished file, and the condition on a treated row `t` that it was withheld (empty if none was).

    Raises LimitExceeded (small groups), CheckFailed (the numbers do not add up).
    """
    rows = f"read_parquet({text(str(treated))}) AS t"
    withheld, withheld_rows, smallest = "", 0, None
    if asks_for_k(plan, planned):
        small = find_small_groups(connection, plan, planned, rows, f't."{MARK}0"')
        check_small_groups(plan, planned.dataset, small, counted.deliverable)
        smallest, withheld_rows = small.smallest_kept, small.rows
        withheld = in_small_group(planned, "t") if small.groups else ""
    kept = f"{rows} WHERE NOT {withheld}" if withheld else rows
    columns = ", ".join(f't."{c.name}"' for c in planned.columns)
    order = ", ".join(f't."{name}"' for name in order_columns(planned))
    connection.execute(
        f"COPY (SELECT {columns} FROM {kept} ORDER BY {order}) TO {text(str(path))} (FORMAT parquet, COMPRESSION zstd)"
    )
    delivered = _number(connection, f"SELECT count(*) FROM read_parquet({text(str(path))})")
    funnel = Funnel(
        source=counted.source,
        filtered=counted.source - counted.matching,
        held=counted.held,
        withheld=counted.withheld + withheld_rows,
        delivered=delivered,
    )
    funnel.check(planned.dataset)
    file = ExtractFile(
        dataset=planned.dataset,
        path=path,
        rows=delivered,
        people=_number(connection, f'SELECT count(DISTINCT t."{MARK}0") FROM {kept}'),
        bytes=path.stat().st_size,
        sha256=digest_file(path),
        schema_digest=schema_digest(planned),
        funnel=funnel,
        smallest_group=smallest,
    )
    return file, withheld


def schema_digest(planned: PlannedDataset) -> str:
    """A digest of the file's columns: names and types, in order."""
    return digest([[c.name, file_type(c)] for c in planned.columns])


def order_columns(planned: PlannedDataset) -> tuple[str, ...]:
    """Pseudonyms first, then the key as far as it is delivered as it is, then everything."""
    pseudonyms = [c.name for c in planned.columns if c.treatment_name == "pseudonymise"]
    keys = [c.name for c in planned.columns if c.source in planned.key and c.treatment_name == "keep"]
    return tuple(dict.fromkeys([*pseudonyms, *keys, *(c.name for c in planned.columns)]))


def _number(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    row = connection.execute(query).fetchone()
    assert row is not None
    return int(row[0])
