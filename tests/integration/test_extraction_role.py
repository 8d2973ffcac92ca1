"""The database enforces minimisation by itself: what an agreement's role can do, and what each run verifies of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from extracts.agreement.plan import Condition, ExtractPlan, Operator, SafeAddress
from extracts.catalogue.contract import ColumnType
from extracts.errors import NotPermitted, SettingMissing, SourceChanged, UsageError
from extracts.extraction.sources.checks import check_source
from extracts.extraction.sources.names import MEMBERSHIP_ROLE, data_view, left_out_view, role_name, slug
from extracts.extraction.sources.postgres import PostgresSource, open_source
from extracts.extraction.sources.role_sql import plan_views, source_ended_sql, source_sql
from extracts.extraction.sources.view_text import definition_tree
from tests.support.builders import a_dataset, a_plan, a_planned_dataset, an_identified_plan, some_limits
from tests.support.small_source import NOW, SQL, SmallSource, with_columns

REQUEST = "SDDSB-2026-201"
ROLE = role_name(REQUEST)
VIEW = data_view(REQUEST, "pension_credit_award")


def the_plan(*conditions: Condition) -> ExtractPlan:
    dataset = a_planned_dataset(a_dataset(), (("nino", "pseudonymise", ()), ("sex", "keep", ())), conditions)
    return a_plan(request_id=REQUEST, datasets=(dataset,), limits=some_limits(k=0))


@pytest.fixture
def source(module_source: SmallSource) -> SmallSource:
    module_source.clear()
    module_source.award("QQ000001A")
    module_source.award("QQ000002A", council_code="S12000036", restricted=True)
    return module_source


@pytest.fixture
def entered(source: SmallSource, tmp_path: Path) -> PostgresSource:
    return source.agree(the_plan(), tmp_path / "passfile")


def as_role(entered: PostgresSource, statement: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(entered.conninfo(), autocommit=True) as connection:
        *before, last = statement.split("; ")
        for one in before:
            connection.execute(one.encode())
        found = connection.execute(last.encode())
        return found.fetchall() if found.description else []


def check(source: SmallSource, entered: PostgresSource, plan: ExtractPlan | None = None) -> None:
    check_source(entered, plan or the_plan(), source.datasets, now=NOW, hold_max_age_hours=24)


class TestAsTheRole:
    def test_approved_columns_and_rows_can_be_read(self, entered: PostgresSource) -> None:
        assert as_role(entered, f"SELECT nino, sex FROM {VIEW}") == [("QQ000001A", "F")]

    @pytest.mark.parametrize(
        ("statement", "code"),
        [
            (f"SELECT surname FROM {VIEW}", "42703"),
            ("SELECT nino FROM curated.pension_credit_award", "42501"),
            ("SELECT nino FROM dwp.person", "42501"),
            ("SELECT nino FROM dwp.hold", "42501"),
            ("SELECT person FROM curated.hold", "42501"),
            (f"SELECT person FROM {left_out_view(REQUEST, 'pension_credit_award')}", "42501"),
            (f"SET default_transaction_read_only = off; UPDATE {VIEW} SET sex = 'M'", "55000"),
            (f"SET default_transaction_read_only = off; DELETE FROM {VIEW}", "55000"),
            ("SET default_transaction_read_only = off; UPDATE dwp.person SET sex = 'M'", "42501"),
            ("SET default_transaction_read_only = off; DELETE FROM curated.hold", "42501"),
            ("SET default_transaction_read_only = off; CREATE TABLE public.mine (n integer)", "42501"),
            ("SET default_transaction_read_only = off; CREATE TEMPORARY TABLE mine (n integer)", "42501"),
            ("SET default_transaction_read_only = off; CREATE SCHEMA mine", "42501"),
            ("CREATE TEMPORARY TABLE mine (n integer)", "25006"),
            ("SET ROLE source_owner", "42501"),
            ("COPY (SELECT 1) TO PROGRAM 'true'", "42501"),
            ("SELECT pg_read_file('/etc/passwd')", "42501"),
        ],
        ids=lambda value: value[:60],
    )
    def test_everything_else_is_refused(self, entered: PostgresSource, statement: str, code: str) -> None:
        with pytest.raises(psycopg.Error) as refused:
            as_role(entered, statement)
        assert refused.value.sqlstate == code

    def test_rows_that_were_left_out_stay_invisible_to_a_prying_condition(self, entered: PostgresSource) -> None:
        # Without the security barrier, the division would be tried on hidden rows too, and fail on one.
        pry = f"SELECT nino FROM {VIEW} WHERE (CASE WHEN nino = 'QQ000002A' THEN 1 / (length(nino) - 9) ELSE 1 END) = 1"
        assert as_role(entered, pry) == [("QQ000001A",)]

    def test_an_added_column_is_in_neither_view_nor_extract(
        self, source: SmallSource, entered: PostgresSource, tmp_path: Path
    ) -> None:
        before = source.extract(the_plan(), tmp_path, source=entered).files[0]
        source.execute("ALTER TABLE dwp.person ADD COLUMN secret text DEFAULT 'hush'")
        try:
            check(source, entered)
            after = source.extract(the_plan(), tmp_path, source=entered).files[0]
        finally:
            source.execute("ALTER TABLE dwp.person DROP COLUMN secret")
        assert (after.sha256, after.schema_digest) == (before.sha256, before.schema_digest)

    def test_the_membership_role_reads_who_was_left_out_and_nothing_else(self, entered: PostgresSource) -> None:
        with psycopg.connect(entered.conninfo(MEMBERSHIP_ROLE), autocommit=True) as connection:
            view = left_out_view(REQUEST, "pension_credit_award")
            assert connection.execute(f"SELECT person, why FROM {view}".encode()).fetchall() == [
                ("QQ000002", "restricted")
            ]
            with pytest.raises(psycopg.Error):
                connection.execute(f"SELECT nino FROM {VIEW}".encode())


class TestEveryRunVerifies:
    def test_what_the_script_made_passes(self, source: SmallSource, entered: PostgresSource) -> None:
        (found,) = check_source(entered, the_plan(), source.datasets, now=NOW, hold_max_age_hours=24)
        assert (found.enforced_by, found.age_hours, found.hold_list_entries) == ("role", 1.0, 0)

    def test_running_the_script_twice_changes_nothing(self, source: SmallSource, tmp_path: Path) -> None:
        source.agree(the_plan(), tmp_path / "passfile")
        check(source, source.agree(the_plan(), tmp_path / "passfile"))

    @pytest.mark.parametrize(
        ("grant", "undo", "told"),
        [
            ("GRANT SELECT ON dwp.person TO {}", "REVOKE ALL ON dwp.person FROM {}", "may read dwp.person"),
            (
                "GRANT SELECT (surname) ON dwp.person TO {}",
                "REVOKE ALL (surname) ON dwp.person FROM {}",
                "may read dwp.person",
            ),
            (
                "GRANT SELECT ON curated.hold TO PUBLIC",
                "REVOKE ALL ON curated.hold FROM PUBLIC",
                "may read curated.hold",
            ),
            ("GRANT DELETE ON curated.hold TO {}", "REVOKE ALL ON curated.hold FROM {}", "may write to curated.hold"),
            ("GRANT source_owner TO {}", "REVOKE source_owner FROM {}", "is a member of source_owner"),
            ("GRANT pg_read_all_data TO {}", "REVOKE pg_read_all_data FROM {}", "is a member of pg_read_all_data"),
            (
                "GRANT CREATE ON SCHEMA curated TO {}",
                "REVOKE ALL ON SCHEMA curated FROM {}",
                "may create in the schema",
            ),
            ("ALTER ROLE {} CREATEROLE", "ALTER ROLE {} NOCREATEROLE", "may create roles"),
            ("ALTER ROLE {} BYPASSRLS", "ALTER ROLE {} NOBYPASSRLS", "pass by row security"),
            (
                "ALTER ROLE {} SET default_transaction_read_only = off",
                "ALTER ROLE {} SET default_transaction_read_only = on",
                "read-only",
            ),
            ("ALTER ROLE {} RESET statement_timeout", "ALTER ROLE {} SET statement_timeout = '2h'", "time limit"),
            (
                "CREATE FUNCTION extract_views.peek() RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT 1::text'",
                "DROP FUNCTION extract_views.peek()",
                "another's rights extract_views.peek",
            ),
            (
                "DO $$BEGIN EXECUTE 'GRANT TEMPORARY ON DATABASE ' || current_database() || ' TO {}'; END$$",
                "DO $$BEGIN EXECUTE 'REVOKE TEMPORARY ON DATABASE ' || current_database() || ' FROM {}'; END$$",
                "temporary tables",
            ),
            ("REVOKE SELECT ON " + VIEW + " FROM {}", "GRANT SELECT ON " + VIEW + " TO {}", "may not read " + VIEW),
        ],
        ids=lambda value: value[:45] if isinstance(value, str) else "",
    )
    def test_a_role_with_other_rights_stops_the_run(
        self, source: SmallSource, entered: PostgresSource, grant: str, undo: str, told: str
    ) -> None:
        source.execute(grant.replace("{}", ROLE))
        try:
            with pytest.raises(SourceChanged) as stopped:
                check(source, entered)
        finally:
            source.execute(undo.replace("{}", ROLE))
        assert told in str(stopped.value)
        check(source, entered)

    def test_a_membership_role_with_other_rights_stops_it_too(
        self, source: SmallSource, entered: PostgresSource
    ) -> None:
        source.execute(f"GRANT SELECT ON {VIEW} TO {MEMBERSHIP_ROLE}")
        try:
            with pytest.raises(SourceChanged, match=f"the role {MEMBERSHIP_ROLE} has other rights"):
                check(source, entered)
        finally:
            source.execute(f"REVOKE ALL ON {VIEW} FROM {MEMBERSHIP_ROLE}")

    @pytest.mark.parametrize(
        "edit",
        [
            "CREATE OR REPLACE VIEW {v} WITH (security_barrier = true) AS "
            "SELECT d.nino, d.sex FROM curated.pension_credit_award d",
            "ALTER VIEW {v} RESET (security_barrier)",
            "ALTER VIEW {v} SET (security_invoker = true)",
            "ALTER VIEW {v} RENAME COLUMN sex TO gender",
            "DROP VIEW {v}",
        ],
    )
    def test_an_edited_agreement_view_stops_the_run(
        self, source: SmallSource, entered: PostgresSource, edit: str
    ) -> None:
        source.execute(edit.replace("{v}", VIEW))
        with pytest.raises(SourceChanged, match="sddsb_2026_201__pension_credit_award"):
            check(source, entered)

    def test_a_view_made_for_another_plan_stops_the_run(self, source: SmallSource, entered: PostgresSource) -> None:
        other = the_plan(Condition("sex", Operator.EQUALS, ("F",)))
        with pytest.raises(SourceChanged, match="shows other rows or columns than were approved"):
            check(source, entered, other)

    def test_views_of_an_earlier_plan_are_taken_away_by_the_script(self, source: SmallSource, tmp_path: Path) -> None:
        datasets = (*the_plan().datasets, *an_identified_plan().datasets)
        source.agree(replace(the_plan(), datasets=datasets), tmp_path / "passfile")
        check(source, source.agree(the_plan(), tmp_path / "passfile"))

    def test_the_script_that_ends_an_agreement_takes_role_and_views_away(
        self, source: SmallSource, entered: PostgresSource
    ) -> None:
        source.execute(source_ended_sql(the_plan(), source.datasets, SQL / "roles"))
        names = source.database.rows("SELECT relname FROM pg_class WHERE relname LIKE 'sddsb_2026_201%'")
        assert names == []
        assert source.database.rows(f"SELECT 1 FROM pg_roles WHERE rolname = '{ROLE}'") == []


class TestTheAddress:
    def test_a_password_in_it_is_refused_and_not_repeated(self) -> None:
        with pytest.raises(SettingMissing) as refused:
            open_source(the_plan(), "host=127.0.0.1 password=open-sesame")
        assert "open-sesame" not in str(refused.value)

    def test_another_user_is_refused_unless_enforcement_by_query_is_allowed(self) -> None:
        with pytest.raises(NotPermitted):
            open_source(the_plan(), "host=127.0.0.1 user=analyst")
        assert open_source(the_plan(), "host=127.0.0.1 user=analyst", allow_query=True).enforced_by == "query"

    def test_by_query_the_same_rows_are_delivered_and_it_is_said(
        self, source: SmallSource, entered: PostgresSource, tmp_path: Path
    ) -> None:
        by_role = source.extract(the_plan(), tmp_path, source=entered)
        passfile = source.database.server.passfile()
        by_query = open_source(the_plan(), source.address() + " user=postgres", passfile, allow_query=True)
        found = source.extract(the_plan(), tmp_path, source=by_query)
        assert found.files[0].sha256 == by_role.files[0].sha256
        assert [s.enforced_by for s in found.sources] == ["query"]


class TestTheScript:
    def test_it_holds_no_password_but_takes_a_verifier(self, source: SmallSource) -> None:
        script = source_sql(the_plan(), source.datasets, SQL / "roles")
        assert "PASSWORD" not in script
        verifier = "SCRAM-SHA-256$4096:c2FsdHNhbHRzYWx0c2FsdA==$" + "A" * 43 + "=:" + "B" * 43 + "="
        assert f"PASSWORD '{verifier}'" in source_sql(the_plan(), source.datasets, SQL / "roles", verifier=verifier)

    @pytest.mark.parametrize("given", ["open-sesame", "SCRAM-SHA-256$4096:x'; DROP TABLE dwp.person; --$a:b"])
    def test_a_clear_password_is_refused_and_not_repeated(self, source: SmallSource, given: str) -> None:
        with pytest.raises(UsageError) as refused:
            source_sql(the_plan(), source.datasets, SQL / "roles", verifier=given)
        assert given not in str(refused.value)

    def test_an_owner_that_is_no_plain_name_is_refused(self, source: SmallSource) -> None:
        with pytest.raises(UsageError):
            source_sql(the_plan(), source.datasets, SQL / "roles", owner="x; DROP TABLE dwp.person")

    @pytest.mark.parametrize("request_id", ["SDDSB-2026-014", "a b'c;--d", "x" * 90])
    def test_names_are_plain_and_short_enough(self, request_id: str) -> None:
        names = [role_name(request_id), data_view(request_id, "scottish_child_payment").partition(".")[2]]
        assert all(len(n) <= 63 and n.replace("_", "a").isalnum() and n.islower() for n in names)

    def test_long_names_stay_different(self) -> None:
        assert len({role_name("x" * 90 + str(n)) for n in range(50)}) == 50

    def test_an_id_without_letters_or_digits_names_no_role(self) -> None:
        with pytest.raises(UsageError):
            slug("--")


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=("Cs",)), max_size=20)
DATES = st.dates(datetime(1, 1, 1).date()).map(lambda d: d.isoformat())
NUMBERS = st.decimals(-99999999, 99999999, places=2).map(lambda d: format(d, "f"))
MOMENTS = st.datetimes(datetime(1, 1, 2), datetime(9998, 1, 1), timezones=st.just(UTC)).map(lambda d: d.isoformat())
VALUES = {
    "surname": TEXTS,
    "weekly_award": NUMBERS,
    "date_of_birth": DATES,
    "updated_at": MOMENTS,
    "carer_addition": st.sampled_from(["true", "false"]),
}
NUMBER_OF = {Operator.BETWEEN: (2, 2), Operator.IN: (1, 4), Operator.IS_NULL: (0, 0)}


@st.composite
def conditions(draw: st.DrawFn) -> Condition:
    column = draw(st.sampled_from(sorted(VALUES)))
    operators = [Operator.EQUALS, Operator.IN, Operator.IS_NULL]
    operators += [] if column in ("surname", "carer_addition") else [Operator.BETWEEN, Operator.BEFORE, Operator.AFTER]
    operator = draw(st.sampled_from(operators))
    low, high = NUMBER_OF.get(operator, (1, 1))
    values = tuple(draw(st.lists(VALUES[column], min_size=low, max_size=high)))
    return Condition(column, operator, values, draw(st.booleans()))


HOSTILE = "'); DROP TABLE dwp.person; --"


class TestWhateverIsAskedStaysAValue:
    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.lists(conditions(), max_size=4))
    @example([Condition("surname", Operator.EQUALS, (HOSTILE,))])
    @example([Condition("surname", Operator.IN, ("\\'; DROP TABLE dwp.person; --", "$$", "{{role}}", "%s", "\u202e"))])
    def test_postgresql_prints_back_the_very_view_that_was_asked_for(
        self, source: SmallSource, asked: list[Condition]
    ) -> None:
        plan = the_plan(*asked)
        source.execute(source_sql(plan, source.datasets, SQL / "roles"))
        for view in plan_views(plan, source.datasets):
            printed = source.database.rows(
                f"SELECT set_config('search_path', '', false), pg_get_viewdef('{view.name}'::regclass)"
            )[0][1]
            assert definition_tree(printed) == definition_tree(view.definition)
        assert source.database.rows("SELECT count(*) FROM dwp.person") == [(2,)]

    def test_a_hostile_value_is_compared_like_any_other(self, source: SmallSource, tmp_path: Path) -> None:
        source.award("QQ000003A", surname=HOSTILE)
        plan = the_plan(Condition("surname", Operator.EQUALS, (HOSTILE,)))
        (file,) = source.extract(plan, tmp_path).files
        assert file.rows == 1

    @pytest.mark.parametrize(
        ("column", "value"),
        [
            ("weekly_award", "1; DROP TABLE dwp.person"),
            ("date_of_birth", "yesterday"),
            ("carer_addition", "NO"),
            ("weekly_award", "NaN"),
            ("updated_at", "2026-01-01T00:00:00"),
            ("surname", "a\0b"),
        ],
    )
    def test_a_value_of_another_type_never_reaches_the_script(
        self, source: SmallSource, column: str, value: str
    ) -> None:
        with pytest.raises(UsageError) as refused:
            source_sql(the_plan(Condition(column, Operator.EQUALS, (value,))), source.datasets, SQL / "roles")
        assert value not in str(refused.value)

    def test_every_kind_of_dataset_prints_back_alike(self, source: SmallSource, tmp_path: Path) -> None:
        for number, name in enumerate(source.datasets):
            planned = a_planned_dataset(source.datasets[name], (("nino", "keep", ()),))
            plan = an_identified_plan(request_id=f"SDDSB-2026-21{number}", datasets=(planned,))
            check(source, source.agree(plan, tmp_path / "passfile"), plan)
            columns = with_columns(plan, safe_address=SafeAddress.WITHHOLD_COLUMNS)
            check(source, source.agree(columns, tmp_path / "passfile"), columns)

    def test_the_contract_types_all_have_a_literal(self) -> None:
        assert {c.type for c in a_dataset("benefit_cap").columns} == set(ColumnType)
