"""The small source's twin in a folder of Parquet files: the same rows under the same names, as a loader writes them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from extracts.agreement.plan import ExtractPlan
from extracts.canonical import digest
from extracts.catalogue.contract import Classification, Column, Dataset, LoadStamp, SourceKind
from extracts.extraction.sources.exact_values import arrow_schema, exact_batch
from extracts.extraction.sources.handed_out import CONTROL_COLUMNS
from extracts.extraction.sources.parquet_source import FolderSource, open_folder_source
from tests.support.small_source import NOW, SmallSource, with_columns


@dataclass
class ParquetSource:
    """A folder with one dataset, and the control relations."""

    root: Path
    dataset: Dataset

    @property
    def address(self) -> str:
        return f"file://{self.root}"

    @property
    def datasets(self) -> Mapping[str, Dataset]:
        return {self.dataset.name: self.dataset}

    @property
    def folder(self) -> Path:
        return self.root / self.dataset.name

    def plan(self, plan: ExtractPlan) -> ExtractPlan:
        """`plan`, approved of this folder."""
        return with_columns(plan, view_digest=self.dataset.view_digest)

    def enter(self, plan: ExtractPlan) -> FolderSource:
        return open_folder_source(self.plan(plan), self.datasets, self.address, allow_query=True, now=lambda: NOW)

    def rows(self, name: str) -> pa.Table:
        """A relation as it is now, partitions left out."""
        return pa.concat_tables([parquet.read_table(p, partitioning=None) for p in self.paths(name)])

    def paths(self, name: str) -> list[Path]:
        """Its files."""
        single = self.root / f"{name}.parquet"
        return [single] if single.exists() else sorted((self.root / name).rglob("*.parquet"))

    def write(self, name: str, table: pa.Table) -> None:
        """A relation of one file."""
        parquet.write_table(table, self.root / f"{name}.parquet")


def a_parquet_twin(source: SmallSource, root: Path, name: str = "pension_credit_award", by: str = "") -> ParquetSource:
    """What `source` shows of a dataset now, in a new folder; `by`: a column to partition it by."""
    return a_parquet_copy(source.datasets[name], root, source.database.rows, by)


def a_parquet_copy(dataset: Dataset, root: Path, shown: Callable[[str], Iterable[Any]], by: str = "") -> ParquetSource:
    """A dataset and its control relations in a new folder. shown: what a query of the PostgreSQL source gives."""
    root.mkdir()
    facts: dict[str, Any] = {"source_kind": SourceKind.PARQUET, "view_digest": folder_digest(dataset)}
    twin = ParquetSource(root, replace(dataset, deployed_view_digest="", control_digests={}, **facts))
    _write(root / dataset.name, _table(dataset.columns, shown, dataset.relation), by)
    for control, types in CONTROL_COLUMNS.items():
        columns = tuple(Column(n, t, n, Classification.CONTROL) for n, t in types.items())
        parquet.write_table(_table(columns, shown, f"curated.{control}"), root / f"{control}.parquet")
    return twin


def folder_digest(dataset: Dataset, stamp: LoadStamp = LoadStamp.DECLARED) -> str:
    """What an approval holds of a folder in place of a view."""
    return digest({"folder": dataset.relation, "loadStamp": stamp.value})


def _table(columns: tuple[Column, ...], shown: Any, relation: str) -> pa.Table:
    rows = list(shown(f"SELECT {', '.join(c.name for c in columns)} FROM {relation}"))
    return pa.Table.from_batches([exact_batch(rows, columns)], arrow_schema(columns))


def _write(folder: Path, table: pa.Table, by: str) -> None:
    folder.mkdir()
    if by:
        parquet.write_to_dataset(table, folder, partition_cols=[by])
        return
    half = table.num_rows // 2
    for number, part in enumerate((table.slice(0, half), table.slice(half))):
        parquet.write_table(part, folder / f"part-{number}.parquet", row_group_size=10)
