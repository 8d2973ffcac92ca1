"""What a folder of Parquet files says of a dataset: the columns of its files, and the keys of its partitions.

No row is read. A key of a partition is a text until a person says otherwise. A folder knows no primary key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from extracts.catalogue.dataset_draft import Table, TableColumn
from extracts.errors import NotFound, SourceChanged
from extracts.extraction.sources.parquet_files import file_set, folder_of
from extracts.extraction.sources.parquet_schema import partition_keys, stored_schema

if TYPE_CHECKING:
    import pyarrow as pa

_INTEGERS = {"int64": "numeric(19,0)", "uint32": "numeric(10,0)", "uint64": "numeric(20,0)"}


def described_folder(url: str, table: str) -> Table:
    """The table as its files describe it. Raises SettingMissing, SourceUnreachable, NotFound, SourceChanged."""
    root = folder_of(url)
    if "/" in table or (not (root / table).is_dir() and not (root / f"{table}.parquet").is_file()):
        raise NotFound(f"The folder has no {table[:60]!r}.", advice="Name a folder in it, or a file without .parquet.")
    files = file_set(root, table)
    schema, keys = stored_schema(files), partition_keys(files)
    if both := set(schema.names) & set(keys):
        raise SourceChanged(f"{table}: {', '.join(sorted(both))} is in the files and names their folders, too.")
    columns = [TableColumn(f.name, _type(f.type), f.nullable) for f in schema]
    return Table(table, (*columns, *(TableColumn(key, "text", False) for key in keys)), ())


def _type(kind: pa.DataType) -> str:
    """As contracts write it; empty if none of theirs fits."""
    import pyarrow.types as t

    if t.is_dictionary(kind):
        kind = kind.value_type
    if t.is_decimal(kind):
        return f"numeric({kind.precision},{kind.scale})" if 0 <= kind.scale <= kind.precision <= 38 else ""
    if t.is_integer(kind):
        return _INTEGERS.get(str(kind), "integer")
    if t.is_timestamp(kind):
        return "timestamptz" if kind.tz else ""
    if t.is_string(kind) or t.is_large_string(kind):
        return "text"
    return "date" if t.is_date32(kind) else "boolean" if t.is_boolean(kind) else ""
