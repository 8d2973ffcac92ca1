"""A hot standby is read as its primary is; what its replay ends is tried again, and then an outage."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from extracts.agreement.plan import ExtractPlan
from extracts.errors import SourceGaveWay, SourceUnreachable
from extracts.extraction import validation
from extracts.extraction.giving_way import TRIES, again_if_ended
from extracts.extraction.sources.checks import check_source
from extracts.extraction.sources.postgres import PostgresSource, open_source
from extracts.extraction.sources.view_sql import data_of
from extracts.extraction.validation import read_source_suite
from extracts.extraction.validation_check import Finding
from extracts.extraction.values import Extract
from tests.support.builders import a_period
from tests.support.postgres import temporary_database
from tests.support.small_source import NOW, ROOT, SmallSource, rows_of
from tests.support.standby import Replicated, a_replicated_server
from tests.support.twins import a_plan_of, people_of_every_kind


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replicated]:
    with a_replicated_server(tmp_path_factory.mktemp("replicated")) as both:
        yield both


@pytest.fixture(scope="module")
def people(servers: Replicated) -> Iterator[SmallSource]:
    with temporary_database(servers.primary) as database, people_of_every_kind(database) as source:
        yield source


def standing_by(servers: Replicated, people: SmallSource, plan: ExtractPlan, passfile: Path) -> PostgresSource:
    """The agreement's role and views are made in the primary, and found in the standby."""
    people.agree(plan, passfile)
    servers.catch_up()
    address = f"host=127.0.0.1 port={servers.standby.current_port()} dbname={people.database.name}"
    return open_source(plan, address, passfile)


def test_the_standby_gives_the_extract_that_its_primary_gives(
    servers: Replicated, people: SmallSource, tmp_path: Path
) -> None:
    plan = a_plan_of()
    for name in ("primary", "standby"):
        (tmp_path / name).mkdir()
    theirs = people.extract(plan, tmp_path / "primary")
    source = standing_by(servers, people, plan, tmp_path / "passfile")
    ours = people.extract(plan, tmp_path / "standby", source=source)
    assert rows_of(ours.files[0]) == rows_of(theirs.files[0])
    assert rows_of(ours.files[0])
    assert [s.enforced_by for s in ours.sources] == ["role"]
    assert ours.snapshot.log_position, "how far it had replayed"
    with source.transaction() as connection:
        assert connection.execute(b"SELECT pg_catalog.pg_is_in_recovery()").fetchone() == (True,)


def vacuum(people: SmallSource) -> None:
    """What every busy primary does: rows go, and their places are freed. No reader of a standby is asked."""
    people.execute("UPDATE dwp.person SET updated_at = updated_at")
    people.execute("VACUUM dwp.person")


def lock(people: SmallSource) -> None:
    """What every change of a table does."""
    with people.database.connect(autocommit=False) as connection:
        connection.execute("LOCK TABLE dwp.person IN ACCESS EXCLUSIVE MODE")
        connection.execute("UPDATE dwp.person SET updated_at = updated_at")


def read(
    servers: Replicated,
    people: SmallSource,
    folder: Path,
    conflicts: int,
    at: str,
    conflict: Callable[[SmallSource], None],
) -> tuple[Extract, list[int]]:
    """Read through the standby, whose replay ends the first so many tries."""
    plan = a_plan_of()
    source = standing_by(servers, people, plan, folder / "passfile")
    left, tries = [conflicts], [0]

    def meanwhile(told: str) -> None:
        if told.startswith(at) and left[0]:
            left[0] -= 1
            conflict(people)
            servers.catch_up()

    def act() -> Extract:
        tries[0] += 1
        return people.extract(plan, folder, source=source, progress=meanwhile)

    return again_if_ended(act, f"reading {plan.request_id}"), tries


@pytest.mark.parametrize(("at", "conflict"), [("checking", vacuum), ("reading", vacuum), ("reading", lock)])
def test_what_the_replay_ended_is_tried_again_under_a_new_snapshot(
    servers: Replicated, people: SmallSource, tmp_path: Path, at: str, conflict: Any, caplog: pytest.LogCaptureFixture
) -> None:
    extract, tries = read(servers, people, tmp_path, 1, at, conflict)
    assert tries == [2]
    assert rows_of(extract.files[0])
    (said,) = [r.getMessage() for r in caplog.records if r.name == "extracts.extraction.giving_way"]
    assert "SDDSB-2026-101" in said
    assert said.endswith("This was try 1 of 3.")


def test_after_the_last_try_it_is_an_outage_that_says_what_to_ask_for(
    servers: Replicated, people: SmallSource, tmp_path: Path
) -> None:
    with pytest.raises(SourceUnreachable, match=f"So it went {TRIES} times") as failed:
        read(servers, people, tmp_path, TRIES, "reading", vacuum)
    assert not isinstance(failed.value, SourceGaveWay)
    assert failed.value.retryable
    assert "hot_standby_feedback" in failed.value.advice
    assert not list((tmp_path / "staging").iterdir())


def counting(engine: sa.Engine, _: Any, checks: Any) -> dict[Any, Finding]:
    """What Great Expectations hands back of its one query, without the seconds that its import takes."""
    try:
        with engine.connect() as connection:
            connection.execute(sa.text("SELECT 1"))
    except sa.exc.DBAPIError as error:
        return dict.fromkeys(checks, Finding(failure=str(getattr(error.orig, "sqlstate", None))))
    return dict.fromkeys(checks, Finding(passed=True))


def test_a_validation_that_the_replay_ended_found_out_nothing(
    servers: Replicated, people: SmallSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = a_plan_of()
    source = standing_by(servers, people, plan, tmp_path / "passfile")
    (planned,), dataset = plan.datasets, people.datasets["pension_credit_award"]
    suite = read_source_suite(ROOT / "expectations" / dataset.name / "source.yaml", dataset)
    (checked,) = check_source(source, plan, people.datasets, now=NOW, hold_max_age_hours=24)

    class Interrupted(PostgresSource):
        def validation_engine(self) -> Any:
            engine = super().validation_engine()
            held: Any = engine.raw_connection().driver_connection
            held.execute("SELECT 1")  # a moment is held, as while a query runs
            vacuum(people)
            servers.catch_up()
            return engine

    monkeypatch.setattr(validation, "great_expectations_checks", lambda: counting)
    entered = Interrupted(source.address, source.role, source.enforced_by)
    reading = entered.reading(data_of(plan, dataset))
    with pytest.raises(SourceGaveWay):
        validation.validate_source(planned, dataset, suite, checked, a_period(), entered, reading, NOW)


def test_a_snapshot_whose_holder_was_ended_is_an_outage_and_no_change_of_the_source(
    servers: Replicated, people: SmallSource, tmp_path: Path
) -> None:
    source = people.agree(a_plan_of(), tmp_path / "passfile")
    with source.snapshot() as (_, snapshot):
        pass
    with (
        pytest.raises(SourceUnreachable, match="held the run's snapshot"),
        source.transaction(snapshot=snapshot.exported),
    ):
        pass
