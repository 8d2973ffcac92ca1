"""What a folder of Parquet files hands out: the planned columns, of the rows that conditions let pass.

Rules:
1. Columns that a query does not name are not read from the files, and rows that its conditions leave out do not leave
   the reader. Only what every reader understands alike is left to it; the engine applies every condition again.
2. Rows are typed exactly (`parquet_schema`), batch by batch; memory does not grow with their number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import reduce
from operator import and_
from typing import TYPE_CHECKING, Any

from extracts.agreement.plan import Condition, Operator, PlannedDataset
from extracts.canonical import digest
from extracts.catalogue.contract import Classification, Column, ColumnType, Dataset, LoadStamp
from extracts.errors import ExtractsError
from extracts.extraction.sources.exact_values import arrow_schema
from extracts.extraction.sources.handed_out import Stream
from extracts.extraction.sources.parquet_files import FileSet, file_set
from extracts.extraction.sources.parquet_schema import exactly, opened, unreadable
from extracts.extraction.sources.pushed_down import is_pushed
from extracts.extraction.values import Snapshot

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

CONTROLS = ("hold", "load_stamp")
_BATCH_ROWS = 50_000


@dataclass
class FolderRows:
    """One moment of a folder. `failure` is what went wrong while rows were handed out."""

    sets: Mapping[str, FileSet]
    datasets: Mapping[str, Dataset]
    at: datetime
    failure: ExtractsError | None = None

    @classmethod
    def open(cls, root: Path, datasets: Mapping[str, Dataset], at: datetime) -> FolderRows:
        """Fix the set of files. Raises SourceChanged."""
        newest = [t for d in datasets.values() if d.load_stamp is LoadStamp.NEWEST_FILE for t in d.load_tables]
        wanted = {*(folder_name(d) for d in datasets.values()), *newest, *CONTROLS}
        return cls({name: file_set(root, name) for name in sorted(wanted)}, datasets, at)

    def control(self, name: str, columns: Mapping[str, ColumnType]) -> pa.Table:
        """The whole of a control relation; stamps of the newest files with it, where a contract says so."""
        import pyarrow as pa

        wanted = tuple(Column(n, t, n, Classification.CONTROL) for n, t in columns.items())
        found = pa.Table.from_batches(self._passing(name, wanted, None).batches(), arrow_schema(wanted))
        stamps = self._newest() if name == "load_stamp" else []
        return pa.concat_tables([found, pa.Table.from_pylist(stamps, found.schema)])

    def stream(self, planned: PlannedDataset, columns: tuple[Column, ...], query: str) -> Stream:
        """The planned columns and rows, typed, anew for each pass."""
        dataset = self.datasets[planned.dataset]
        return self._passing(folder_name(dataset), columns, conditions(planned, dataset, query))

    def count(self, dataset: Dataset) -> int:
        """As the files say themselves."""
        return self._count(folder_name(dataset))

    def moment(self) -> Snapshot:
        """Which files were read, in one digest."""
        import pyarrow as pa

        number = sum(len(s.files) for s in self.sets.values())
        visible = f"{number} files, {digest([[name, s.digest()] for name, s in sorted(self.sets.items())])}"
        return Snapshot(visible, "parquet", self.at, "", f"parquet {pa.__version__}", f"held-{id(self):x}")

    def check_unchanged(self) -> None:
        """Raises SourceUnreachable if the files are others by now."""
        for files in self.sets.values():
            files.check_unchanged()

    def close(self) -> None:
        """Nothing is held."""

    def _newest(self) -> list[dict[str, Any]]:
        tables = {t for d in self.datasets.values() if d.load_stamp is LoadStamp.NEWEST_FILE for t in d.load_tables}
        return [
            {"table_name": t, "loaded_at": self.sets[t].newest, "row_count": self._count(t)} for t in sorted(tables)
        ]

    def _count(self, relation: str) -> int:
        from pyarrow import parquet

        files = self.sets[relation]
        try:
            return sum(parquet.read_metadata(path).num_rows for path in files.paths)
        except Exception as error:
            raise unreadable(files, error) from None

    def _passing(self, relation: str, columns: tuple[Column, ...], filter: Any) -> Passing:
        return Passing(self.sets[relation], columns, filter, self._keep)

    def _keep(self, error: ExtractsError) -> None:
        self.failure = error


@dataclass(frozen=True)
class Passing:
    """Rows that DuckDB can read again and again: a new pass over the same files each time."""

    files: FileSet
    columns: tuple[Column, ...]
    filter: Any
    keep: Callable[[ExtractsError], None]

    def __arrow_c_schema__(self) -> object:
        """Asked before the first pass."""
        return arrow_schema(self.columns).__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """A new pass."""
        import pyarrow as pa

        made = pa.RecordBatchReader.from_batches(arrow_schema(self.columns), self.batches())
        return made.__arrow_c_stream__(requested_schema)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """One pass. What goes wrong is kept: DuckDB would make it its own."""
        try:
            scanner = opened(self.files, self.columns).scanner(
                columns=[c.name for c in self.columns],
                filter=self.filter,
                batch_size=_BATCH_ROWS,
                batch_readahead=2,
                fragment_readahead=1,
                use_threads=False,
                cache_metadata=False,
            )
            for batch in scanner.to_batches():
                yield exactly(batch, self.columns)
        except ExtractsError as error:
            self.keep(error)
            raise
        except Exception as error:
            found = unreadable(self.files, error)
            self.keep(found)
            raise found from None


def conditions(planned: PlannedDataset, dataset: Dataset, query: str) -> Any:
    """What every reader understands alike, as a filter; None if there is nothing."""
    import pyarrow.compute as pc

    types = {c.name: c.type for c in dataset.columns}
    tests = [_test(c, types[c.column]) for c in planned.conditions if is_pushed(c, types[c.column])]
    for marker in (planned.restricted_column, planned.safe_address_column):
        if marker and f"d.{marker} IS FALSE" in query:
            tests.append(~pc.field(marker))
    return reduce(and_, tests) if tests else None


def folder_name(dataset: Dataset) -> str:
    """`curated.benefit_cap` is the folder `benefit_cap`."""
    return dataset.relation.partition(".")[2]


def _test(condition: Condition, type: ColumnType) -> Any:
    import pyarrow.compute as pc

    column = pc.field(condition.column)
    if condition.operator is Operator.IS_NULL:
        return column.is_valid() if condition.negated else column.is_null()
    values = [_VALUES[type](v) for v in condition.values]
    if condition.operator is Operator.IN:
        found = reduce(lambda a, b: a | b, (column == v for v in values))
    elif condition.operator is Operator.BETWEEN:
        found = (column >= values[0]) & (column <= values[1])
    elif condition.operator is Operator.EQUALS:
        found = column == values[0]
    else:
        found = column < values[0] if condition.operator is Operator.BEFORE else column > values[0]
    return ~found if condition.negated else found


_VALUES: Mapping[ColumnType, Callable[[str], Any]] = {
    ColumnType.STRING: str,
    ColumnType.INTEGER: int,
    ColumnType.DATE: date.fromisoformat,
    ColumnType.BOOLEAN: lambda text: text == "true",
}
