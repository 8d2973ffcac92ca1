"""`extracts dataset new`: a table's description becomes view, contract and suite, with what is left to do in words."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from extracts.catalogue.contract import LoadStamp, SourceKind
from extracts.catalogue.odcs import load_dataset
from extracts.catalogue.view import view_name
from extracts.errors import InvalidDocument, NotFound, SourceUnreachable, UsageError
from extracts.settings import open_workplace
from extracts.steps.dataset_drafting import draft_dataset
from extracts.steps.suites import source_suite
from extracts.steps.workplace import Workplace
from tests.support.mariadb import MariaServer
from tests.support.postgres import Database
from tests.support.small_source import SmallSource, small_source


@pytest.fixture(scope="module")
def people(module_database: Database) -> Iterator[SmallSource]:
    with small_source(module_database) as source:
        source.execute("COMMENT ON COLUMN dwp.person.postcode IS 'Postcode of today, it''s said.'")
        yield source


@pytest.fixture
def work(tmp_path: Path) -> Workplace:
    folders = {f"EXTRACTS_{n.upper()}": str(tmp_path / n) for n in ("sql", "expectations", "home")}
    return open_workplace(folders)


@pytest.fixture
def file(tmp_path: Path) -> str:
    """An SQLite database with one table."""
    path = tmp_path / "heat.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute(
            "CREATE TABLE payments (payment_reference TEXT PRIMARY KEY NOT NULL, nino TEXT NOT NULL,"
            " amount NUMERIC(8, 2), paid_on DATE NOT NULL, notes TEXT, restricted BOOLEAN NOT NULL,"
            " safe_address BOOLEAN NOT NULL, photo BLOB)"
        )
        connection.execute("INSERT INTO payments VALUES ('R-1', 'QQ123456A', 1, '2026-01-01', 'x', 0, 0, NULL)")
    connection.close()
    return f"sqlite:///{path}"


def url(people: SmallSource) -> str:
    return re.sub(r"^postgresql\+\w+", "postgresql", str(people.database.server.url(people.database.name, "postgres")))


def finished(work: Workplace, name: str) -> None:
    """What a person does: every TO DO is written."""
    for path in (work.places.expectations / name / "contract.yaml", work.places.sql / name / "view.sql"):
        path.write_text(path.read_text().replace("TO DO", "Done").replace("[to_do]", "[nino]"))


def test_a_table_of_sqlite_becomes_a_dataset_once_every_to_do_is_done(work: Workplace, file: str) -> None:
    files = draft_dataset(work, file, "payments", "heat-warehouse", "winter_heating")
    assert [f.name for f in files] == ["view.sql", "contract.yaml", "source.yaml"]
    contract, view = work.places.expectations / "winter_heating" / "contract.yaml", files[0]
    with pytest.raises(InvalidDocument) as refused:
        load_dataset(contract, view)
    left = [p for p in refused.value.problems if p.message == "is still to be written"]
    assert len(left) == contract.read_text().count("'TO DO") == len({p.line for p in left})
    finished(work, "winter_heating")
    dataset = load_dataset(contract, view)
    assert (dataset.source_kind, dataset.system, dataset.key) == (
        SourceKind.SQLALCHEMY,
        "heat-warehouse",
        ("payment_reference",),
    )
    assert dataset.persons == ("nino",)
    assert [c.name for c in dataset.columns] == [
        "payment_reference",
        "nino",
        "amount",
        "paid_on",
        "notes",
        "restricted",
        "safe_address",
    ]
    assert "photo" in view.read_text(), "what was left out is said"
    assert source_suite(work, "winter_heating")


def test_a_draft_lets_nothing_leave_that_its_name_does_not_explain(work: Workplace, file: str) -> None:
    draft_dataset(work, file, "payments", "heat-warehouse")
    finished(work, "payments")
    (dataset,) = work.afresh().datasets.values()
    may_leave = {c.name for c in dataset.columns if c.treatments}
    assert may_leave == {"nino"}
    notes = dataset.column("notes")
    assert notes is not None
    assert notes.classification.value == "free text"


def test_no_value_of_a_row_is_in_a_draft(work: Workplace, file: str) -> None:
    text = "".join(f.read_text() for f in draft_dataset(work, file, "payments", "heat-warehouse"))
    assert not [v for v in ("QQ123456A", "R-1", "2026-01-01") if v in text]


def test_a_table_of_postgresql_keeps_its_comments_and_says_which_columns_are_missing(
    work: Workplace, people: SmallSource
) -> None:
    view, contract, _ = draft_dataset(work, url(people), "dwp.pension_credit_award", "sample")
    assert view_name(view.read_text()) == "curated.pension_credit_award"
    assert "t.weekly_award::numeric(8,2) AS weekly_award" in view.read_text()
    assert "to_do.restricted::boolean AS restricted" in view.read_text()
    with pytest.raises(InvalidDocument, match=r"persons.*to_do|to_do.*column"):
        load_dataset(contract, view)
    view, contract, _ = draft_dataset(work, url(people), "dwp.person", "sample")
    assert "'Postcode of today, it''s said.'" in contract.read_text()
    finished(work, "person")
    with pytest.raises(InvalidDocument, match="no primaryKey"):  # nor has the table
        load_dataset(contract, view)
    before, nino, after = contract.read_text().partition("      - name: nino\n")
    key = "        required: true\n        primaryKey: true\n        primaryKeyPosition: 1\n"
    contract.write_text(before + nino + after.replace("        required: true\n", key, 1))
    found = load_dataset(contract, view)
    assert found.source_kind is SourceKind.POSTGRESQL
    assert found.persons == ("nino",)


def test_a_table_of_a_mariadb_becomes_a_dataset(work: Workplace, maria: MariaServer) -> None:
    maria.execute(
        "CREATE DATABASE IF NOT EXISTS heat",
        "CREATE OR REPLACE TABLE heat.payments (payment_reference VARCHAR(20) PRIMARY KEY, nino CHAR(9) NOT NULL,"
        " amount DECIMAL(8, 2) COMMENT 'What was paid.', homes INT UNSIGNED, paid_at TIMESTAMP(6) NOT NULL,"
        " seen DATETIME, share DOUBLE, wide DECIMAL(65, 30),"
        " restricted TINYINT(1) NOT NULL, safe_address BOOLEAN NOT NULL)",
    )
    view, contract, _ = draft_dataset(work, maria.address_of("root"), "heat.payments", "heat-warehouse", "heat_paid")
    finished(work, "heat_paid")
    dataset = load_dataset(contract, view)
    assert {c.name: c.type.value for c in dataset.columns} == {
        "payment_reference": "string",
        "nino": "string",
        "amount": "decimal",
        "homes": "decimal",
        "paid_at": "timestamp",
        "restricted": "boolean",
        "safe_address": "boolean",
    }
    assert dataset.source_kind is SourceKind.SQLALCHEMY
    assert "seen, share, wide" in view.read_text(), "what was left out is said"
    assert "What was paid." in contract.read_text()
    maria.execute(
        "CREATE DATABASE IF NOT EXISTS curated", view.read_text(), "DROP DATABASE heat", "DROP DATABASE curated"
    )


def test_a_folder_of_parquet_files_becomes_a_dataset(work: Workplace, tmp_path: Path) -> None:
    table = pa.table(
        {
            "payment_reference": pa.array(["R-1"]),
            "nino": pa.array(["QQ123456A"]),
            "amount": pa.array([Decimal("1.50")], pa.decimal128(8, 2)),
            "homes": pa.array([1], pa.int64()),
            "paid_at": pa.array([datetime(2026, 1, 1, tzinfo=UTC)]),
            "share": pa.array([0.5]),
            "restricted": pa.array([False]),
            "safe_address": pa.array([False]),
            "year": pa.array([2026]),
        }
    )
    parquet.write_to_dataset(table, tmp_path / "archive" / "payments", partition_cols=["year"])
    files = draft_dataset(work, f"file://{tmp_path}/archive", "payments", "archive")
    assert [f.name for f in files] == ["contract.yaml", "source.yaml"]
    text = files[0].read_text()
    assert "QQ123456A" not in text
    assert "share" not in text
    key = "        required: true\n        primaryKey: true\n        primaryKeyPosition: 1\n"
    for name in ("payment_reference", "nino"):
        before, found, after = text.partition(f"      - name: {name}\n")
        required = key if name == "payment_reference" else "        required: true\n"
        text = before + found + required + after
    files[0].write_text(text.replace("TO DO", "Done").replace("value: declared", "value: newest file"))
    dataset = work.afresh().datasets["payments"]
    assert {c.name: c.type.value for c in dataset.columns}["year"] == "string"
    assert (dataset.source_kind, dataset.load_stamp) == (SourceKind.PARQUET, LoadStamp.NEWEST_FILE)
    with pytest.raises(NotFound, match="has no 'none'"):
        draft_dataset(work, f"file://{tmp_path}/archive", "none", "archive")


def test_what_is_there_already_is_not_written_over(work: Workplace, file: str) -> None:
    view, *_ = draft_dataset(work, file, "payments", "heat-warehouse")
    view.write_text("mine")
    with pytest.raises(UsageError, match="is there already"):
        draft_dataset(work, file, "payments", "heat-warehouse")
    assert view.read_text() == "mine"


def test_what_cannot_be_drafted_is_said(work: Workplace, file: str) -> None:
    with pytest.raises(NotFound, match="no table or view none"):
        draft_dataset(work, file, "none", "heat-warehouse")
    with pytest.raises(UsageError, match="cannot name a dataset"):
        draft_dataset(work, file, "payments", "heat-warehouse", "../elsewhere")
    with pytest.raises(UsageError, match="no SQLAlchemy URL"):
        draft_dataset(work, "host=127.0.0.1 password=open-sesame", "payments", "heat-warehouse")
    with pytest.raises(SourceUnreachable) as away:
        draft_dataset(work, "postgresql://me:open-sesame@127.0.0.1:1/x", "a.b", "heat-warehouse")
    assert "open-sesame" not in str(away.value)
    assert not work.places.expectations.exists()
