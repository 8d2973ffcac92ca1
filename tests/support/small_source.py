"""A source with a handful of people, written row by row in the test: the sample's schema and views, no rows of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import duckdb

from extracts.agreement.plan import ExtractPlan, Period
from extracts.catalogue.contract import Dataset
from extracts.catalogue.odcs import load_datasets
from extracts.extraction.engine import EngineSettings, Keys, Part, build
from extracts.extraction.sources.names import MEMBERSHIP_ROLE, role_name
from extracts.extraction.sources.postgres import PostgresSource, open_source
from extracts.extraction.sources.role_sql import source_sql
from extracts.extraction.values import Drawn, Extract, ExtractFile
from extracts.local.sample import apply_schema
from tests.support.builders import a_period
from tests.support.postgres import Database

ROOT = Path(__file__).parent.parent.parent
SQL = ROOT / "sql"
NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
KEYS = Keys("5a" * 32, "c3" * 32)
TABLES = (
    "person",
    "universal_credit_claim",
    "universal_credit_assessment_period",
    "pension_credit_award",
    "claim_child",
)


@dataclass
class SmallSource:
    """One database with the sample's schema. `person`, `award`, `cap` and `hold` add rows; `clear` removes them all."""

    database: Database
    datasets: Mapping[str, Dataset]
    numbers: Any = field(default_factory=lambda: count(1))
    connection: Any = None

    def clear(self) -> None:
        """Empty tables, loaded an hour ago."""
        tables = ", ".join(f"dwp.{t}" for t in (*TABLES, "journal_message", "hold", "load_stamp"))
        self.execute(f"TRUNCATE {tables}")
        self.loaded(NOW - timedelta(hours=1))

    def loaded(self, at: datetime) -> None:
        """Every table's load stamp."""
        values = ", ".join(f"('{t}', '{at.isoformat()}', 0)" for t in (*TABLES, "journal_message", "hold"))
        self.execute(
            f"INSERT INTO dwp.load_stamp VALUES {values} ON CONFLICT (table_name) DO UPDATE SET loaded_at = "
            "excluded.loaded_at"
        )

    def person(self, nino: str, **facts: Any) -> int:
        """A person of Fife, born on 5 June 1957, with nothing special."""
        number = next(self.numbers)
        row = {
            "person_id": number,
            "nino": nino,
            "forenames": "Ailsa",
            "surname": "Example",
            "date_of_birth": "1957-06-05",
            "sex": "F",
            "address": "1 Example Street",
            "postcode": "KY1 1AB",
            "uprn": None,
            "council_code": "S12000047",
            "safe_address": False,
            "restricted": False,
            "updated_at": NOW,
        }
        self._insert("person", row | facts)
        return number

    def award(self, nino: str, award: Mapping[str, Any] | None = None, **facts: Any) -> None:
        """A person with a Pension Credit award in payment; `facts` about the person, `award` about the award."""
        row = {
            "award_id": next(self.numbers),
            "person_id": self.person(nino, **facts),
            "award_type": "guarantee",
            "weekly_award": "75.50",
            "started_on": "2023-04-03",
            "carer_addition": False,
            "severe_disability_addition": False,
            "sort_code": "000000",
            "account_number": "00000000",
            "updated_at": NOW,
        }
        self._insert("pension_credit_award", row | dict(award or {}))

    def cap(
        self, nino: str, partner: str = "", ends_on: str = "2026-11-20", amount: str = "98.45", **facts: Any
    ) -> None:
        """A claim with one assessment period that the benefit cap reduced."""
        claim = next(self.numbers)
        claimant = self.person(nino, **facts)
        self._insert(
            "universal_credit_claim",
            {
                "claim_id": claim,
                "claim_reference": f"UC{claim:011d}",
                "claimant_person_id": claimant,
                "partner_person_id": self.person(partner) if partner else None,
                "started_on": "2024-01-01",
                "children": 2,
                "updated_at": NOW,
            },
        )
        elements = (
            "standard_element",
            "child_element",
            "housing_element",
            "carer_element",
            "earnings_deduction",
            "award",
        )
        period = {"period_id": claim, "claim_id": claim, "starts_on": "2026-10-21", "ends_on": ends_on, "children": 2}
        period |= dict.fromkeys(elements, "100.00") | {"cap_reduction": amount, "updated_at": NOW}
        self._insert("universal_credit_assessment_period", period)

    def hold(
        self, nino: str, scope: str = "all", effect: str = "leave out", at: datetime = NOW - timedelta(days=3)
    ) -> None:
        """A hold, counted in the list's own stamp."""
        self.execute("SELECT dwp.record_hold(%s, %s, %s, 'test', %s)", [nino, scope, effect, at])
        self.execute("UPDATE dwp.load_stamp SET loaded_at = %s WHERE table_name = 'hold'", [NOW - timedelta(hours=1)])

    def agree(self, plan: ExtractPlan, passfile: Path) -> PostgresSource:
        """What a DBA does for an agreement; the source as its role enters it."""
        roles = (role_name(plan.request_id), MEMBERSHIP_ROLE)
        for role in roles:
            self.database.server.create_role(role)
        self.database.execute(source_sql(plan, self.datasets, SQL / "roles"))
        passfile.touch(mode=0o600)
        passfile.write_text("".join(self.database.server.passfile(role).read_text() for role in roles))
        return open_source(plan, self.address(), passfile)

    def address(self) -> str:
        """libpq keywords without user and password."""
        return f"host=127.0.0.1 port={self.database.server.current_port()} dbname={self.database.name}"

    def extract(
        self,
        plan: ExtractPlan,
        folder: Path,
        period: Period | None = None,
        source: PostgresSource | None = None,
        keys: Keys = KEYS,
        **changes: Any,
    ) -> Extract:
        """Agree, then build into `folder`/staging (0700)."""
        source = source or self.agree(plan, folder / "passfile")
        staging = folder / "staging"
        staging.mkdir(mode=0o700, exist_ok=True)
        parts = (Part(plan, staging, keys),)
        return self.draw(plan, parts, staging, period, source, **changes).parts[0]

    def draw(
        self,
        plan: ExtractPlan,
        parts: tuple[Part, ...],
        scratch: Path,
        period: Period | None,
        source: PostgresSource,
        **changes: Any,
    ) -> Drawn:
        """Build these parts, as the gate does."""
        facts: dict[str, Any] = {"datasets": self.datasets, "now": lambda: NOW, "hold_max_age_hours": 24}
        facts["settings"] = EngineSettings()
        return build(plan, parts, period or a_period(), source, scratch, **(facts | changes))

    def _insert(self, table: str, row: Mapping[str, Any]) -> None:
        columns, values = ", ".join(row), ", ".join(["%s"] * len(row))
        self.execute(f"INSERT INTO dwp.{table} ({columns}) VALUES ({values})", list(row.values()))

    def execute(self, statement: str, values: list[Any] | None = None) -> None:
        """One statement as the superuser, at once."""
        if self.connection is None or self.connection.closed:
            self.connection = self.database.connect()
            # A reader that was left behind shall be told of at once, by its lock, not by a test's time limit.
            self.connection.execute("SET lock_timeout = '60s'")
        self.connection.execute(statement.encode(), values)


@contextmanager
def small_source(database: Database) -> Iterator[SmallSource]:
    """The schema and views of the sample in `database`, without rows."""
    with database.connect() as connection:
        apply_schema(connection, SQL)
    source = SmallSource(database, load_datasets(ROOT / "expectations", SQL))
    source.clear()
    try:
        yield source
    finally:
        source.connection.close()


def rows_of(file: ExtractFile) -> list[dict[str, Any]]:
    """The rows of a finished file, in its order."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        found = connection.execute(f"SELECT * FROM read_parquet('{file.path}')")
        names = [d[0] for d in found.description or []]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def with_columns(plan: ExtractPlan, **changes: Any) -> ExtractPlan:
    """`plan` with changes to its (only) dataset."""
    (dataset,) = plan.datasets
    return replace(plan, datasets=(replace(dataset, **changes),))
