"""A source behind any SQLAlchemy URL. It can grant no rights of ours, so our SELECT alone minimises: `select`.

Rules:
1. One connection, one transaction, read-only where the database knows that: all that is asked shows one moment. What
   cannot promise that is refused, unless the contract says that it is accepted (`consistentRead: not promised`).
2. Rows come through the driver's own cursor, in batches, and are typed exactly (`exact_values`).
3. The URL holds no password; a driver reads it from its own file (`read_default_file`, a wallet, a keytab).
4. Drivers put addresses and values into their messages: only the error's class goes on, `from None`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool, StaticPool

from extracts.agreement.plan import ExtractPlan, PlannedDataset
from extracts.catalogue.contract import Classification, Column, ColumnType, ConsistentRead, Dataset
from extracts.catalogue.view import deployed_view_digest
from extracts.errors import (
    ExtractsError,
    InvalidDocument,
    NotPermitted,
    SettingMissing,
    SourceChanged,
    SourceUnreachable,
)
from extracts.extraction.sources.exact_values import arrow_schema, exact_batch
from extracts.extraction.sources.handed_out import Asked, Stream, asked, offer_controls
from extracts.extraction.sources.pushed_down import relation, selection
from extracts.extraction.sources.role_sql import plan_views
from extracts.extraction.sources.view_sql import ExpectedView, data_of
from extracts.extraction.sources.view_text import definition_digest
from extracts.extraction.values import Snapshot

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

_BATCH_ROWS = 20_000
ENFORCED = "select"
# How one moment is held, by dialect; whoever adds one shows in a test that a later commit stays unseen.
_CONSISTENT: Mapping[str, tuple[str, ...]] = {
    "sqlite": ("BEGIN",),
}


@dataclass(frozen=True)
class SqlSource:
    """A database behind a URL. `open_sql_source` makes it."""

    url: sa.URL = field(repr=False)
    plan: ExtractPlan
    datasets: Mapping[str, Dataset]
    enforced_by: str = ENFORCED
    membership_role: str = ""
    reads_at_once: bool = False
    _held: dict[str, Asked] = field(default_factory=dict, repr=False, compare=False)

    def reading(self, view: ExpectedView, /) -> str:
        """The view's definition: nothing of ours is deployed there."""
        return f"({view.definition}) AS v"

    @contextmanager
    def transaction(self, role: str = "", *, snapshot: str = "") -> Iterator[Asked]:
        """The transaction that holds `snapshot`, or one of its own. Raises SourceUnreachable."""
        if snapshot:
            yield self._held[snapshot]
            return
        with self._handed_out() as rows, asked(rows, self.plan, self.datasets) as found:
            yield found

    @contextmanager
    def snapshot(self) -> Iterator[tuple[Asked, Snapshot]]:
        """Holds one moment of the source while the block lasts."""
        with self.transaction() as found:
            assert isinstance(found.rows, _HandedOut)
            moment = found.rows.moment()
            self._held[moment.exported] = found
            try:
                yield found, moment
            finally:
                del self._held[moment.exported]

    def deployed(
        self, connection: Any, plan: ExtractPlan, datasets: Mapping[str, Dataset], /
    ) -> tuple[dict[str, str], dict[str, str]]:
        """The curated views as they are deployed, word for word in meaning. Raises SourceChanged."""
        curated = {d.dataset: connection.rows.check_view(datasets[d.dataset]) for d in plan.datasets}
        return curated, {v.name: definition_digest(v.definition) for v in plan_views(plan, datasets)}

    def count(self, connection: Any, dataset: Dataset, /) -> int:
        """Every row of the curated view, counted by the database."""
        rows: _HandedOut = connection.rows
        return int(rows.ask(sa.select(sa.func.count()).select_from(relation(dataset.relation))).scalar_one())

    @contextmanager
    def reader(self, snapshot: Snapshot, memory_limit_mb: int, /) -> Iterator[duckdb.DuckDBPyConnection]:
        """A DuckDB of its own over the transaction that holds the snapshot."""
        holder = self._held[snapshot.exported]
        with asked(holder.rows, self.plan, self.datasets, memory_limit_mb) as found:
            self._held[_READING] = found
            try:
                yield found.duck
            except Exception:
                if holder.rows.failure:
                    raise holder.rows.failure from None
                raise
            finally:
                del self._held[_READING]

    def rows(self, query: str, /) -> str:
        """The query itself: it runs in the reader."""
        return f"({self._held[_READING].prepared(query)})"

    def validation_engine(self) -> sa.Engine:
        """A DuckDB over a transaction of its own, with what the agreement's data views select from."""
        engine = sa.create_engine("duckdb:///:memory:", poolclass=StaticPool, hide_parameters=True)
        rows = _HandedOut.open(self.url, self.plan, self.datasets)
        sa.event.listen(engine, "connect", lambda connection, _: self._offer(connection, rows))
        sa.event.listen(engine, "engine_disposed", lambda _: rows.close())
        return engine

    def _offer(self, duck: Any, rows: _HandedOut) -> None:
        duck.execute("SET TimeZone = 'UTC'")
        duck.execute("SET temp_directory = ''")
        offer_controls(duck, rows)
        found = Asked(duck, rows, self.plan, self.datasets)
        for planned in self.plan.datasets:
            found.prepared(data_of(self.plan, self.datasets[planned.dataset]).definition)

    @contextmanager
    def _handed_out(self) -> Iterator[_HandedOut]:
        rows = _HandedOut.open(self.url, self.plan, self.datasets)
        try:
            yield rows
        finally:
            rows.close()


_READING = "reading"


def open_sql_source(
    plan: ExtractPlan, datasets: Mapping[str, Dataset], address: str, *, allow_query: bool
) -> SqlSource:
    """The source of `plan` behind the URL `address`. Raises SettingMissing, NotPermitted."""
    url, dialect = _read_url(address)
    if not allow_query:
        raise NotPermitted(
            "This source has no role of the agreement's own: our query alone would keep to what was approved.",
            advice="Set EXTRACTS_ALLOW_QUERY_ENFORCEMENT to yes if that is accepted; manifests say so.",
        )
    used = {d.dataset: datasets[d.dataset] for d in plan.datasets}
    refused = [n for n, d in used.items() if d.consistent_read is ConsistentRead.REQUIRED]
    if refused and dialect not in _CONSISTENT:
        raise NotPermitted(
            f"{', '.join(sorted(refused))}: {dialect} is not known to show one moment to everything that a run asks.",
            advice="Only a contract that says `consistentRead: not promised` accepts that.",
        )
    return SqlSource(url, plan, used)


def check_url(address: str) -> str:
    """Whether a database answers there. Raises SettingMissing, SourceUnreachable."""
    url, dialect = _read_url(address)
    with _driver_errors():
        engine = _engine(url)
        engine.connect().close()
        engine.dispose()
    return f"answers ({dialect})"


def _read_url(address: str) -> tuple[sa.URL, str]:
    """A URL and its dialect's name. Raises SettingMissing; the address is not told."""
    try:
        url = sa.make_url(address)
        dialect = str(url.get_dialect()().name)
        url.get_dialect().import_dbapi()
    except (ArgumentError, NoSuchModuleError, ImportError):
        raise SettingMissing(
            "The source's address is no SQLAlchemy URL whose driver is installed (dialect+driver://host/database)."
        ) from None
    if url.password:
        raise SettingMissing(
            "The address of the source holds a password.", advice="Let the driver read it from a file of its own."
        )
    return url, dialect


@dataclass
class _HandedOut:
    """One connection in one transaction."""

    engine: sa.Engine
    connection: sa.Connection
    plan: ExtractPlan
    datasets: Mapping[str, Dataset]
    failure: ExtractsError | None = None

    @classmethod
    def open(cls, url: sa.URL, plan: ExtractPlan, datasets: Mapping[str, Dataset]) -> _HandedOut:
        """Connect and begin. Raises SourceUnreachable."""
        with _driver_errors():
            engine = _engine(url)
            connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            for statement in _CONSISTENT.get(engine.dialect.name, ()):
                connection.exec_driver_sql(statement)
            return cls(engine, connection, plan, datasets)

    def close(self) -> None:
        """Let go of the moment; whatever became of the connection."""
        try:
            self.connection.close()
            self.engine.dispose()
        except SQLAlchemyError:
            return

    def ask(self, statement: Any) -> Any:
        """A small result. Raises SourceUnreachable, SourceChanged."""
        with _driver_errors():
            return self.connection.execute(statement)

    def control(self, name: str, columns: Mapping[str, ColumnType]) -> pa.Table:
        """The whole of a control relation."""
        import pyarrow as pa

        wanted = tuple(Column(n, t, n, Classification.CONTROL) for n, t in columns.items())
        found = self.ask(sa.select(*(sa.column(n) for n in columns)).select_from(relation(f"curated.{name}"))).all()
        return pa.Table.from_batches([exact_batch(list(found), wanted)], arrow_schema(wanted))

    def stream(self, planned: PlannedDataset, columns: tuple[Column, ...], query: str) -> Stream:
        """The rows that the database selects, typed, anew for each pass."""
        dataset = self.datasets[planned.dataset]
        statement = selection(planned, dataset, columns, query, self.engine.dialect.name)
        return _Stream(self, statement, columns)

    def batches(self, statement: Any, columns: tuple[Column, ...]) -> Iterator[pa.RecordBatch]:
        """One pass. What goes wrong is kept: DuckDB would make it its own."""
        try:
            with _driver_errors():
                found = self.connection.execution_options(stream_results=True).execute(statement)
                while rows := found.fetchmany(_BATCH_ROWS):
                    yield exact_batch(list(rows), columns)
        except ExtractsError as error:
            self.failure = error
            raise

    def check_view(self, dataset: Dataset) -> str:
        """The digest of the curated view's meaning. Raises SourceChanged unless it is the contract's."""
        schema, _, name = dataset.relation.partition(".")
        with _driver_errors():
            text = sa.inspect(self.connection).get_view_definition(name, schema) or ""
        try:
            found = deployed_view_digest(text, dataset.relation)
        except InvalidDocument:
            found = ""
        if found != dataset.view_digest:
            raise SourceChanged(
                f"{dataset.name}: the curated view {dataset.relation} is not the one of the contract.",
                advice="Nothing was read. Ask the source's DBA to deploy its view.sql, or the owner for a new version.",
            )
        return found

    def moment(self) -> Snapshot:
        """What can be said of the moment that is held."""
        dialect = self.engine.dialect
        version = ".".join(map(str, dialect.server_version_info or ()))
        at = _MOMENTS.get(dialect.name, _now_by_sql)(self)
        visible = f"one transaction of {dialect.name}, begun at {at:%Y-%m-%dT%H:%M:%S.%f}Z"
        return Snapshot(visible, dialect.name, at, "", f"{dialect.name} {version}".strip(), f"held-{id(self):x}")


@dataclass(frozen=True)
class _Stream:
    """Rows that DuckDB can read again and again."""

    rows: _HandedOut
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


def _engine(url: sa.URL) -> sa.Engine:
    if url.get_backend_name() != "sqlite":
        return sa.create_engine(url, poolclass=NullPool, hide_parameters=True)
    import sqlite3
    from pathlib import Path

    if not url.database or not Path(url.database).is_file():
        raise SourceUnreachable("The source's SQLite file is not there.", advice="See its EXTRACTS_SOURCE_ setting.")
    place = f"{Path(url.database).resolve().as_uri()}?mode=ro"

    def connect() -> sqlite3.Connection:
        # One file is one schema, `main`; attached it is called as the contracts call it.
        connection = sqlite3.connect(":memory:", uri=True, check_same_thread=False, isolation_level=None)
        connection.execute("ATTACH DATABASE ? AS curated", (place,))
        return connection

    return sa.create_engine("sqlite://", creator=connect, poolclass=NullPool, hide_parameters=True)


def _now_by_sql(rows: _HandedOut) -> datetime:
    found = rows.ask(sa.select(sa.func.current_timestamp())).scalar_one()
    moment = datetime.fromisoformat(found) if isinstance(found, str) else found
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _now_of_sqlite(rows: _HandedOut) -> datetime:
    rows.ask(sa.select(sa.func.count()).select_from(relation("curated.load_stamp")))  # the first read takes the moment
    found = rows.ask(sa.select(sa.func.strftime("%Y-%m-%dT%H:%M:%f", "now"))).scalar_one()
    return datetime.fromisoformat(found).replace(tzinfo=UTC)


_MOMENTS: Mapping[str, Callable[[_HandedOut], datetime]] = {
    "sqlite": _now_of_sqlite,
}


@contextmanager
def _driver_errors() -> Iterator[None]:
    """The boundary: a driver's error becomes ours, with its class and nothing else of it."""
    try:
        yield
    except sa.exc.NoSuchTableError:
        raise _changed("NoSuchTableError") from None
    except (sa.exc.ProgrammingError, sa.exc.OperationalError) as error:
        missing = isinstance(error, sa.exc.ProgrammingError) or "no such" in str(error.orig)
        raise (_changed if missing else _away)(type(error.orig).__name__) from None
    except SQLAlchemyError as error:
        raise _away(type(error).__name__) from None
    except OSError as error:
        raise _away(type(error).__name__) from None
    except ExtractsError:
        raise


def _changed(name: str) -> SourceChanged:
    return SourceChanged(
        f"The source refused what was approved ({name}): a view, column or right is missing.",
        advice="Ask the source's DBA to deploy the curated views.",
    )


def _away(name: str) -> SourceUnreachable:
    return SourceUnreachable(
        f"The source cannot be reached, or it ended the connection ({name}).",
        advice="It is tried again. If it stays so, ask the source's DBA.",
    )
