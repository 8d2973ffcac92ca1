"""The only file that knows Great Expectations: runs checks inside a database and hands back counts.

Rules:
1. No value leaves the database. The result format is BOOLEAN_ONLY, which fetches none; counts come from the metrics
   that Great Expectations computes anyway; its own queries for unexpected rows are never run.
2. Every statement passes `CountingEngine`, which reads the whole (one-row) result before the connection goes back to
   its pool (out of the box the result is read too late for DuckDB), refuses one of more rows, and turns any error into
   a code `from None`: a driver's message quotes the value that it stumbled over.
3. While it runs, nothing is logged: neither Great Expectations nor SQLAlchemy can be told to leave values out.
4. An expectation that raises is "not checked" with the code as its reason, never passed and never silent.

Importing Great Expectations takes seconds and hundreds of megabytes: import this module only inside the task that
validates.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar, Literal

import great_expectations as gx
import great_expectations.expectations as gxe
import sqlalchemy as sa
from great_expectations.compatibility import pydantic
from great_expectations.core.result_format import ResultFormat
from great_expectations.datasource.fluent import SQLDatasource
from great_expectations.execution_engine import SqlAlchemyExecutionEngine
from great_expectations.expectations.metrics.map_metric_provider import (
    ColumnMapMetricProvider,
    column_condition_partial,
)

from extracts.extraction.validation_check import Check, Finding, doubled, quoted_name, quoted_text

_COUNTED = ("unexpected_count", "row_count")
_ROWS = "table.row_count"
_FAULTS = ".unexpected_count"
_NEED_NO_ROWS = (".columns", ".column_types", ".map", ".condition", ".aggregate_fn")
_NULLS = "column_values.nonnull.unexpected_count"


class QueryFailed(Exception):
    """A statement failed; says only the database's code or the error's class."""


class TooManyRows(Exception):
    """A statement answered with rows where a count was asked for."""


class CountingEngine(SqlAlchemyExecutionEngine):  # type: ignore[misc]
    """Great Expectations' SQL engine with whole results, silent errors, and the counts of what it found."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.counts: dict[Any, int] = {}
        self.failures: list[str] = []
        self.uncounted: list[Any] = []

    def execute_query(self, query: Any) -> Any:
        try:
            with self.get_connection() as connection:
                whole = connection.execute(query).freeze()
        except Exception as error:
            raise self._failed(error) from None
        if len(whole.data) > 1:
            raise self._failed(TooManyRows())
        return whole()

    def execute_query_in_transaction(self, query: Any) -> Any:
        return self.execute_query(query)

    def resolve_metrics(self, metrics_to_resolve: Any, *args: Any, **kwargs: Any) -> Any:
        asked, found = self._now(list(metrics_to_resolve))
        # Asked for a query's columns, Great Expectations would run it without a limit and fetch every row.
        found |= {m.id: self._columns() for m in asked if m.metric_name == "table.column_types"}
        try:
            found |= super().resolve_metrics([m for m in asked if m.id not in found], *args, **kwargs)
        except Exception as error:
            raise QueryFailed(self.failures[-1]) if self.failures else self._failed(error) from None
        self.counts |= {i: int(v) for i, v in found.items() if str(i[0]).endswith(_COUNTED) and v is not None}
        return found

    def rows(self) -> int | None:
        """Rows of the batch, if any expectation asked for them."""
        return next((v for i, v in self.counts.items() if i[0] == _ROWS), None)

    def _now(self, asked: list[Any]) -> tuple[list[Any], dict[Any, Any]]:
        """What to find out now, so that one statement counts all; and what stands for the number of rows so far.

        Great Expectations would count faults in a pass for each layer of its graph, and rows in one of their own.
        What is left out of an answer it asks for again, and a later answer replaces an earlier one.
        """
        rows = [m for m in asked if m.metric_name == _ROWS]
        self.uncounted += rows
        others = [m for m in asked if m.metric_name != _ROWS]
        first = [m for m in others if not m.metric_name.endswith(_FAULTS)] or others
        if first and all(m.metric_name.endswith(_NEED_NO_ROWS) for m in first):
            return first, {m.id: None for m in rows}
        uncounted, self.uncounted = self.uncounted, []
        return first + uncounted, {}

    def _columns(self) -> list[dict[str, str]]:
        query = self.batch_manager.active_batch_data.selectable.text
        names = self.execute_query(sa.text(f"SELECT * FROM ({query}) AS described LIMIT 0")).keys()
        return [{"name": name} for name in names]

    def _failed(self, error: Exception) -> QueryFailed:
        origin = getattr(error, "orig", None) or error
        code = str(getattr(origin, "sqlstate", None) or type(origin).__name__)
        self.failures.append(code)
        return QueryFailed(code)


class CountingDatasource(SQLDatasource):  # type: ignore[misc]
    """A datasource over an engine that is already open, so that no address or credential enters Great Expectations."""

    type: Literal["counting_sql"] = "counting_sql"
    connection_string: str = "given by the caller"
    _engine: Any = pydantic.PrivateAttr(None)
    _counting: CountingEngine | None = pydantic.PrivateAttr(None)

    def get_engine(self) -> Any:
        return self._engine

    def get_execution_engine(self) -> CountingEngine:
        if self._counting is None:
            self._counting = CountingEngine(engine=self._engine, create_temp_table=False)
        return self._counting


class ColumnMatches(ColumnMapMetricProvider):  # type: ignore[misc]
    """Regular expressions in the database's own words; Great Expectations knows none for DuckDB."""

    condition_metric_name = "column_values.extracts_match"
    condition_value_keys = ("regex",)

    @column_condition_partial(engine=SqlAlchemyExecutionEngine)  # type: ignore[untyped-decorator]
    def _sqlalchemy(cls, column: Any, regex: str, _dialect: Any, **kwargs: Any) -> Any:
        return _matches(column, regex, _dialect)


class ColumnMatchesNot(ColumnMapMetricProvider):  # type: ignore[misc]
    """The opposite, where a null value is left alone all the same."""

    condition_metric_name = "column_values.extracts_no_match"
    condition_value_keys = ("regex",)

    @column_condition_partial(engine=SqlAlchemyExecutionEngine)  # type: ignore[untyped-decorator]
    def _sqlalchemy(cls, column: Any, regex: str, _dialect: Any, **kwargs: Any) -> Any:
        return sa.not_(_matches(column, regex, _dialect))


class ExpectMatch(gxe.ExpectColumnValuesToMatchRegex):  # type: ignore[misc]
    """expect_column_values_to_match_regex on any dialect."""

    map_metric = "column_values.extracts_match"


class ExpectNoMatch(gxe.ExpectColumnValuesToNotMatchRegex):  # type: ignore[misc]
    """expect_column_values_to_not_match_regex on any dialect."""

    map_metric = "column_values.extracts_no_match"


class ExpectNoRows(gxe.UnexpectedRowsExpectation):  # type: ignore[misc]
    """unexpected_rows_expectation that only counts; the original fetches the rows as well."""

    metric_dependencies: ClassVar[tuple[str, ...]] = ("unexpected_rows_query.row_count",)

    def _validate(self, metrics: Any, runtime_configuration: Any = None, execution_engine: Any = None) -> Any:
        return {"success": metrics["unexpected_rows_query.row_count"] == 0}


_OWN = {
    "expect_column_values_to_match_regex": ExpectMatch,
    "expect_column_values_to_not_match_regex": ExpectNoMatch,
    "unexpected_rows_expectation": ExpectNoRows,
}

_WHOLE_FILE = "SELECT * FROM "
_REGEX = {"expect_column_values_to_match_regex": "NOT", "expect_column_values_to_not_match_regex": ""}


def run_checks(engine: sa.Engine, batches: Mapping[str, str], checks: Iterable[Check]) -> dict[Check, Finding]:
    """What each check found. `batches`: the query behind each check's batch. Never raises for what a check meets."""
    wanted = list(checks)
    with _silence():
        context = gx.get_context(mode="ephemeral")
        context.enable_analytics(False)
        context.variables.progress_bars = {"globally": False}
        found: dict[Check, Finding] = {}
        for batch, query in batches.items():
            found |= _run_batch(context, engine, batch, query, [c for c in wanted if c.batch == batch])
    return {c: found.get(c, Finding(failure="the check was not run")) for c in wanted}


def _run_batch(context: Any, engine: sa.Engine, batch: str, query: str, checks: list[Check]) -> dict[Check, Finding]:
    if not checks:
        return {}
    source = CountingDatasource(name=batch)
    source._engine = engine
    source._data_context = context
    counting = source.get_execution_engine()
    try:
        definition = source.add_query_asset(batch, query).add_batch_definition_whole_table(batch)
        file = query.removeprefix(_WHOLE_FILE) if query.startswith(f"{_WHOLE_FILE}read_parquet(") else ""
        expectations = [_expectation(check, str(i), file) for i, check in enumerate(checks)]
        suite = gx.ExpectationSuite(name=batch, expectations=expectations)
        results = definition.get_batch().validate(suite, result_format=ResultFormat.BOOLEAN_ONLY.value).results
    except Exception as error:
        failure = ", ".join(counting.failures) or type(error).__name__
        return {check: Finding(failure=failure) for check in checks}
    by_number = {r.expectation_config.meta["check"]: r for r in results}
    return {check: _finding(counting, check, by_number.get(str(i))) for i, check in enumerate(checks)}


def _expectation(check: Check, number: str, file: str) -> Any:
    if file and check.expectation in _REGEX and check.arguments.keys() == {"column", "regex"}:
        return ExpectNoRows(unexpected_rows_query=_rows_unlike(check, file), meta={"check": number})
    kind = _OWN.get(check.expectation) or getattr(gxe, _class_name(check.expectation))
    return kind(**check.arguments, meta={"check": number})


def _rows_unlike(check: Check, file: str) -> str:
    """The same as a query right over the Parquet file, so that DuckDB asks the file's dictionaries, value by value."""
    column, negation = quoted_name(check.arguments["column"]), _REGEX[check.expectation]
    pattern = quoted_text(check.arguments["regex"])
    # Through the batch's own subquery the filter would not get there; naming the batch keeps Great Expectations quiet.
    of_batch = f"{doubled(file)} /* {{batch}} */"
    return f"SELECT 1 AS found FROM {of_batch} WHERE {negation} regexp_matches({column}, {pattern})"


def _class_name(expectation: str) -> str:
    return "".join(word.capitalize() for word in expectation.split("_"))


def _finding(engine: CountingEngine, check: Check, result: Any) -> Finding:
    raised = result is None or _raised(result.exception_info)
    if raised:
        return Finding(failure=", ".join(dict.fromkeys(engine.failures)) or "an error inside Great Expectations")
    expectation = result.expectation_config.to_domain_obj()  # as it was run, so that its metrics have the same ids
    needed = expectation.get_validation_dependencies(
        execution_engine=engine, runtime_configuration={"result_format": ResultFormat.BOOLEAN_ONLY.value}
    ).metric_configurations
    if _ROWS in needed and engine.uncounted:
        return Finding(failure=", ".join(dict.fromkeys(engine.failures)) or "the rows could not be counted")
    counts = {name: engine.counts[m.id] for name, m in needed.items() if m.id in engine.counts}
    rows = engine.rows() if check.expectation in _REGEX else counts.get(_ROWS)
    return Finding(bool(result.success), _faults(counts), rows)


def _faults(counts: Mapping[str, int]) -> int | None:
    """The expectation's own count; that of nulls counts only for the expectation about nulls."""
    own = [v for n, v in counts.items() if n not in (_ROWS, _NULLS)]
    return own[0] if own else counts.get(_NULLS)


def _raised(info: Any) -> bool:
    if not info:
        return False
    return bool(info["raised_exception"]) if "raised_exception" in info else any(_raised(i) for i in info.values())


def _matches(column: Any, regex: str, dialect: Any) -> Any:
    name = getattr(dialect, "name", None) or dialect.dialect.name
    if name == "duckdb":
        return sa.func.regexp_matches(column, regex)
    return column.regexp_match(regex)


@contextmanager
def _silence() -> Iterator[None]:
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
