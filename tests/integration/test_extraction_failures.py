"""When something breaks in the middle: nothing stays behind, and what is said of it holds no value or credential."""

from __future__ import annotations

import io
import logging
import os
import resource
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import duckdb
import pytest

from extracts.errors import CheckFailed, DiskFull, ExtractsError, SourceUnreachable, TechnicalFailure
from extracts.extraction import ordering, reading
from extracts.extraction.sources.names import role_name
from extracts.extraction.sources.postgres import PostgresSource, open_source
from tests.support.builders import a_dataset, a_plan, a_planned_dataset, an_identified_plan, some_limits
from tests.support.small_source import SmallSource

PLAN = a_plan(request_id="SDDSB-2026-601", limits=some_limits(k=0))
CANARY = "CANARYSURNAME"
MANY = 150_000


@pytest.fixture
def source(module_source: SmallSource) -> SmallSource:
    module_source.clear()
    module_source.award("QQ000001A", surname=CANARY)
    return module_source


@pytest.fixture
def many(source: SmallSource) -> SmallSource:
    """So many people that reading them takes a while."""
    source.execute(
        "INSERT INTO dwp.person SELECT n, 'QQ' || n, 'A', 'B', '1950-01-01', 'F', 'C', 'KY1 1AB', NULL, 'S12000047',"
        f" false, false, now() FROM generate_series(200000, {200000 + MANY - 2}) AS n"
    )
    source.execute(
        "INSERT INTO dwp.pension_credit_award"
        " SELECT n, n, 'both', 1, '2020-01-01', NULL, false, false, NULL, NULL, now()"
        f" FROM generate_series(200000, {200000 + MANY - 2}) AS n"
    )
    # As a loader does. Without it a read of these rows once ran for minutes: stale statistics are suspected, unproved.
    source.execute("ANALYZE dwp.person, dwp.pension_credit_award")
    return source


def what_is_said(error: BaseException) -> str:
    """Everything that a log could get hold of: the error, its causes and its traceback."""
    return "".join(traceback.format_exception(error)) + repr(error) + str(error.__cause__)


def at(progress_begins: str, act: Callable[[], object]) -> Callable[[str], None]:
    """A `progress` that acts once the run comes to a stage."""

    def tell(text: str) -> None:
        if text.startswith(progress_begins):
            act()

    return tell


def staged(folder: Path) -> list[str]:
    return sorted(p.name for p in (folder / "staging").rglob("*"))


class TestTheSourceBreaksOff:
    @pytest.mark.parametrize("whose", ["every connection", "the readers only"])
    def test_in_the_middle_of_reading(self, many: SmallSource, tmp_path: Path, whose: str) -> None:
        entered = many.agree(PLAN, tmp_path / "passfile")
        readers = "AND state = 'active'" if whose == "the readers only" else ""

        def end() -> None:
            # By a connection of its own: that of the source belongs to the test's thread.
            many.database.rows(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                f" WHERE usename = '{role_name(PLAN.request_id)}' {readers}"
            )

        timer = threading.Timer(0.15, end)
        with pytest.raises(SourceUnreachable) as stopped:
            many.extract(PLAN, tmp_path, source=entered, progress=at("reading", timer.start))
        timer.join()  # else it could end what a later test reads
        assert stopped.value.retryable
        assert staged(tmp_path) == []

    def test_after_the_first_rows(self, many: SmallSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        # Arrow hands the broken stream on; while the first message is made, most of it has not been read.
        entered, made = many.agree(PLAN, tmp_path / "passfile"), reading.pseudonyms

        def end_first(*arguments: Any, **keywords: Any) -> Any:
            many.execute(
                f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{role_name(PLAN.request_id)}'"
            )
            return made(*arguments, **keywords)

        monkeypatch.setattr(reading, "_BATCH_ROWS", 10_000)
        monkeypatch.setattr(reading, "pseudonyms", end_first)
        with pytest.raises(SourceUnreachable):
            many.extract(PLAN, tmp_path, source=entered)
        assert staged(tmp_path) == []

    def test_before_reading(self, source: SmallSource, tmp_path: Path) -> None:
        nowhere = open_source(PLAN, "host=127.0.0.1 port=1 dbname=nowhere", tmp_path / "passfile")
        with pytest.raises(SourceUnreachable):
            source.extract(PLAN, tmp_path, source=nowhere)
        assert staged(tmp_path) == []


@contextmanager
def small_disk(limit: int) -> Iterator[None]:
    """No file may grow beyond `limit` bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


class TestTheDiskIsFull:
    @pytest.mark.parametrize("limit", [200_000, 3_000_000], ids=["while reading", "while ordering"])
    def test_it_is_said_so_and_nothing_stays(self, many: SmallSource, tmp_path: Path, limit: int) -> None:
        entered = many.agree(PLAN, tmp_path / "passfile")
        with pytest.raises(DiskFull), small_disk(limit):
            many.extract(PLAN, tmp_path, source=entered)
        assert staged(tmp_path) == []

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small file system")
    def test_on_a_file_system_without_space(self, many: SmallSource, tmp_path: Path) -> None:
        staging = tmp_path / "staging"
        staging.mkdir(mode=0o700)
        if os.system(f"mount -t tmpfs -o size=3m,mode=700 none '{staging}' 2>/dev/null") != 0:
            pytest.skip("this machine does not let root mount")
        try:
            with pytest.raises(DiskFull):
                many.extract(PLAN, tmp_path)
            assert staged(tmp_path) == []
        finally:
            os.system(f"umount '{staging}'")


class TestAValueThatNoFileCanHold:
    @pytest.mark.parametrize(
        ("column", "value"),
        [("date_of_birth", "infinity"), ("date_of_birth", "0044-03-15 BC"), ("weekly_award", "NaN")],
    )
    def test_stops_the_run_and_is_not_repeated(
        self, source: SmallSource, tmp_path: Path, column: str, value: str
    ) -> None:
        of_award = column == "weekly_award"
        source.award("QQ000002A", {column: value} if of_award else None, **({} if of_award else {column: value}))
        chosen = tuple((c, "keep", ()) for c in ("nino", "surname", "date_of_birth", "weekly_award"))
        dataset = a_planned_dataset(a_dataset(), chosen)
        plan = an_identified_plan(request_id="SDDSB-2026-602", datasets=(dataset,), limits=some_limits())
        with pytest.raises(CheckFailed) as stopped:
            source.extract(plan, tmp_path)
        said = what_is_said(stopped.value)
        assert value not in said
        assert CANARY not in said
        assert staged(tmp_path) == []


class TestEveryLibrarySaysNothing:
    """Each is made to fail with a person's value in its message; none of it comes through."""

    @pytest.mark.parametrize(
        ("module", "name", "failure"),
        [
            (reading, "pseudonyms", ValueError(f"could not convert {CANARY}")),
            (reading, "messages", duckdb.BinderException(f"no column {CANARY}")),
            (reading, "pseudonyms", duckdb.ConversionException(f"no date: {CANARY}")),
            (reading, "pseudonyms", OSError(5, f"I/O error at {CANARY}")),
            (ordering, "order_columns", KeyError(CANARY)),
            (reading, "pseudonyms", MemoryError(CANARY)),
        ],
        ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
    )
    def test_whatever_fails_on_the_way(
        self,
        source: SmallSource,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        module: object,
        name: str,
        failure: Exception,
    ) -> None:
        def fail(*_: object, **__: object) -> None:
            raise failure

        monkeypatch.setattr(module, name, fail)
        with pytest.raises(ExtractsError) as stopped:
            source.extract(PLAN, tmp_path)
        assert CANARY not in what_is_said(stopped.value).replace(f"CANARY = {CANARY!r}", "")
        assert type(stopped.value) is TechnicalFailure, "the source is not to blame, and nobody is told so"
        assert stopped.value.__suppress_context__
        assert ("EXTRACTS_MEMORY_LIMIT_MB" in str(stopped.value)) == isinstance(failure, MemoryError)
        assert staged(tmp_path) == []

    def test_a_division_in_the_source_quotes_no_row(self, source: SmallSource, tmp_path: Path) -> None:
        entered = source.agree(PLAN, tmp_path / "passfile")
        with pytest.raises(TechnicalFailure, match="SQLSTATE 22012") as stopped, entered.transaction() as connection:
            connection.execute("SELECT 1 / (length('CANARYSURNAME') - 13)")
        assert CANARY not in str(stopped.value)


class TestThePassword:
    def test_is_in_no_output_statement_or_environment_of_a_run(
        self, source: SmallSource, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        entered = source.agree(PLAN, tmp_path / "passfile")
        passwords = [line.rpartition(":")[2] for line in (tmp_path / "passfile").read_text().splitlines()]
        said, seen = io.StringIO(), []

        def statements() -> None:
            seen.extend(source.database.rows("SELECT query, application_name FROM pg_stat_activity"))

        with caplog.at_level(logging.DEBUG), redirect_stdout(said), redirect_stderr(said):
            extract = source.extract(PLAN, tmp_path, source=entered, progress=at("reading", statements))
        everything = said.getvalue() + caplog.text + repr(extract) + repr(entered) + repr(seen) + repr(os.environ)
        assert len(passwords) == 2
        assert not [p for p in passwords if p in everything]
        for path in (tmp_path / "staging").rglob("*"):
            assert not [p for p in passwords if path.is_file() and p.encode() in path.read_bytes()]

    def test_is_in_no_address(self, source: SmallSource, tmp_path: Path) -> None:
        entered: PostgresSource = source.agree(PLAN, tmp_path / "passfile")
        assert "password" not in entered.conninfo().replace("passfile", "")


class TestAfterAKilledRun:
    def test_its_treated_rows_are_removed_by_the_next(self, source: SmallSource, tmp_path: Path) -> None:
        left = tmp_path / "staging" / "parts" / "pension_credit_award"
        left.mkdir(parents=True, mode=0o700)
        (left / "0.arrow").write_bytes(b"treated rows of the killed run")
        extract = source.extract(PLAN, tmp_path)
        assert staged(tmp_path) == ["membership.parquet", "pension_credit_award.parquet"]
        assert extract.files[0].rows == 1
