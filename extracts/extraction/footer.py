"""Reads a Parquet file's footer with another library than the one that wrote it, and compares it with the plan.

A frame that was cut down after the fact leaves the names of dropped columns in its metadata, and a stored Arrow schema
is a place to hide anything; so there may be none. Page indexes and Bloom filters tell of values as statistics do.
"""

from __future__ import annotations

from typing import Any

from extracts.agreement.plan import PlannedDataset
from extracts.catalogue.contract import ColumnType
from extracts.extraction.values import ExtractFile

STRUCTURE = ("columns are the planned ones, in order", "types are the planned ones")
_WRITER = "parquet-cpp-arrow"


def footer_problems(planned: PlannedDataset, file: ExtractFile) -> dict[str, str]:
    """What is wrong with the footer, by check; an empty text where nothing is."""
    from pyarrow import parquet

    with parquet.ParquetFile(file.path) as opened:
        metadata, schema = opened.metadata, opened.schema_arrow
    found = [(f.name, str(f.type)) for f in schema]
    wanted = [(c.name, _arrow_type(c.delivered_type, c.precision, c.scale)) for c in planned.columns]
    foreign = [f"{len(kept)} entries" for kept in (metadata.metadata, schema.metadata) if kept]
    field_metadata = [f.name for f in schema if set(f.metadata or {}) - {b"PARQUET:field_id"}]
    chunks = _column_chunks(metadata)
    chunk_metadata = sorted({c.path_in_schema for c in chunks if c.metadata})
    return {
        STRUCTURE[0]: _difference([n for n, _ in wanted], [n for n, _ in found]),
        STRUCTURE[1]: _difference([t for _, t in wanted], [t for _, t in found]),
        "there is no foreign metadata": ", ".join(
            [*foreign, *field_metadata, *chunk_metadata, *_foreign_writer(metadata)]
        ),
        "there are no statistics": ", ".join(sorted({c.path_in_schema for c in chunks if _tells_of_values(c)})),
        "the footer counts the rows that were built": ""
        if metadata.num_rows == file.rows
        else f"{metadata.num_rows} rows, not {file.rows}",
    }


def _foreign_writer(metadata: Any) -> list[str]:
    return [] if str(metadata.created_by).startswith(_WRITER) else ["written by another program"]


def _column_chunks(metadata: Any) -> list[Any]:
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    return [g.column(i) for g in groups for i in range(g.num_columns)]


def _tells_of_values(chunk: Any) -> bool:
    indexed = chunk.has_column_index or chunk.has_offset_index
    return bool(chunk.is_stats_set or chunk.is_geo_stats_set or indexed or chunk.bloom_filter_offset is not None)


def _difference(wanted: list[str], found: list[str]) -> str:
    # Names come from a file that may not be what was planned: only the number of differences is told.
    if wanted == found:
        return ""
    different = sum(a != b for a, b in zip(wanted, found, strict=False)) + abs(len(wanted) - len(found))
    return f"{different} differ; {len(wanted)} planned, {len(found)} found"


def _arrow_type(kind: ColumnType, precision: int, scale: int) -> str:
    return {
        ColumnType.STRING: "string",
        ColumnType.INTEGER: "int32",
        ColumnType.DECIMAL: f"decimal128({precision}, {scale})",
        ColumnType.DATE: "date32[day]",
        ColumnType.TIMESTAMP: "timestamp[us, tz=UTC]",
        ColumnType.BOOLEAN: "bool",
    }[kind]
