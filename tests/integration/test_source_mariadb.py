"""A MariaDB gives the very extract that PostgreSQL gives, through a role that may read the agreement's views alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pymysql
import pytest

from extracts.agreement.plan import Condition, ExtractPlan, Operator
from extracts.catalogue.contract import ConsistentRead
from extracts.errors import NotPermitted, SettingMissing, SourceChanged, SourceUnreachable, TechnicalFailure
from extracts.extraction.sources.checks import check_source
from extracts.extraction.sources.mariadb_sql import mariadb_ended_sql, mariadb_sql
from extracts.extraction.sources.mariadb_views import agreement_views
from extracts.extraction.sources.names import role_name
from extracts.extraction.sources.sqlalchemy_source import check_url, open_sql_source
from extracts.extraction.sources.view_sql import data_of
from extracts.extraction.values import Extract, SourceCheck
from tests.support.mariadb import MariaServer
from tests.support.mariadb_source import MariaSource, a_maria_twin
from tests.support.postgres import Database
from tests.support.small_source import NOW, SQL, SmallSource, rows_of
from tests.support.twins import CONDITIONS, a_plan_of, index_of, people_of_every_kind


@pytest.fixture(scope="module")
def people(module_database: Database) -> Iterator[SmallSource]:
    with people_of_every_kind(module_database) as source:
        yield source


@pytest.fixture(scope="module")
def twin(people: SmallSource, maria: MariaServer) -> MariaSource:
    return a_maria_twin(people, maria)


def drawn(people: SmallSource, twin: MariaSource, plan: ExtractPlan, folder: Path) -> Extract:
    """The plan's extract from the MariaDB, as the agreement's role."""
    folder.mkdir(exist_ok=True)
    own = twin.agree(plan)
    return people.extract(own, folder, source=twin.enter(plan), datasets=twin.datasets)  # type: ignore[arg-type]


FULL = ("none", "text that is not", "several")


@pytest.mark.parametrize("name", FULL)
def test_the_extract_is_the_one_that_postgresql_gives(
    people: SmallSource, twin: MariaSource, tmp_path: Path, name: str
) -> None:
    plan = a_plan_of(*CONDITIONS[name])
    (tmp_path / "pg").mkdir()
    theirs, ours = people.extract(plan, tmp_path / "pg"), drawn(people, twin, plan, tmp_path / "maria")
    assert rows_of(ours.files[0]) == rows_of(theirs.files[0])
    assert rows_of(ours.files[0])
    assert ours.files[0].funnel == theirs.files[0].funnel
    assert ours.files[0].schema_digest == theirs.files[0].schema_digest
    assert index_of(ours) == index_of(theirs)
    assert [s.enforced_by for s in ours.sources] == ["view"]


HOSTILE = Condition(
    "award_type", Operator.IN, ("both", "it's \\' OR 1=1 -- `x`", 'say "ü🧣"; %s', "'; DROP TABLE x;\n")
)


@pytest.mark.parametrize("conditions", [*CONDITIONS.values(), (HOSTILE,)], ids=[*CONDITIONS, "hostile"])
def test_the_script_makes_views_that_are_what_was_approved(
    people: SmallSource, twin: MariaSource, conditions: tuple[Condition, ...]
) -> None:
    plan = a_plan_of(*conditions)
    twin.agree(plan)
    (found,) = check(twin, plan)
    assert found.enforced_by == "view"
    with twin.enter(plan).snapshot() as (connection, _):
        ours = read(connection, plan, twin.datasets)
    with twin.enter_as("root", plan).snapshot() as (connection, _):
        assert read(connection, plan, twin.datasets) == ours


def read(connection: Any, plan: ExtractPlan, datasets: Any) -> list[Any]:
    """Every row that the plan's meaning lets through."""
    (dataset,) = datasets.values()
    query = f"SELECT v.nino, v.weekly_award FROM ({data_of(plan, dataset).definition}) AS v ORDER BY 1"
    return list(connection.execute(query.encode()).fetchall())


def check(twin: MariaSource, plan: ExtractPlan | None = None) -> tuple[SourceCheck, ...]:
    plan = plan or a_plan_of()
    return check_source(twin.enter(plan), twin.plan(plan), twin.datasets, now=NOW, hold_max_age_hours=24)


def test_the_role_may_read_its_views_and_nothing_else(twin: MariaSource) -> None:
    plan = a_plan_of(CONDITIONS["text"][0])
    twin.agree(plan)
    role = role_name(plan.request_id)
    with twin.server.connect(role) as connection, connection.cursor() as cursor:
        for denied in ("curated.pension_credit_award", "warehouse.base_rows", "curated.hold", "mysql.user"):
            with pytest.raises(pymysql.err.OperationalError):
                cursor.execute(f"SELECT 1 FROM {denied}")
        cursor.execute("SELECT DISTINCT award_type, restricted FROM extract_views.sddsb_2026_101__pension_credit_award")
        assert {r[0] for r in cursor.fetchall()} == {"both", "savings"}
        cursor.execute("SELECT person FROM extract_views.sddsb_2026_101__hold WHERE scope = 'agreement:SDDSB-1999-001'")
        assert cursor.fetchall() == (("QQ000000A",),), "whom another agreement's hold is about is not told"
        with pytest.raises(pymysql.err.Error):
            cursor.execute("DELETE FROM extract_views.sddsb_2026_101__pension_credit_award")


ROLE = "'extract_sddsb_2026_101'@'%'"
TOO_MUCH = {
    "a table": (f"GRANT SELECT ON warehouse.base_rows TO {ROLE}", f"REVOKE SELECT ON warehouse.base_rows FROM {ROLE}"),
    "a column": (
        f"GRANT SELECT (restricted) ON warehouse.base_rows TO {ROLE}",
        f"REVOKE SELECT (restricted) ON warehouse.base_rows FROM {ROLE}",
    ),
    "everything": (f"GRANT FILE ON *.* TO {ROLE}", f"REVOKE FILE ON *.* FROM {ROLE}"),
    "writing": (
        f"GRANT INSERT ON extract_views.sddsb_2026_101__hold TO {ROLE}",
        f"REVOKE INSERT ON extract_views.sddsb_2026_101__hold FROM {ROLE}",
    ),
    "handing on": (
        f"GRANT SELECT ON extract_views.sddsb_2026_101__hold TO {ROLE} WITH GRANT OPTION",
        f"REVOKE GRANT OPTION ON extract_views.sddsb_2026_101__hold FROM {ROLE}",
    ),
    "a role": (f"GRANT analysts TO {ROLE}", f"REVOKE analysts FROM {ROLE}"),
    "a database": (f"GRANT SELECT ON warehouse.* TO {ROLE}", f"REVOKE SELECT ON warehouse.* FROM {ROLE}"),
    "less": (
        f"REVOKE SELECT ON extract_views.sddsb_2026_101__stamps FROM {ROLE}",
        f"GRANT SELECT ON extract_views.sddsb_2026_101__stamps TO {ROLE}",
    ),
}


@pytest.mark.parametrize(("change", "back"), TOO_MUCH.values(), ids=TOO_MUCH.keys())
def test_a_role_with_other_rights_stops_the_run(twin: MariaSource, change: str, back: str) -> None:
    twin.execute("CREATE ROLE IF NOT EXISTS analysts")
    twin.agree(a_plan_of())
    twin.execute(change)
    try:
        with pytest.raises(SourceChanged, match=r"SDDSB-2026-101|extract_views|1142") as refused:
            check(twin)
        assert "PASSWORD" not in str(refused.value)
    finally:
        twin.execute(back)
    assert check(twin)


def test_what_everybody_was_granted_counts_too(twin: MariaSource) -> None:
    twin.agree(a_plan_of())
    twin.execute("GRANT SELECT ON warehouse.base_rows TO PUBLIC")
    try:
        with pytest.raises(SourceChanged, match=r"rights to warehouse\.base_rows"):
            check(twin)
    finally:
        twin.execute("REVOKE SELECT ON warehouse.base_rows FROM PUBLIC")


VIEW = "extract_views.sddsb_2026_101__pension_credit_award"
EDITS = {
    "more rows": f"ALTER SQL SECURITY DEFINER VIEW {VIEW} AS SELECT * FROM curated.pension_credit_award d",
    "as whoever asks": "",
    "gone": f"DROP VIEW {VIEW}",
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS.keys())
def test_an_agreements_view_that_was_edited_stops_the_run(twin: MariaSource, edit: str) -> None:
    plan = a_plan_of()
    twin.agree(plan)
    if not edit:
        (text,) = [v.definition for v in agreement_views(twin.plan(plan), twin.datasets) if v.name == VIEW]
        edit = f"ALTER SQL SECURITY INVOKER VIEW {VIEW} AS {text}"
    twin.execute(edit)
    with pytest.raises(SourceChanged, match=VIEW):
        check(twin)
    twin.agree(plan)
    assert check(twin)


@pytest.mark.parametrize("relation", ["pension_credit_award", "hold"])
def test_a_curated_view_or_control_that_was_edited_stops_the_run(
    people: SmallSource, maria: MariaServer, twin: MariaSource, relation: str
) -> None:
    twin.agree(a_plan_of())
    (before,) = twin.server.execute(f"SHOW CREATE VIEW curated.{relation}")
    twin.execute(
        f"CREATE OR REPLACE {before[1].partition(' VIEW ')[0].partition('CREATE ')[2]} VIEW curated.{relation}"
        f" AS {before[1].partition(' AS ')[2]} where 1 = 1 and 2 > 1"
    )
    try:
        with pytest.raises(SourceChanged, match=relation):
            check(twin)
    finally:
        twin.execute(before[1].replace("CREATE ", "CREATE OR REPLACE ", 1))
    assert check(twin)


def test_a_table_that_keeps_no_snapshot_is_refused_unless_the_contract_accepts_it(twin: MariaSource) -> None:
    plan = a_plan_of()
    twin.agree(plan)
    twin.execute("ALTER TABLE warehouse.hold ENGINE = MyISAM")
    try:
        with pytest.raises(NotPermitted, match=r"warehouse.hold \(MyISAM\) would not show one moment"):
            check(twin)
        accepted = replace(twin, dataset=replace(twin.dataset, consistent_read=ConsistentRead.NOT_PROMISED))
        assert check(accepted)
    finally:
        twin.execute("ALTER TABLE warehouse.hold ENGINE = InnoDB")


def test_all_that_is_asked_shows_one_moment(twin: MariaSource) -> None:
    plan = a_plan_of()
    twin.agree(plan)
    source = twin.enter(plan)
    with source.snapshot() as (connection, moment):
        before = source.count(connection, twin.dataset)
        twin.execute("INSERT INTO warehouse.base_rows SELECT * FROM warehouse.base_rows LIMIT 1")
        with source.transaction(snapshot=moment.exported) as other:
            assert source.count(other, twin.dataset) == before
        with source.transaction() as later:
            assert source.count(later, twin.dataset) == before + 1
    twin.execute("DELETE FROM warehouse.base_rows LIMIT 1")
    assert moment.server_version.startswith("mariadb 1")


def test_a_connection_that_is_ended_stops_the_run_and_leaves_nothing(
    people: SmallSource, twin: MariaSource, tmp_path: Path
) -> None:
    plan = a_plan_of()
    own, source = twin.agree(plan), twin.enter(plan)

    def end(told: str) -> None:
        if told.startswith("reading"):
            ids = twin.server.execute(
                f"SELECT id FROM information_schema.processlist WHERE user = '{source.url.username}'"
            )
            twin.execute(*(f"KILL {row[0]}" for row in ids))

    with pytest.raises(SourceUnreachable, match="ended the connection"):
        people.extract(own, tmp_path, source=source, datasets=twin.datasets, progress=end)  # type: ignore[arg-type]
    assert not list((tmp_path / "staging").iterdir())


def test_a_pass_that_another_question_cut_off_fails_and_does_not_end_early(twin: MariaSource) -> None:
    plan = a_plan_of()
    twin.agree(plan)
    (dataset,) = twin.plan(plan).datasets
    with twin.enter(plan).transaction() as connection:
        rows = connection.rows  # type: ignore[attr-defined]
        stream = rows.stream(dataset, twin.dataset.columns[:1], "d.award_id")
        begun = rows.batches(stream.statement, stream.columns)
        next(begun)
        rows.count(twin.dataset)
        with pytest.raises(TechnicalFailure, match="asked for something else"):
            list(begun)


def test_the_script_run_twice_equals_once_and_its_end_leaves_nothing(twin: MariaSource) -> None:
    plan = a_plan_of(request_id="SDDSB-2026-199")
    own = twin.agree(plan)
    twin.agree(plan)
    assert check(twin, plan)
    twin.server.run_script(mariadb_ended_sql(own, twin.datasets, SQL / "roles"))
    left = twin.server.execute(
        "SELECT table_name FROM information_schema.views WHERE table_name LIKE 'sddsb_2026_199%'"
    )
    assert not left
    with pytest.raises(SourceUnreachable):
        check(twin, plan)


def test_a_locked_user_of_a_script_without_a_password_cannot_sign_in(twin: MariaSource) -> None:
    plan = a_plan_of(request_id="SDDSB-2026-198")
    twin.server.run_script(mariadb_sql(twin.plan(plan), twin.datasets, SQL / "roles"))
    with pytest.raises(SourceUnreachable, match="4151"):
        check(twin, plan)


def test_passwords_are_read_from_a_file_that_nobody_else_may_read(twin: MariaSource) -> None:
    plan, server = a_plan_of(), twin.server
    twin.agree(plan)
    server.option_file.chmod(0o644)
    try:
        with pytest.raises(NotPermitted, match="can be read by others"):
            check(twin)
    finally:
        server.option_file.chmod(0o600)
    with pytest.raises(SettingMissing, match="holds a password"):
        open_sql_source(plan, twin.datasets, f"{server.address}&password=open-sesame", allow_query=True)
    assert check_url(server.address) == "answers (mariadb); it is entered as each agreement's role"
    with pytest.raises(NotPermitted, match="EXTRACTS_ALLOW_QUERY_ENFORCEMENT"):
        open_sql_source(plan, twin.datasets, server.address_of("root"), allow_query=False)
