"""A database behind an SQLAlchemy URL gives the very extract that PostgreSQL gives, and stops where that would."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from extracts.agreement.plan import Condition, ExtractPlan, Operator
from extracts.catalogue.contract import ConsistentRead
from extracts.errors import (
    CheckFailed,
    ExtractsError,
    HoldStops,
    NotPermitted,
    SettingMissing,
    SourceChanged,
    SourceUnreachable,
)
from extracts.extraction.holds import holds_since
from extracts.extraction.sources.checks import check_source
from extracts.extraction.sources.sqlalchemy_source import open_sql_source
from extracts.extraction.validation import read_source_suite, validate_source
from extracts.extraction.values import Extract, SourceCheck
from tests.support.builders import a_period, a_plan, some_limits
from tests.support.parts import divided, draw
from tests.support.postgres import Database
from tests.support.small_source import KEYS, NOW, ROOT, SmallSource, rows_of
from tests.support.sqlite_source import SqliteSource, a_twin
from tests.support.twins import CONDITIONS, a_plan_of, index_of, people_of_every_kind


@pytest.fixture(scope="module")
def people(module_database: Database) -> Iterator[SmallSource]:
    with people_of_every_kind(module_database) as source:
        yield source


@pytest.fixture
def twin(people: SmallSource, tmp_path: Path) -> SqliteSource:
    return a_twin(people, tmp_path / "twin.sqlite")


def drawn(people: SmallSource, twin: SqliteSource, plan: ExtractPlan, folder: Path) -> Extract:
    """The plan's extract from the file."""
    folder.mkdir(exist_ok=True)
    return people.extract(twin.plan(plan), folder, source=twin.enter(plan), datasets=twin.datasets)  # type: ignore[arg-type]


@pytest.mark.parametrize("conditions", CONDITIONS.values(), ids=CONDITIONS.keys())
def test_the_extract_is_the_one_that_postgresql_gives(
    people: SmallSource, twin: SqliteSource, tmp_path: Path, conditions: tuple[Condition, ...]
) -> None:
    plan = a_plan_of(*conditions)
    (tmp_path / "pg").mkdir()
    theirs, ours = people.extract(plan, tmp_path / "pg"), drawn(people, twin, plan, tmp_path / "file")
    assert rows_of(ours.files[0]) == rows_of(theirs.files[0])
    assert rows_of(ours.files[0])
    assert ours.files[0].funnel == theirs.files[0].funnel
    assert ours.files[0].schema_digest == theirs.files[0].schema_digest
    assert index_of(ours) == index_of(theirs)


def test_pseudonyms_and_small_groups_are_the_same(people: SmallSource, twin: SqliteSource, tmp_path: Path) -> None:
    plan = a_plan(limits=some_limits(k=2, max_withheld_percent=100), request_id="SDDSB-2026-102")
    (tmp_path / "pg").mkdir()
    theirs, ours = people.extract(plan, tmp_path / "pg"), drawn(people, twin, plan, tmp_path / "file")
    assert rows_of(ours.files[0]) == rows_of(theirs.files[0])
    assert ours.files[0].smallest_group == theirs.files[0].smallest_group
    assert ours.files[0].funnel == theirs.files[0].funnel


def test_several_recipients_get_the_parts_that_postgresql_gives(
    people: SmallSource, twin: SqliteSource, tmp_path: Path
) -> None:
    shares = {"a": ("S12000040", "S12000041"), "b": ("S12000047",)}
    plan = divided(a_plan_of(names=("nino", "weekly_award")), shares)
    for name in ("pg", "file"):
        (tmp_path / name).mkdir()
    theirs = draw(people, plan, tmp_path / "pg")
    asked = twin.plan(plan)
    ours = draw(people, asked, tmp_path / "file", entered=twin.enter(plan), datasets=twin.datasets)
    assert ours.whole == theirs.whole
    for one, other in zip(ours.parts, theirs.parts, strict=True):
        assert rows_of(one.files[0]) == rows_of(other.files[0]) != []
        assert index_of(one) == index_of(other)


def test_the_database_is_asked_for_nothing_that_was_not_planned(
    people: SmallSource, twin: SqliteSource, tmp_path: Path
) -> None:
    asked: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        asked.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        drawn(people, twin, a_plan_of(Condition("award_type", Operator.EQUALS, ("both",))), tmp_path / "file")
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)
    data = [s for s in asked if "FROM curated.pension_credit_award" in s and "surname" in s]
    assert data
    assert all("award_type = ?" in s and "restricted = 0" in s for s in data)
    assert not [s for s in asked if "account_number" in s or "sort_code" in s or ".address" in s]


def test_all_that_is_asked_shows_one_moment(people: SmallSource, twin: SqliteSource) -> None:
    source = twin.enter(a_plan_of())
    with source.snapshot() as (connection, moment):
        before = source.count(connection, twin.dataset)
        twin.execute("DELETE FROM base_rows")
        twin.execute("DELETE FROM hold")
        with source.transaction(snapshot=moment.exported) as other:
            query = b"SELECT count(*) FROM curated.hold h"
            assert other.execute(query).fetchone()[0] == 3
            assert source.count(other, twin.dataset) == before > 30
        with source.transaction() as later:
            assert source.count(later, twin.dataset) == 0


def test_a_hold_since_is_noticed(people: SmallSource, twin: SqliteSource, tmp_path: Path) -> None:
    plan = a_plan_of()
    extract = drawn(people, twin, plan, tmp_path / "file")
    assert extract.membership is not None
    assert holds_since(twin.plan(plan), twin.enter(plan), extract.membership, KEYS.membership) == 0
    twin.execute("INSERT INTO hold VALUES ('QQ100003A', 'all', 'leave out', ?)", NOW.isoformat())
    assert holds_since(twin.plan(plan), twin.enter(plan), extract.membership, KEYS.membership) == 1


def test_the_hold_list_must_be_whole(people: SmallSource, twin: SqliteSource, tmp_path: Path) -> None:
    twin.execute("DELETE FROM hold WHERE person = 'QQ300003D'")
    with pytest.raises(HoldStops, match="has 2 entries but says that it has 3"):
        drawn(people, twin, a_plan_of(), tmp_path / "file")


MISFITS = {
    "weekly_award": ["12.345", "much", "NaN"],
    "started_on": ["03/04/2020", "2020-02-30", 20200403],
    "carer_addition": [2, "yes"],
    "surname": ["nul\0", b"bytes"],
}


@pytest.mark.parametrize(("column", "value"), [(c, v) for c, values in MISFITS.items() for v in values])
def test_a_value_of_another_type_stops_the_run_and_is_not_told(
    people: SmallSource, twin: SqliteSource, tmp_path: Path, column: str, value: Any
) -> None:
    conditions = {
        "started_on": Condition("started_on", Operator.AFTER, ("2022-01-01",)),
        "carer_addition": Condition("carer_addition", Operator.EQUALS, ("true",)),
        "weekly_award": Condition("weekly_award", Operator.BEFORE, ("1",)),
    }
    twin.execute(f"UPDATE base_rows SET {column} = ? WHERE nino = 'QQ100005A'", value)
    chosen = [conditions[column]] if column in conditions else []
    with pytest.raises(CheckFailed, match=column) as stopped:
        drawn(people, twin, a_plan_of(*chosen), tmp_path / "file")
    assert str(value) not in str(stopped.value)
    assert not list((tmp_path / "file" / "staging").iterdir())


def test_a_time_without_a_zone_stops_the_run(people: SmallSource, twin: SqliteSource, tmp_path: Path) -> None:
    twin.execute("UPDATE load_stamp SET loaded_at = '2026-11-23T08:30:00'")
    with pytest.raises(CheckFailed, match="loaded_at"):
        drawn(people, twin, a_plan_of(), tmp_path / "file")


@pytest.mark.parametrize(
    "change",
    [
        "CREATE VIEW pension_credit_award AS SELECT b.* FROM base_rows b",
        "CREATE TABLE pension_credit_award (nino)",
        "",
    ],
)
def test_a_view_that_is_not_the_contracts_stops_the_run(people: SmallSource, twin: SqliteSource, change: str) -> None:
    twin.execute("DROP VIEW pension_credit_award")
    if change:
        twin.execute(change)
    with pytest.raises(SourceChanged):
        check(twin)


def check(twin: SqliteSource, plan: ExtractPlan | None = None) -> tuple[SourceCheck, ...]:
    plan = plan or a_plan_of()
    return check_source(twin.enter(plan), twin.plan(plan), twin.datasets, now=NOW, hold_max_age_hours=24)


def test_the_check_says_that_our_select_alone_minimises(twin: SqliteSource) -> None:
    (found,) = check(twin)
    assert found.enforced_by == "select"
    assert found.curated_view_digest == twin.dataset.view_digest


def test_great_expectations_checks_the_same_rows(people: SmallSource, twin: SqliteSource) -> None:
    plan = twin.plan(a_plan_of())
    (planned,) = plan.datasets
    suite = read_source_suite(ROOT / "expectations" / planned.dataset / "source.yaml", twin.dataset)
    (found,) = check(twin)

    def report() -> Any:
        from extracts.extraction.sources.view_sql import data_of

        source = twin.enter(plan)
        reading = source.reading(data_of(plan, twin.dataset))
        return validate_source(planned, twin.dataset, suite, found, a_period(), source, reading, NOW)

    good = report()
    assert good.passed, good.stopping
    twin.execute("UPDATE base_rows SET weekly_award = -5 WHERE nino = 'QQ100005A'")
    assert [c.target for c in report().stopping] == ["pension_credit_award.weekly_award"]


def test_a_database_that_promises_no_one_moment_is_refused_unless_the_contract_accepts_it(twin: SqliteSource) -> None:
    plan, address = twin.plan(a_plan_of()), "duckdb:///:memory:"
    with pytest.raises(NotPermitted, match="one moment"):
        open_sql_source(plan, twin.datasets, address, allow_query=True)
    accepted = {twin.dataset.name: replace(twin.dataset, consistent_read=ConsistentRead.NOT_PROMISED)}
    assert open_sql_source(plan, accepted, address, allow_query=True)


def test_our_select_alone_has_to_be_allowed(twin: SqliteSource) -> None:
    with pytest.raises(NotPermitted, match="EXTRACTS_ALLOW_QUERY_ENFORCEMENT"):
        open_sql_source(twin.plan(a_plan_of()), twin.datasets, twin.address, allow_query=False)


@pytest.mark.parametrize(
    "address", ["sqlite://user:open-sesame@/x", "nosuch://h/x", "host=127.0.0.1 dbname=x", "mysql+nodriver://h/x"]
)
def test_an_address_that_cannot_be_used_is_refused_without_being_told(twin: SqliteSource, address: str) -> None:
    with pytest.raises(SettingMissing) as refused:
        open_sql_source(twin.plan(a_plan_of()), twin.datasets, address, allow_query=True)
    assert address not in str(refused.value)
    assert "open-sesame" not in str(refused.value)


def test_a_file_that_is_not_there_can_be_tried_again(twin: SqliteSource, tmp_path: Path) -> None:
    plan = twin.plan(a_plan_of())
    with pytest.raises(SourceUnreachable):
        check_source(
            open_sql_source(plan, twin.datasets, f"sqlite:///{tmp_path}/none", allow_query=True),
            plan,
            twin.datasets,
            now=NOW,
            hold_max_age_hours=24,
        )


def test_nothing_is_written_to_the_file(people: SmallSource, twin: SqliteSource) -> None:
    with twin.enter(a_plan_of()).transaction() as connection, pytest.raises(ExtractsError):
        connection.rows.ask(sa.text("DELETE FROM curated.base_rows"))  # type: ignore[attr-defined]
