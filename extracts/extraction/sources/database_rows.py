"""One connection of a database in one transaction, and what it hands out: rows in batches, typed exactly.

Rules:
1. Rows come through the driver's own streaming cursor and are typed as the contract declares them (`exact_values`);
   memory does not grow with their number.
2. Where a connection gives one result at a time, a pass that another one cut off fails: it never ends early unnoticed.
3. Drivers put addresses and values into their messages: only the error's class and number go on, `from None`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from extracts.agreement.plan import PlannedDataset
from extracts.catalogue.contract import Classification, Column, ColumnType, Dataset
from extracts.errors import ExtractsError, SourceChanged, SourceUnreachable, TechnicalFailure
from extracts.extraction.sources.dialects import Dialect, dialect_named, end
from extracts.extraction.sources.exact_values import arrow_schema, exact_batch
from extracts.extraction.sources.handed_out import Stream
from extracts.extraction.sources.pushed_down import relation, selection
from extracts.extraction.values import Snapshot

if TYPE_CHECKING:
    import pyarrow as pa

_BATCH_ROWS = 20_000
# What MariaDB says where a database, view, column or right is missing (1044, 1045: no access; 1356: a view's own).
_MISSING = (1044, 1049, 1054, 1142, 1143, 1146, 1356)


class Relations(Protocol):
    """What is selected from: the curated relations, or the agreement's own views above them."""

    def rows(self, planned: PlannedDataset, columns: tuple[Column, ...]) -> str:
        """Where these columns of a dataset are."""

    def control(self, name: str) -> str:
        """Where a control relation is."""

    def count(self, dataset: Dataset) -> sa.Select[Any]:
        """Every row of the curated view."""


class Curated:
    """The curated relations themselves."""

    def rows(self, planned: PlannedDataset, columns: tuple[Column, ...]) -> str:
        """The curated view."""
        return planned.relation

    def control(self, name: str) -> str:
        """The control relation."""
        return f"curated.{name}"

    def count(self, dataset: Dataset) -> sa.Select[Any]:
        """Counted by the database."""
        return sa.select(sa.func.count()).select_from(relation(dataset.relation))


@dataclass
class DatabaseRows:
    """One connection in one transaction. `failure` is what went wrong while rows were handed out."""

    engine: sa.Engine
    connection: sa.Connection
    dialect: Dialect
    relations: Relations
    datasets: Mapping[str, Dataset]
    failure: ExtractsError | None = None
    _asked: int = 0

    @classmethod
    def open(cls, url: sa.URL, relations: Relations, datasets: Mapping[str, Dataset]) -> DatabaseRows:
        """Connect and begin. Raises SourceUnreachable."""
        with driver_errors():
            dialect = dialect_named(url.get_dialect()().name)
            engine = dialect.engine(url)
            connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            dialect.begin(connection)
            return cls(engine, connection, dialect, relations, datasets)

    def close(self) -> None:
        """Let go of the moment."""
        end(self.engine, self.connection)

    def check_unchanged(self) -> None:
        """The database itself holds the moment."""

    def ask(self, statement: Any) -> Any:
        """A small result. Raises SourceUnreachable, SourceChanged."""
        self._asked += 1
        with driver_errors():
            return self.connection.execute(statement)

    def count(self, dataset: Dataset) -> int:
        """Every row of a curated view."""
        return int(self.ask(self.relations.count(dataset)).scalar_one())

    def control(self, name: str, columns: Mapping[str, ColumnType]) -> pa.Table:
        """The whole of a control relation."""
        import pyarrow as pa

        wanted = tuple(Column(n, t, n, Classification.CONTROL) for n, t in columns.items())
        select: Any = sa.select(*(sa.column(n) for n in columns)).select_from(relation(self.relations.control(name)))
        return pa.Table.from_batches(self.batches(select, wanted), arrow_schema(wanted))

    def stream(self, planned: PlannedDataset, columns: tuple[Column, ...], query: str) -> Stream:
        """The rows that the database selects, typed, anew for each pass."""
        dataset, place = self.datasets[planned.dataset], self.relations.rows(planned, columns)
        return _Stream(self, selection(planned, dataset, columns, query, self.engine.dialect.name, place), columns)

    def batches(self, statement: Any, columns: tuple[Column, ...]) -> Iterator[pa.RecordBatch]:
        """One pass. What goes wrong is kept: DuckDB would make it its own."""
        self._asked += 1
        mine = self._asked
        try:
            with driver_errors():
                # An option of the connection would stay with it, and turn small results into streams.
                found = self.connection.execute(statement, execution_options={"stream_results": True})
                described = found.cursor.description if found.cursor else None
                while rows := found.fetchmany(_BATCH_ROWS):
                    yield exact_batch(self.dialect.fitting(list(rows), columns, described), columns)
                    self._check_own(mine)
                self._check_own(mine)
                found.close()
        except ExtractsError as error:
            self.failure = error
            raise

    def _check_own(self, mine: int) -> None:
        if self.dialect.one_result_at_a_time and self._asked != mine:
            raise TechnicalFailure(
                "The source was asked for something else while its rows were read.",
                advice="Nothing leaves. Tell whoever maintains the software.",
            )

    def moment(self) -> Snapshot:
        """What can be said of the moment that is held."""
        with driver_errors():
            found = self.dialect.moment(self.connection)
        name = self.engine.dialect.name
        version = ".".join(map(str, self.engine.dialect.server_version_info or ()))
        visible = f"one transaction of {name}, begun at {found.at:%Y-%m-%dT%H:%M:%S.%f}Z"
        held = f"held-{id(self):x}"
        return Snapshot(visible, found.server, found.at, found.log_position, f"{name} {version}".strip(), held)


@dataclass(frozen=True)
class _Stream:
    """Rows that DuckDB can read again and again."""

    rows: DatabaseRows
    statement: Any
    columns: tuple[Column, ...]

    def __arrow_c_schema__(self) -> object:
        """Asked before the first pass."""
        return arrow_schema(self.columns).__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """A new pass."""
        import pyarrow as pa

        made = self.rows.batches(self.statement, self.columns)
        return pa.RecordBatchReader.from_batches(arrow_schema(self.columns), made).__arrow_c_stream__(requested_schema)


@contextmanager
def driver_errors() -> Iterator[None]:
    """The boundary: a driver's error becomes ours, with its class and number and nothing else of it."""
    try:
        yield
    except sa.exc.NoSuchTableError:
        raise _changed("NoSuchTableError") from None
    except sa.exc.DBAPIError as error:
        number = error.orig.args[0] if error.orig and error.orig.args else None
        missing = isinstance(error, sa.exc.ProgrammingError) or number in _MISSING or "no such" in str(error.orig)
        told = f"{type(error.orig).__name__} {number}" if isinstance(number, int) else type(error.orig).__name__
        raise (_changed if missing else _away)(told) from None
    except (SQLAlchemyError, OSError) as error:
        raise _away(type(error).__name__) from None


def _changed(name: str) -> SourceChanged:
    return SourceChanged(
        f"The source refused what was approved ({name}): a view, column or right is missing.",
        advice="Ask the source's DBA to deploy the curated views, and what `extracts source sql` says.",
    )


def _away(name: str) -> SourceUnreachable:
    return SourceUnreachable(
        f"The source cannot be reached, or it ended the connection ({name}).",
        advice="It is tried again. If it stays so, ask the source's DBA.",
    )
