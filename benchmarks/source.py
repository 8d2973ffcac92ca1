"""The benchmark's source: one table of any number of synthetic people, 13 delivered columns, about 200 bytes a row.

It has what every source must have (load stamps, a hold list, a curated view), so that the governed way does all its
work. Rows lie in the table in no order of the identifier, as in a table that grew.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import psycopg

from extracts.agreement.plan import (
    Criticality,
    ExtractPlan,
    Limits,
    Period,
    PlannedColumn,
    PlannedDataset,
    SafeAddress,
    SmallCells,
)
from extracts.agreement.planned_dataset import filter_columns
from extracts.catalogue.contract import (
    Classification,
    Column,
    ColumnType,
    Dataset,
    Identifiability,
    Identifier,
    PeriodKind,
)
from extracts.catalogue.treatments import TREATMENTS
from extracts.catalogue.view import deployed_definition, viewdef_digest
from extracts.extraction.sources.names import MEMBERSHIP_ROLE, role_name
from extracts.extraction.sources.role_sql import source_sql
from extracts.local.postgres import EmbeddedPostgres

ROLES = Path(__file__).parent.parent / "sql" / "roles"
DATABASE = "benchmark"
OWNER = "source_owner"
PERIOD = Period("2026-11", date(2026, 11, 1), date(2026, 11, 30))
_DIGEST = "sha256:" + "0" * 64

_TABLE = """
DROP TABLE IF EXISTS dwp.{table} CASCADE;
CREATE TABLE dwp.{table} AS
SELECT
    'QQ' || lpad(((i * 7919) %% 1000000)::text, 6, '0') || chr(65 + (i / 1000000)::integer) AS nino,
    (ARRAY['Agnieszka Mei-Ling', 'Andrew Angus', 'Catriona', 'David Piotr', 'Ealasaid Mairi', 'Fiona', 'Jean Karen',
        'Lewis'])[1 + (hashint8(i) & 7)] AS forenames,
    (ARRAY['Campbell', 'MacDonald', 'Nowak', 'Robertson', 'Singh', 'Smith', 'Stewart', 'Wilson'])
        [1 + (hashint8(i + 1) & 7)] AS surname,
    date '1930-01-01' + ((i * 37) %% 28000)::integer AS date_of_birth,
    CASE WHEN (i * 7) %% 100 < 51 THEN 'F' ELSE 'M' END AS sex,
    'Flat ' || (hashint8(i + 2) & 7) || ', ' || (hashint8(i + 3) & 255) || ' Example Street, District '
        || (hashint8(i + 4) & 63) || ', Sampletown' AS address,
    (ARRAY['KY', 'EH', 'G', 'AB', 'DD'])[1 + (hashint8(i + 5) & 1023) %% 5] || (1 + i %% 15) || ' ' || (i %% 10) || 'AB'
        AS postcode,
    'S120000' || (10 + (hashint8(i + 6) & 1023) %% 32) AS council_code,
    (ARRAY['guarantee', 'savings', 'both'])[1 + (hashint8(i + 7) & 1023) %% 3] AS award_type,
    ((hashint8(i + 8) & 65535) %% 20000 / 100.0)::numeric(8, 2) AS weekly_award,
    date '2015-01-01' + ((hashint8(i + 9) & 65535) %% 4000)::integer AS started_on,
    (hashint8(i + 10) & 15) = 0 AS carer_addition,
    timestamptz '2026-11-01 00:00:00+00' + (hashint8(i + 11) & 1048575) * interval '1 second' AS updated_at,
    (hashint8(i + 12) & 4095) = 0 AS restricted,
    (hashint8(i + 13) & 1023) = 0 AS safe_address
FROM generate_series(0::bigint, %s - 1) AS i;
ALTER TABLE dwp.{table} OWNER TO source_owner;
CREATE VIEW curated.{table} AS SELECT {columns} FROM dwp.{table} AS t;
ALTER VIEW curated.{table} OWNER TO source_owner;
INSERT INTO dwp.load_stamp VALUES ('{table}', now(), %s)
ON CONFLICT (table_name) DO UPDATE SET loaded_at = excluded.loaded_at, row_count = excluded.row_count;
"""
_BASE = """
DO $$ BEGIN CREATE ROLE source_owner NOLOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
CREATE SCHEMA IF NOT EXISTS dwp AUTHORIZATION source_owner;
CREATE SCHEMA IF NOT EXISTS curated AUTHORIZATION source_owner;
CREATE TABLE IF NOT EXISTS dwp.load_stamp (table_name text PRIMARY KEY, loaded_at timestamptz, row_count bigint);
CREATE TABLE IF NOT EXISTS dwp.hold (person text, scope text, effect text, recorded_at timestamptz);
CREATE OR REPLACE VIEW curated.load_stamp AS SELECT s.table_name, s.loaded_at, s.row_count FROM dwp.load_stamp AS s;
CREATE OR REPLACE VIEW curated.hold AS SELECT h.person, h.scope, h.effect, h.recorded_at FROM dwp.hold AS h;
ALTER TABLE dwp.load_stamp OWNER TO source_owner; ALTER TABLE dwp.hold OWNER TO source_owner;
ALTER VIEW curated.load_stamp OWNER TO source_owner; ALTER VIEW curated.hold OWNER TO source_owner;
TRUNCATE dwp.hold;
INSERT INTO dwp.hold
SELECT 'QQ' || lpad(((i * 7919) % 1000000)::text, 6, '0') || 'A', 'all', 'leave out', now() - interval '9 days'
FROM generate_series(0::bigint, 100000, 20) AS i;
INSERT INTO dwp.load_stamp SELECT 'hold', now(), count(*) FROM dwp.hold
ON CONFLICT (table_name) DO UPDATE SET loaded_at = excluded.loaded_at, row_count = excluded.row_count;
"""

_COLUMNS: tuple[tuple[str, ColumnType, str, tuple[str, ...]], ...] = (
    ("nino", ColumnType.STRING, "pseudonymise", ()),
    ("forenames", ColumnType.STRING, "keep", ()),
    ("surname", ColumnType.STRING, "keep", ()),
    ("date_of_birth", ColumnType.DATE, "year", ()),
    ("sex", ColumnType.STRING, "keep", ()),
    ("address", ColumnType.STRING, "keep", ()),
    ("postcode", ColumnType.STRING, "postcode_sector", ()),
    ("council_code", ColumnType.STRING, "keep", ()),
    ("award_type", ColumnType.STRING, "keep", ()),
    ("weekly_award", ColumnType.DECIMAL, "keep", ()),
    ("started_on", ColumnType.DATE, "month", ()),
    ("carer_addition", ColumnType.BOOLEAN, "keep", ()),
    ("updated_at", ColumnType.TIMESTAMP, "keep", ()),
)
COLUMN_NAMES = tuple(name for name, *_ in _COLUMNS)
_QUASI = ("sex", "council_code")


def make_source(server: EmbeddedPostgres, table: str, rows: int) -> tuple[ExtractPlan, Dataset]:
    """The table `dwp.<table>` with its curated view, and one agreement's views and role on it."""
    server.create_database(DATABASE)
    columns = ", ".join(f"t.{c}" for c in (*COLUMN_NAMES, "restricted", "safe_address"))
    with psycopg.connect(server.conninfo(DATABASE), autocommit=True) as connection:
        connection.execute(_BASE.encode())
        for statement in _TABLE.format(table=table, columns=columns).split(";\n"):
            if statement.strip():
                connection.execute(statement.encode(), [rows] * statement.count("%s") or None)
        connection.execute(f"VACUUM ANALYZE dwp.{table}".encode())
        contract = _contract(table)
        deployed = viewdef_digest(deployed_definition(connection, contract.relation))
        contract = replace(contract, deployed_view_digest=deployed)
        plan = _plan(contract)
        for role in (role_name(plan.request_id), MEMBERSHIP_ROLE):
            server.create_role(role)
        connection.execute(source_sql(plan, {contract.name: contract}, ROLES).encode())
    return plan, contract


def write_passfile(server: EmbeddedPostgres, plans: tuple[ExtractPlan, ...], path: Path) -> Path:
    """One passfile for the roles of all plans."""
    roles = [*(role_name(p.request_id) for p in plans), MEMBERSHIP_ROLE]
    path.touch(mode=0o600)
    path.write_text("".join(server.passfile(role).read_text() for role in roles))
    return path


def _contract(table: str) -> Dataset:
    controls = [Column(n, ColumnType.BOOLEAN, n, Classification.CONTROL) for n in ("restricted", "safe_address")]
    return Dataset(
        name=table,
        version="1.0.0",
        title=table,
        description=table,
        system="benchmark",
        relation=f"curated.{table}",
        owner="owner@dwp.example",
        controller="dwp",
        load_tables=(table,),
        max_age_hours=24 * 365,
        key=("nino",),
        persons=("nino",),
        period_kind=PeriodKind.AS_AT_NOW,
        columns=(*(_column(n, t) for n, t, *_ in _COLUMNS), *controls),
        view_digest=_DIGEST,
        contract_digest=_DIGEST,
        restricted_column="restricted",
        safe_address_column="safe_address",
    )


def _column(name: str, type: ColumnType) -> Column:
    sizes = (8, 2) if type is ColumnType.DECIMAL else (0, 0)
    kind = "nino" if name == "nino" else ""
    identifier = Identifier.DIRECT if kind else Identifier.QUASI if name in _QUASI else Identifier.NONE
    return Column(
        name,
        type,
        name,
        Classification.PERSONAL,
        identifier,
        kind,
        nullable=False,
        precision=sizes[0],
        scale=sizes[1],
    )


def _planned(column: Column, treatment: str, parameters: tuple[str, ...]) -> PlannedColumn:
    how = TREATMENTS[treatment]
    return PlannedColumn(
        column.name + how.suffix,
        column.name,
        column.type,
        column.precision,
        column.scale,
        "",
        column.meaning,
        column.classification,
        column.identifier,
        column.identifier_kind,
        how.reference,
        parameters,
        how.result or column.type,
    )


def _plan(contract: Dataset) -> ExtractPlan:
    columns = {c.name: c for c in contract.columns}
    planned = tuple(_planned(columns[name], how, parameters) for name, _, how, parameters in _COLUMNS)
    dataset = PlannedDataset(
        dataset=contract.name,
        major_version=1,
        relation=contract.relation,
        view_digest=contract.view_digest,
        coverage=contract.coverage,
        columns=planned,
        conditions=(),
        filter_columns=filter_columns(contract, ()),
        key=contract.key,
        persons=contract.persons,
        period_column="",
        period_kind=contract.period_kind,
        restricted_column="restricted",
        safe_address_column="safe_address",
        safe_address=SafeAddress.WITHHOLD_ROWS,
        quasi_identifiers=_QUASI,
        load_tables=contract.load_tables,
        max_age_hours=contract.max_age_hours,
    )
    return ExtractPlan(
        request_id=f"BENCH-{contract.name.replace('_', '-').upper()}",
        recipient="benchmark",
        gateway="benchmark",
        purpose_code="statistics",
        identifiability=Identifiability.PSEUDONYMISED,
        criticality=Criticality.ANALYSIS,
        frequency="monthly",
        schedule="cron: 0 6 1 * *",
        start_on=date(2026, 1, 1),
        end_on=date(2027, 12, 31),
        review_on=date(2027, 1, 1),
        retention_days=30,
        format="parquet",
        limits=Limits(10**9, 100, 1, 100, 10, SmallCells.WITHHOLD, 10),
        datasets=(dataset,),
    )


def now() -> datetime:
    """The benchmark's clock; the source was loaded a moment before."""
    return datetime.now(UTC)


def contract_of(table: str, deployed: str) -> Dataset:
    """The contract of a table that `make_source` made; `deployed`: the digest of its curated view."""
    return replace(_contract(table), deployed_view_digest=deployed)


def plan_of(table: str, deployed: str) -> ExtractPlan:
    """The plan on such a table."""
    return _plan(contract_of(table, deployed))
