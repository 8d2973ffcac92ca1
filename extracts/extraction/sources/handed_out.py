"""A source that is no PostgreSQL, asked in PostgreSQL's words: the engine evaluates them over what it hands out.

Rules:
1. A relation `curated.<name>` is streamed from the source anew for each query, in memory only, and only the columns
   that the query names: there is no second form of conditions, holds, counts and reasons, and so no second meaning.
2. A query can name no column that the plan does not use. What is asked of the source itself is the kind's matter.
3. What fails on the way is kept and raised as our own error: what DuckDB would make of it could quote a value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from extracts.agreement.plan import ExtractPlan, PlannedDataset
from extracts.catalogue.contract import Column, ColumnType, Dataset
from extracts.errors import ExtractsError, TechnicalFailure
from extracts.extraction.duckdb_session import memory_session

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

CONTROL_COLUMNS: Mapping[str, Mapping[str, ColumnType]] = {
    "hold": {
        "person": ColumnType.STRING,
        "scope": ColumnType.STRING,
        "effect": ColumnType.STRING,
        "recorded_at": ColumnType.TIMESTAMP,
    },
    "load_stamp": {
        "table_name": ColumnType.STRING,
        "loaded_at": ColumnType.TIMESTAMP,
        "row_count": ColumnType.INTEGER,
    },
}
_NAMED = re.compile(r"\bd\.([a-z_][a-z0-9_]*)")
# No Arrow decimal is PostgreSQL's NaN, and DuckDB has none: a source that holds one is refused when it is read.
_NO_NUMBER = re.compile(r"COALESCE\(d\.[a-z0-9_]+ = 'NaN'::numeric, false\)")
# DuckDB compares text by its bytes anyway, so text stands for bytes there.
_BYTES = (
    "CREATE OR REPLACE MACRO textsend(written) AS written",
    "CREATE OR REPLACE MACRO decode(written, format) AS written",
)


class Stream(Protocol):
    """Rows that DuckDB can read again and again."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """A new pass over them."""


class HandsOut(Protocol):
    """One open transaction of a source: what it hands out of a relation."""

    @property
    def failure(self) -> ExtractsError | None:
        """What went wrong while rows were handed out."""

    def control(self, name: str, columns: Mapping[str, ColumnType]) -> pa.Table:
        """The whole of a control relation."""

    def stream(self, planned: PlannedDataset, columns: tuple[Column, ...], query: str) -> Stream:
        """The rows of a dataset's relation that `query` can be about, with these columns."""


@dataclass
class Asked:
    """A transaction that is asked in PostgreSQL's words."""

    duck: duckdb.DuckDBPyConnection
    rows: HandsOut
    plan: ExtractPlan
    datasets: Mapping[str, Dataset]
    _offered: dict[str, Stream] = field(default_factory=dict)

    def execute(self, query: bytes, /) -> Any:
        """The result in memory: counts, stamps and holds are small."""
        return self.run(query.decode())

    def run(self, query: str) -> Any:
        """The result as DuckDB gives it; rows as they are fetched."""
        text = self.prepared(query)
        with self.errors():
            return self.duck.execute(text)

    def prepared(self, query: str) -> str:
        """`query` as DuckDB can run it, with whatever it selects from at hand."""
        query = _NO_NUMBER.sub("false", query)
        for planned in self.plan.datasets:
            if planned.relation in query:
                self._offer(planned, query)
        return query

    @contextmanager
    def cursor(self, *, name: str) -> Iterator[Cursor]:
        """A cursor over a large result."""
        yield Cursor(self)

    @contextmanager
    def errors(self) -> Iterator[None]:
        """The boundary for whatever the stream or DuckDB raise."""
        try:
            yield
        except ExtractsError:
            raise
        except Exception as error:
            raise self.rows.failure or _failed(error) from None

    def _offer(self, planned: PlannedDataset, query: str) -> None:
        known = {c.name: c for c in self.datasets[planned.dataset].columns}
        columns = tuple(known[n] for n in dict.fromkeys(_NAMED.findall(query)) if n in known)
        stream = self.rows.stream(planned, columns or (known[planned.persons[0]],), query)
        handed = f"_handed_{planned.dataset}"
        self._offered[handed] = stream  # DuckDB keeps no reference of its own
        self.duck.register(handed, stream)
        self.duck.execute(f"CREATE OR REPLACE VIEW {planned.relation} AS SELECT * FROM {handed}")


@dataclass
class Cursor:
    """As much of a database's cursor as is used."""

    asked: Asked
    _result: Any = None

    def execute(self, query: bytes, /) -> None:
        """Ask."""
        self._result = self.asked.run(query.decode())

    def fetchmany(self, size: int) -> list[Any]:
        """The next rows; none at the end."""
        with self.asked.errors():
            found: list[Any] = self._result.fetchmany(size)
            return found


@contextmanager
def asked(
    rows: HandsOut, plan: ExtractPlan, datasets: Mapping[str, Dataset], memory_limit_mb: int = 400
) -> Iterator[Asked]:
    """A DuckDB over one open transaction of a source; nothing of it touches a disk."""
    with memory_session(memory_limit_mb) as duck:
        found = Asked(duck, rows, plan, datasets)
        offer_controls(duck, rows)
        yield found


def offer_controls(duck: duckdb.DuckDBPyConnection, rows: HandsOut) -> None:
    """Put the control relations where queries expect them, and close the way to anything outside."""
    duck.execute("CREATE SCHEMA IF NOT EXISTS curated")
    for name, columns in CONTROL_COLUMNS.items():
        table = rows.control(name, columns)
        duck.register("_control", table)
        duck.execute(f"CREATE OR REPLACE TABLE curated.{name} AS SELECT * FROM _control")
        duck.unregister("_control")
    for macro in _BYTES:
        duck.execute(macro)
    duck.execute("SET enable_external_access = false")
    duck.execute("SET lock_configuration = true")


def _failed(error: Exception) -> ExtractsError:
    return TechnicalFailure(
        f"What the source handed out could not be read ({type(error).__name__}).",
        advice="It is tried again. If it comes back, tell whoever maintains the software.",
    )
