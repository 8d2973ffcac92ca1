"""Before anything is read: is the source what was approved, fresh, and its hold list to be trusted?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from extracts.agreement.plan import ExtractPlan
from extracts.errors import HoldStops, Outcome, SourceChanged, SourceLate, SourceUnreachable
from extracts.extraction.sources.checks import check_source
from extracts.extraction.sources.names import role_name
from extracts.extraction.sources.postgres import PostgresSource, open_source
from extracts.extraction.sources.view_sql import ExpectedView, counts_of, data_of, left_out_of
from extracts.extraction.values import SourceCheck
from tests.support.builders import a_plan, some_limits
from tests.support.postgres import Database
from tests.support.small_source import NOW, SmallSource, small_source, with_columns

PLAN = a_plan(request_id="SDDSB-2026-401", limits=some_limits(k=0))
VIEW = "curated.pension_credit_award"


@pytest.fixture
def source(module_source: SmallSource) -> SmallSource:
    module_source.clear()
    module_source.award("QQ000001A")
    return module_source


@pytest.fixture
def entered(source: SmallSource, tmp_path: Path) -> PostgresSource:
    return source.agree(PLAN, tmp_path / "passfile")


def check(
    source: SmallSource, entered: PostgresSource, plan: ExtractPlan = PLAN, now: datetime = NOW
) -> tuple[SourceCheck, ...]:
    return check_source(entered, plan, source.datasets, now=now, hold_max_age_hours=24)


class TestTheCuratedView:
    @pytest.mark.parametrize(
        ("change", "told"),
        [
            (f"ALTER VIEW {VIEW} RENAME COLUMN sex TO gender", "column sex is gone; column gender is not declared"),
            (
                "CREATE VIEW curated.other AS SELECT 1 AS n; "
                f"DROP VIEW {VIEW} CASCADE; ALTER VIEW curated.other RENAME TO pension_credit_award",
                "column nino is gone",
            ),
            (f"DROP VIEW {VIEW} CASCADE", "no view curated.pension_credit_award"),
        ],
        ids=["renamed", "replaced", "dropped"],
    )
    def test_a_changed_column_stops_the_run(self, database: Database, tmp_path: Path, change: str, told: str) -> None:
        with small_source(database) as source:
            entered = source.agree(PLAN, tmp_path / "passfile")
            source.database.execute(change)
            with pytest.raises(SourceChanged) as stopped:
                check(source, entered)
            assert told in str(stopped.value)

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            ("award.weekly_award::numeric(8, 2)", "award.weekly_award::numeric(10, 2)"),
            ("person.nino::text", "person.nino::varchar(9)"),
        ],
    )
    def test_a_retyped_column_stops_the_run(self, database: Database, tmp_path: Path, before: str, after: str) -> None:
        with small_source(database) as source:
            entered = source.agree(PLAN, tmp_path / "passfile")
            redefine(source, lambda text: text.replace(before, after))
            with pytest.raises(SourceChanged, match="is not as its contract says: column"):
                check(source, entered)

    def test_an_edited_condition_stops_the_run(self, database: Database, tmp_path: Path) -> None:
        with small_source(database) as source:
            source.agree(PLAN, tmp_path / "passfile")
            redefine(source, lambda text: text.replace("WHERE award.ended_on IS NULL", "WHERE true"))
            with pytest.raises(SourceChanged, match="was edited: it is not the view of version"):
                check(source, source.agree(PLAN, tmp_path / "passfile"))

    def test_another_layout_changes_nothing(self, database: Database, tmp_path: Path) -> None:
        with small_source(database) as source:
            redefine(source, lambda text: text.replace("\n", " \n\n  ").replace("SELECT", "select"))
            check(source, source.agree(PLAN, tmp_path / "passfile"))

    def test_a_contract_without_a_lock_stops_the_run(self, source: SmallSource, entered: PostgresSource) -> None:
        unlocked = replace(source.datasets["pension_credit_award"], deployed_view_digest="")
        with pytest.raises(SourceChanged, match="no view is locked"):
            check_source(entered, PLAN, {unlocked.name: unlocked}, now=NOW, hold_max_age_hours=24)

    def test_a_dataset_that_is_no_longer_declared_stops_the_run(
        self, source: SmallSource, entered: PostgresSource
    ) -> None:
        with pytest.raises(SourceChanged, match="no contract declares pension_credit_award"):
            check_source(entered, PLAN, {}, now=NOW, hold_max_age_hours=24)


def redefine(source: SmallSource, edit: Callable[[str], str]) -> None:
    """Drop the curated view and make it again from its edited file."""
    text = Path(__file__).parents[2].joinpath("sql/pension_credit_award/view.sql").read_text()
    bare = "\n".join(line for line in text.splitlines() if not line.startswith("--"))
    source.database.execute(f"DROP VIEW {VIEW} CASCADE; {edit(bare)}; ALTER VIEW {VIEW} OWNER TO source_owner")


class TestTheControlRelations:
    @pytest.mark.parametrize(
        ("change", "told"),
        [
            (
                "CREATE OR REPLACE VIEW curated.hold AS SELECT reverse(h.nino) AS person, h.scope, h.effect,"
                " h.recorded_at FROM dwp.hold AS h WHERE h.ended_at IS NULL",
                "curated.hold is not the view",
            ),
            (
                "CREATE OR REPLACE VIEW curated.load_stamp AS SELECT s.table_name, now() AS loaded_at, s.row_count"
                " FROM dwp.load_stamp AS s",
                "curated.load_stamp is not the view",
            ),
            ("DROP VIEW curated.hold CASCADE", "no view curated.hold"),
        ],
        ids=["persons spoilt", "stamps always fresh", "gone"],
    )
    def test_an_edited_one_stops_the_run(self, database: Database, tmp_path: Path, change: str, told: str) -> None:
        with small_source(database) as source:
            entered = source.agree(PLAN, tmp_path / "passfile")
            check(source, entered)
            source.database.execute(change)
            with pytest.raises(SourceChanged) as stopped:
                check(source, entered)
            assert told in str(stopped.value)

    def test_without_a_lock_of_them_nothing_is_read(self, source: SmallSource, entered: PostgresSource) -> None:
        unlocked = replace(source.datasets["pension_credit_award"], control_digests={})
        with pytest.raises(SourceChanged, match=r"curated\.hold and curated\.load_stamp is not the view"):
            check_source(entered, PLAN, {unlocked.name: unlocked}, now=NOW, hold_max_age_hours=24)


class TestFreshness:
    def test_the_oldest_table_counts(self, source: SmallSource, entered: PostgresSource) -> None:
        source.execute(
            f"UPDATE dwp.load_stamp SET loaded_at = '{NOW - timedelta(hours=30)}' WHERE table_name = 'person'"
        )
        (found,) = check(source, entered)
        assert found.age_hours == 30

    def test_a_source_that_is_too_old_is_late_and_may_be_tried_again(
        self, source: SmallSource, entered: PostgresSource
    ) -> None:
        source.execute(
            f"UPDATE dwp.load_stamp SET loaded_at = '{NOW - timedelta(hours=37)}' WHERE table_name = 'person'"
        )
        with pytest.raises(SourceLate, match=r"loaded 37.0 hours ago; at most 36 are allowed") as late:
            check(source, entered)
        assert (late.value.outcome, late.value.retryable) == (Outcome.SOURCE_LATE, True)

    def test_a_stricter_plan_counts(self, source: SmallSource, entered: PostgresSource) -> None:
        source.loaded(NOW - timedelta(hours=3))
        strict = with_columns(PLAN, max_age_hours=2)
        with pytest.raises(SourceLate, match="at most 2 are allowed"):
            check(source, entered, strict)

    @pytest.mark.parametrize(
        "change",
        [
            "DELETE FROM dwp.load_stamp WHERE table_name = 'person'",
            f"UPDATE dwp.load_stamp SET loaded_at = '{NOW + timedelta(hours=1)}' WHERE table_name = 'person'",
        ],
        ids=["missing", "in the future"],
    )
    def test_a_stamp_that_cannot_be_right_is_late(
        self, source: SmallSource, entered: PostgresSource, change: str
    ) -> None:
        source.execute(change)
        with pytest.raises(SourceLate):
            check(source, entered)


class TestTheHoldList:
    def test_an_empty_list_may_be_right(self, source: SmallSource, entered: PostgresSource) -> None:
        (found,) = check(source, entered)
        assert found.hold_list_entries == 0

    def test_a_stale_one_stops_the_run(self, source: SmallSource, entered: PostgresSource) -> None:
        source.execute(f"UPDATE dwp.load_stamp SET loaded_at = '{NOW - timedelta(hours=25)}' WHERE table_name = 'hold'")
        with pytest.raises(HoldStops, match=r"loaded 25.0 hours ago; at most 24"):
            check(source, entered)

    def test_one_that_is_shorter_than_it_says_stops_the_run(self, source: SmallSource, entered: PostgresSource) -> None:
        source.hold("QQ000009A")
        source.execute("DELETE FROM dwp.hold")
        with pytest.raises(HoldStops, match="has 0 entries but says that it has 1"):
            check(source, entered)

    def test_one_without_a_stamp_stops_the_run(self, source: SmallSource, entered: PostgresSource) -> None:
        source.execute("DELETE FROM dwp.load_stamp WHERE table_name = 'hold'")
        with pytest.raises(HoldStops, match="no load stamp"):
            check(source, entered)

    @pytest.mark.parametrize(
        "change",
        [
            "SET nino = '  '",
            "SET nino = 'QQ12345'",
            "SET nino = 'Q123456C'",
            "SET scope = 'everything'",
            "SET effect = 'maybe'",
        ],
    )
    def test_an_entry_that_nobody_understands_stops_the_run(
        self, source: SmallSource, entered: PostgresSource, change: str
    ) -> None:
        source.hold("QQ000009A")
        source.execute("ALTER TABLE dwp.hold DROP CONSTRAINT IF EXISTS hold_scope_check")
        source.execute("ALTER TABLE dwp.hold DROP CONSTRAINT IF EXISTS hold_effect_check")
        source.execute(f"UPDATE dwp.hold {change}")
        with pytest.raises(HoldStops, match="1 entries of the hold list cannot be understood"):
            check(source, entered)

    def test_an_entry_recorded_in_the_future_stops_the_run_and_sends_nobody_to_run_it_again(
        self, source: SmallSource, entered: PostgresSource
    ) -> None:
        source.hold("QQ000009A", at=NOW + timedelta(minutes=9))
        check(source, entered)
        source.hold("QQ000008A", at=NOW + timedelta(minutes=11))
        with pytest.raises(HoldStops, match="an entry that is recorded in the future") as stopped:
            check(source, entered)
        assert "ask the source's owner" in stopped.value.advice


class TestReachingIt:
    def test_no_server_at_all_may_be_tried_again(self, tmp_path: Path) -> None:
        source = open_source(PLAN, "host=127.0.0.1 port=1 dbname=nowhere", tmp_path / "passfile")
        with pytest.raises(SourceUnreachable, match="no connection") as unreachable:
            check_source(source, PLAN, {}, now=NOW, hold_max_age_hours=24)
        assert unreachable.value.retryable

    def test_a_wrong_password_is_not_repeated(self, source: SmallSource, tmp_path: Path) -> None:
        passfile = tmp_path / "passfile"
        source.agree(PLAN, passfile)
        passfile.write_text(f"127.0.0.1:*:*:{role_name(PLAN.request_id)}:open-sesame\n")
        with pytest.raises(SourceUnreachable) as refused:
            check(source, open_source(PLAN, source.address(), passfile))
        assert "open-sesame" not in str(refused.value)
        assert refused.value.__cause__ is None
        assert refused.value.__suppress_context__

    def test_a_database_that_is_not_there_says_its_code_only(self, source: SmallSource, tmp_path: Path) -> None:
        passfile = tmp_path / "passfile"
        source.agree(PLAN, passfile)
        address = source.address().replace(source.database.name, "no_such_database")
        with pytest.raises(SourceUnreachable) as refused:
            check(source, open_source(PLAN, address, passfile))
        assert "no_such_database" not in str(refused.value)


class TestHowTheServerReadsIt:
    @pytest.mark.parametrize("view", [counts_of, left_out_of, data_of])
    def test_statistics_that_are_out_of_date_do_not_make_it_compare_each_row_with_each_hold(
        self, source: SmallSource, entered: PostgresSource, view: Callable[..., ExpectedView]
    ) -> None:
        source.hold("QQ000001A")
        source.execute("ANALYZE dwp.person, dwp.pension_credit_award, dwp.hold")  # one row each, which is soon untrue
        relation = view(PLAN, source.datasets["pension_credit_award"]).name
        role = entered.membership_role if view is left_out_of else ""
        with entered.transaction(role) as connection:
            plan = "\n".join(row[0] for row in connection.execute(f"EXPLAIN SELECT * FROM {relation}".encode()))
        assert ("hashed SubPlan" in plan) is (view is not counts_of)
        assert "Nested Loop" not in plan

    def test_a_hold_list_of_hundreds_of_thousands_is_still_looked_up_as_a_set(
        self, source: SmallSource, entered: PostgresSource
    ) -> None:
        source.hold("QQ000001A")
        source.execute("ANALYZE dwp.hold")
        source.execute("UPDATE pg_catalog.pg_class SET reltuples = 300000, relpages = 5000 WHERE relname = 'hold'")
        relation = data_of(PLAN, source.datasets["pension_credit_award"]).name
        with entered.transaction() as connection:
            plan = "\n".join(row[0] for row in connection.execute(f"EXPLAIN SELECT * FROM {relation}".encode()))
        assert "hashed SubPlan" in plan
