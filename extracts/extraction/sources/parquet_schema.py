"""Is what a folder of Parquet files stores what its contract says? Columns and types of the files, keys of partitions.

Rules:
1. A file's column is exactly of the contract's type, or one that becomes it without loss. Anything else stops the run,
   by the column's name: a number with a binary point, a time without a zone, an impossible text.
2. A key of a Hive partition is a column like any other, read by the contract's type; it cannot be in the files, too.
3. All files have the same columns and keys. Columns that no contract declares may be there, and are not read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from extracts.catalogue.contract import Column, ColumnType
from extracts.errors import CheckFailed, ExtractsError, SourceChanged
from extracts.extraction.sources.exact_values import arrow_schema, arrow_type
from extracts.extraction.sources.parquet_files import FileSet

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.dataset as pads

_OWNER = "Nothing leaves. Ask whoever loads the folder."


def opened(files: FileSet, columns: tuple[Column, ...]) -> pads.Dataset:
    """The files with these columns, as they are stored. Raises CheckFailed, SourceChanged."""
    import pyarrow as pa
    import pyarrow.dataset as pads

    keys = partition_keys(files)
    stored = stored_schema(files)
    fields = [_field(files, c, stored, keys) for c in columns]
    types = {c.name: arrow_type(c) for c in columns}
    layout = pads.partitioning(pa.schema([(k, types.get(k, pa.string())) for k in keys]), flavor="hive")
    schema = pa.schema([*fields, *(layout.schema.field(k) for k in keys if k not in types)])
    base = str(files.root)
    try:
        return pads.dataset(files.paths, schema=schema, format="parquet", partitioning=layout, partition_base_dir=base)
    except Exception as error:  # a folder's name that is no value of the column's type; it would be quoted
        raise unreadable(files, error) from None


def stored_schema(files: FileSet) -> pa.Schema:
    """The columns of every file, which all have alike. Raises SourceChanged."""
    from pyarrow import parquet

    found: pa.Schema | None = None
    for path in files.paths:
        try:
            schema = parquet.read_schema(path)
        except Exception as error:
            raise unreadable(files, error) from None
        if len(set(schema.names)) != len(schema.names):
            raise SourceChanged(f"{files.relation}: a file has two columns of one name.", advice=_OWNER)
        if found is not None and not _alike(found, schema):
            raise SourceChanged(f"{files.relation}: its files do not have the same columns and types.", advice=_OWNER)
        found = found or schema
    assert found is not None
    return found


def partition_keys(files: FileSet) -> tuple[str, ...]:
    """The keys by which the folder is partitioned, the same for every file. Raises SourceChanged."""
    found = {tuple(key for key, _ in f.partition) for f in files.files}
    if len(found) != 1:
        raise SourceChanged(f"{files.relation}: its files are not all partitioned by the same keys.", advice=_OWNER)
    return found.pop()


def exactly(batch: pa.RecordBatch, columns: tuple[Column, ...]) -> pa.RecordBatch:
    """The batch in the contract's types, without loss. Raises CheckFailed."""
    import pyarrow as pa
    import pyarrow.compute as pc

    arrays = []
    for column, values in zip(columns, batch.columns, strict=True):
        try:
            made = values.cast(arrow_type(column), safe=True)
            made.validate(full=True)
        except (pa.ArrowException, UnicodeError):
            raise _inexact(column) from None
        if column.type is ColumnType.STRING and pc.any(pc.match_substring(made, "\0")).as_py():
            raise _inexact(column)
        arrays.append(made)
    return pa.record_batch(arrays, schema=arrow_schema(columns))


def unreadable(files: FileSet, error: Exception) -> ExtractsError:
    """What went wrong, without a word of the library's. The files may have changed under the reader."""
    try:
        files.check_unchanged()
    except ExtractsError as changed:
        return changed
    return SourceChanged(
        f"{files.relation}: a file cannot be read as Parquet, or not as the contract says ({type(error).__name__}).",
        advice=_OWNER,
    )


def _alike(one: pa.Schema, other: pa.Schema) -> bool:
    """Whatever order the columns are in."""
    return {f.name: f.type for f in one} == {f.name: f.type for f in other}


def _field(files: FileSet, column: Column, stored: pa.Schema, keys: tuple[str, ...]) -> pa.Field:
    import pyarrow as pa

    there = column.name in stored.names
    if there and column.name in keys:
        raise SourceChanged(
            f"{files.relation}: {column.name} is in the files and names their folders, too.", advice=_OWNER
        )
    if column.name in keys:
        return pa.field(column.name, arrow_type(column))
    if not there:
        raise SourceChanged(f"{files.relation}: column {column.name} is not in the files.", advice=_OWNER)
    found = stored.field(column.name).type
    if not _FITS[column.type](found):
        raise _inexact(column)
    return pa.field(column.name, found)


def _fits() -> Mapping[ColumnType, Callable[[Any], bool]]:
    import pyarrow.types as t

    def plain(kind: Any) -> bool:
        return bool(t.is_string(kind) or t.is_large_string(kind))

    return {
        ColumnType.STRING: lambda k: plain(k) or (t.is_dictionary(k) and plain(k.value_type)),
        ColumnType.INTEGER: t.is_integer,
        ColumnType.DECIMAL: lambda k: t.is_decimal(k) or t.is_integer(k),
        ColumnType.DATE: t.is_date32,
        ColumnType.TIMESTAMP: lambda k: t.is_timestamp(k) and k.tz is not None,
        ColumnType.BOOLEAN: t.is_boolean,
    }


class _Fits(dict[ColumnType, Callable[[Any], bool]]):
    """Made when it is first asked: Arrow is loaded where rows are read, and nowhere else."""

    def __missing__(self, key: ColumnType) -> Callable[[Any], bool]:
        self.update(_fits())
        return self[key]


_FITS = _Fits()


def _inexact(column: Column) -> CheckFailed:
    return CheckFailed(
        f"{column.name}: the source holds something that is no {column.type.value} as the contract declares it.",
        advice="Nothing leaves. Ask the source's owner. Times need their zone, and numbers with a point are decimals.",
    )
