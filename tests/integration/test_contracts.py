"""Contract = view = database: what is promised is what PostgreSQL has, and a view cannot change unnoticed."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from extracts.catalogue.contract import Column, ColumnType, Dataset
from extracts.catalogue.locked_view import lock_of, read_locks
from extracts.catalogue.odcs import load_dataset, load_datasets
from extracts.catalogue.view import deployed_definition, viewdef_digest
from extracts.catalogue.view_lock import lock_views
from extracts.errors import SourceChanged, TechnicalFailure
from extracts.extraction.validation_suite import check_contract_rules
from extracts.local.sample import create_sample
from tests.support.postgres import Database

ROOT = Path(__file__).parents[2]
SQL = ROOT / "sql"
EXPECTATIONS = ROOT / "expectations"
AS_OF = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
DATASETS = load_datasets(EXPECTATIONS, SQL)
EVERY_DATASET = pytest.mark.parametrize("dataset", DATASETS.values(), ids=lambda d: d.name)
POSTGRES = {
    ColumnType.STRING: "text",
    ColumnType.INTEGER: "integer",
    ColumnType.DATE: "date",
    ColumnType.TIMESTAMP: "timestamp with time zone",
    ColumnType.BOOLEAN: "boolean",
}


@pytest.fixture(scope="module")
def source(module_database: Database) -> Database:
    create_sample(module_database.conninfo(), SQL, as_of=AS_OF, people=5000)
    return module_database


@pytest.fixture
def own(tmp_path: Path) -> tuple[Path, Path]:
    """Expectations and SQL of the test's own, to be edited."""
    shutil.copytree(EXPECTATIONS, tmp_path / "expectations")
    shutil.copytree(SQL, tmp_path / "sql")
    return tmp_path / "expectations", tmp_path / "sql"


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert text.count(old) == 1, f"{old!r} is {text.count(old)} times in {file.name}"
    file.write_text(text.replace(old, new))


def columns_of(source: Database, relation: str) -> list[tuple[Any, ...]]:
    return source.rows(
        "SELECT a.attname, format_type(a.atttypid, a.atttypmod) FROM pg_attribute AS a "
        f"WHERE a.attrelid = '{relation}'::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"
    )


def postgres_type(column: Column) -> str:
    if column.type is ColumnType.DECIMAL:
        return f"numeric({column.precision},{column.scale})"
    return POSTGRES[column.type]


# --- contract = view = database -------------------------------------------------------------------------------------


def test_there_are_the_three_datasets_of_the_sample_source() -> None:
    assert set(DATASETS) == {"scottish_child_payment", "pension_credit_award", "benefit_cap"}


@EVERY_DATASET
def test_a_view_has_the_contracts_columns_in_their_order_and_types(source: Database, dataset: Dataset) -> None:
    assert columns_of(source, dataset.relation) == [(c.name, postgres_type(c)) for c in dataset.columns]


@EVERY_DATASET
def test_required_columns_have_no_gaps_and_the_key_tells_rows_apart(source: Database, dataset: Dataset) -> None:
    gaps = ", ".join(f"count(*) FILTER (WHERE {c.name} IS NULL)" for c in dataset.columns if not c.nullable)
    assert set(source.rows(f"SELECT {gaps} FROM {dataset.relation}")[0]) == {0}
    key = ", ".join(dataset.key)
    assert source.rows(f"SELECT count(*) - count(DISTINCT ({key})), count(*) > 50 FROM {dataset.relation}") == [
        (0, True)
    ]


@EVERY_DATASET
def test_columns_that_may_be_empty_sometimes_are(source: Database, dataset: Dataset) -> None:
    """Or nobody would have seen what happens then."""
    always = [
        c.name
        for c in dataset.columns
        if c.nullable and not source.rows(f"SELECT 1 FROM {dataset.relation} WHERE {c.name} IS NULL LIMIT 1")
    ]
    # Few people have no home at all: at 5,000 people perhaps none of them is in a small dataset.
    assert set(always) <= {"address", "council_code", "postcode"}


@EVERY_DATASET
def test_values_are_among_those_allowed_and_within_their_range(source: Database, dataset: Dataset) -> None:
    for column in dataset.columns:
        if column.allowed_values:
            found = {v for (v,) in source.rows(f"SELECT DISTINCT {column.name} FROM {dataset.relation}")} - {None}
            assert found <= set(column.allowed_values), column.name
        if column.minimum or column.maximum:
            least, most = source.rows(f"SELECT min({column.name}), max({column.name}) FROM {dataset.relation}")[0]
            kind = str if column.type is ColumnType.DATE else Decimal
            assert not column.minimum or kind(str(least)) >= kind(column.minimum), column.name
            assert not column.maximum or kind(str(most)) <= kind(column.maximum), column.name


BROKEN_BY = {
    "expect_column_values_to_match_regex": "{column} !~ '{regex}'",
    "expect_column_values_to_not_be_null": "{column} IS NULL",
    "expect_column_pair_values_a_to_be_greater_than_b": "{column_A} <= {column_B}",
}


@EVERY_DATASET
def test_the_sample_keeps_every_standing_rule(source: Database, dataset: Dataset) -> None:
    for rule in dataset.quality:
        if query := str(rule.arguments.get("unexpected_rows_query", "")):
            assert source.rows(query.format(batch=dataset.relation)) == [], rule
            continue
        broken = BROKEN_BY[rule.expectation].format_map(dict(rule.arguments))
        share = source.rows(f"SELECT avg(({broken})::integer) FROM {dataset.relation}")[0][0]
        assert (share or 0) <= 1 - Decimal(str(rule.arguments.get("mostly", 1))), rule


@EVERY_DATASET
def test_every_standing_rule_is_one_that_can_be_run(dataset: Dataset) -> None:
    check_contract_rules(dataset)


@EVERY_DATASET
def test_every_table_behind_a_view_is_named_as_its_load_table(source: Database, dataset: Dataset) -> None:
    """Or the oldest of them would not count when freshness is checked."""
    behind = source.rows(
        "SELECT DISTINCT t.relname FROM pg_depend AS d JOIN pg_rewrite AS r ON r.oid = d.objid "
        "JOIN pg_class AS t ON t.oid = d.refobjid AND t.relkind = 'r' "
        f"WHERE r.ev_class = '{dataset.relation}'::regclass"
    )
    assert {t for (t,) in behind} == set(dataset.load_tables)
    stamped = {t for (t,) in source.rows("SELECT table_name FROM curated.load_stamp")}
    assert set(dataset.load_tables) <= stamped


@EVERY_DATASET
def test_a_row_is_restricted_if_anybody_of_it_is(source: Database, dataset: Dataset) -> None:
    for marker in (dataset.restricted_column, dataset.safe_address_column):
        persons = " OR ".join(f"p.nino = v.{c}" for c in dataset.persons)
        wrong = (
            f"SELECT count(*) FROM {dataset.relation} AS v WHERE {marker} <> "
            f"EXISTS (SELECT FROM dwp.person AS p WHERE p.{marker} AND ({persons}))"
        )
        assert source.rows(wrong) == [(0,)], marker
    assert source.rows(f"SELECT count(*) > 0 FROM {dataset.relation} WHERE restricted OR safe_address") == [(True,)]


def test_the_controls_that_every_source_offers_are_there(source: Database) -> None:
    assert columns_of(source, "curated.hold") == [
        ("person", "text"),
        ("scope", "text"),
        ("effect", "text"),
        ("recorded_at", "timestamp with time zone"),
    ]
    assert columns_of(source, "curated.load_stamp") == [
        ("table_name", "text"),
        ("loaded_at", "timestamp with time zone"),
        ("row_count", "bigint"),
    ]


def test_the_owner_of_the_views_may_not_log_in(source: Database) -> None:
    owners = source.rows(
        "SELECT DISTINCT pg_get_userbyid(c.relowner), r.rolcanlogin FROM pg_class AS c "
        "JOIN pg_namespace AS n ON n.oid = c.relnamespace JOIN pg_roles AS r ON r.oid = c.relowner "
        "WHERE n.nspname IN ('dwp', 'curated') AND c.relkind IN ('r', 'v')"
    )
    assert owners == [("source_owner", False)]


# --- a view cannot change without a version bump ---------------------------------------------------------------------


@EVERY_DATASET
def test_the_committed_lock_is_of_the_committed_view_and_of_what_postgresql_prints(
    source: Database, dataset: Dataset
) -> None:
    lock = lock_of(read_locks(EXPECTATIONS / dataset.name / "view.lock.json"), dataset.version)
    assert lock
    assert (lock.version, lock.view_digest) == (dataset.version, dataset.view_digest), "run `extracts dataset lock`"
    with source.connect() as connection:
        printed = deployed_definition(connection, dataset.relation)
    assert viewdef_digest(printed) == lock.deployed_digest == dataset.deployed_view_digest


def test_a_view_edited_without_a_new_version_cannot_be_locked_and_covers_nothing(
    source: Database, own: tuple[Path, Path]
) -> None:
    expectations, sql = own
    view = sql / "pension_credit_award" / "view.sql"
    before = {p: p.read_text() for p in expectations.glob("*/view.lock.json")}
    edit(view, "award.ended_on IS NULL", "award.ended_on IS NULL AND NOT award.carer_addition")
    dataset = load_dataset(expectations / "pension_credit_award" / "contract.yaml", view)
    assert dataset.deployed_view_digest == "", "the old lock must not cover the new view"
    with source.connect() as connection, pytest.raises(SourceChanged, match=r"still 1\.0\.0.*Raise the version"):
        lock_views(expectations, sql, connection)
    assert {p: p.read_text() for p in expectations.glob("*/view.lock.json")} == before


def test_a_new_version_is_locked_to_its_new_view_and_nothing_stays_in_the_database(
    source: Database, own: tuple[Path, Path]
) -> None:
    expectations, sql = own
    deployed = source.rows("SELECT pg_get_viewdef('curated.pension_credit_award')")
    view = sql / "pension_credit_award" / "view.sql"
    edit(view, "award.ended_on IS NULL", "award.ended_on IS NULL AND NOT award.carer_addition")
    edit(expectations / "pension_credit_award" / "contract.yaml", "version: 1.0.0", "version: 2.0.0")
    with source.connect() as connection:
        changed = lock_views(expectations, sql, connection)
        assert lock_views(expectations, sql, connection) == {}, "locking twice equals once"
    assert list(changed) == ["pension_credit_award"]
    dataset = load_dataset(expectations / "pension_credit_award" / "contract.yaml", view)
    assert dataset.deployed_view_digest == changed["pension_credit_award"].deployed_digest
    assert dataset.deployed_view_digest != DATASETS["pension_credit_award"].deployed_view_digest
    assert source.rows("SELECT pg_get_viewdef('curated.pension_credit_award')") == deployed


def test_comments_and_layout_of_a_view_need_no_new_version(source: Database, own: tuple[Path, Path]) -> None:
    expectations, sql = own
    view = sql / "pension_credit_award" / "view.sql"
    edit(view, "FROM dwp.pension_credit_award AS award", "-- the award\n   from   dwp.pension_credit_award as award")
    with source.connect() as connection:
        assert lock_views(expectations, sql, connection) == {}


def test_a_view_that_postgresql_does_not_accept_is_not_locked(source: Database, own: tuple[Path, Path]) -> None:
    expectations, sql = own
    edit(sql / "pension_credit_award" / "view.sql", "award.award_type::text", "award.no_such_column::text")
    edit(expectations / "pension_credit_award" / "contract.yaml", "version: 1.0.0", "version: 1.1.0")
    with source.connect() as connection, pytest.raises(TechnicalFailure, match=r"SQLSTATE 42703"):
        lock_views(expectations, sql, connection)


CHANGES = {
    "edited": "CREATE OR REPLACE VIEW curated.pension_credit_award AS "
    "SELECT * FROM ({definition}) AS v WHERE NOT v.carer_addition",
    "column renamed below": "ALTER TABLE dwp.pension_credit_award RENAME award_type TO kind",
    "table renamed below": "ALTER TABLE dwp.pension_credit_award RENAME TO old_award",
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_the_deployed_view_changes_what_postgresql_prints(source: Database, change: str) -> None:
    dataset = DATASETS["pension_credit_award"]
    with source.connect(autocommit=False) as connection:
        definition = deployed_definition(connection, dataset.relation).rstrip("; \n")
        connection.execute(CHANGES[change].format(definition=definition).encode())
        found = viewdef_digest(deployed_definition(connection, dataset.relation))
        connection.rollback()
    assert found != dataset.deployed_view_digest


def test_a_column_added_below_a_view_changes_nothing(source: Database) -> None:
    dataset = DATASETS["pension_credit_award"]
    with source.connect(autocommit=False) as connection:
        connection.execute("ALTER TABLE dwp.pension_credit_award ADD COLUMN diagnosis text")
        connection.execute("ALTER TABLE dwp.person ADD COLUMN telephone text")
        found = viewdef_digest(deployed_definition(connection, dataset.relation))
        connection.rollback()
    assert found == dataset.deployed_view_digest


@pytest.mark.parametrize("path", ["public", "dwp, curated, public"])
def test_what_is_printed_does_not_depend_on_the_search_path_which_stays_as_it_was(source: Database, path: str) -> None:
    dataset = DATASETS["benefit_cap"]
    with source.connect() as connection:
        connection.execute(f"SET search_path = {path}".encode())
        assert viewdef_digest(deployed_definition(connection, dataset.relation)) == dataset.deployed_view_digest
        assert connection.execute("SHOW search_path").fetchone() == (path,)


def test_a_view_that_is_gone_is_said_to_be_gone(source: Database) -> None:
    with source.connect() as connection, pytest.raises(SourceChanged, match=r"no view curated\.gone"):
        deployed_definition(connection, "curated.gone")


# --- fast enough to be stacked on ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("columns", "view", "needless"),
    [
        ("claim_id, nino, cap_reduction, restricted", "curated.benefit_cap", "journal_message"),
        ("claim_id, nino, child_id", "curated.scottish_child_payment", "universal_credit_assessment_period"),
    ],
)
def test_a_table_whose_columns_are_not_used_is_not_read(
    source: Database, columns: str, view: str, needless: str
) -> None:
    def plan(query: str) -> str:
        return "\n".join(line for (line,) in source.rows(f"EXPLAIN {query}"))

    assert needless in plan(f"SELECT * FROM {view}")
    assert needless not in plan(f"SELECT {columns} FROM {view}")
