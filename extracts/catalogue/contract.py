"""What a source dataset promises: columns, classification, owner, freshness. Values only; `odcs` reads the files.

Rules:
1. What is not declared here does not exist for a request: a column added to the source later cannot leak.
2. Each column says what kind of identifier it is and which treatments satisfy which identifiability. A treatment
   that is not listed is not allowed.
3. Control columns (restricted, safe-address marker) steer who is left out; no request can name them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Identifiability(StrEnum):
    """How much a delivered row says about who it is about."""

    IDENTIFIED = "identified"
    PSEUDONYMISED = "pseudonymised"
    AGGREGATED = "aggregated"


class Classification(StrEnum):
    """What harm a column can do. Policy rules are written against these words."""

    OFFICIAL = "official"
    PERSONAL = "personal"
    SPECIAL_CATEGORY = "special category"
    ADDRESS = "address"
    FINANCIAL_ACCOUNT = "financial account"
    FREE_TEXT = "free text"
    CONTROL = "control"


class Identifier(StrEnum):
    """Whether a column names a person (direct), helps to single one out (quasi), or neither."""

    DIRECT = "direct"
    QUASI = "quasi"
    NONE = "none"


class ColumnType(StrEnum):
    """The types a curated view may have; each has one PostgreSQL and one Parquet form."""

    STRING = "string"
    INTEGER = "integer"
    DECIMAL = "decimal"
    DATE = "date"
    TIMESTAMP = "timestamp"
    BOOLEAN = "boolean"


class SourceKind(StrEnum):
    """What kind of source a dataset is in: PostgreSQL, a database behind an SQLAlchemy URL, or a folder of files."""

    POSTGRESQL = "postgresql"
    SQLALCHEMY = "sqlalchemy"
    PARQUET = "parquet"


class LoadStamp(StrEnum):
    """What says when a folder's datasets were loaded: its `load_stamp`, or the time of the newest file."""

    DECLARED = "declared"
    NEWEST_FILE = "newest file"


class ConsistentRead(StrEnum):
    """Whether everything that a run asks of the source must show one moment."""

    REQUIRED = "required"
    NOT_PROMISED = "not promised"


class PeriodKind(StrEnum):
    """event: a row belongs to the period its date falls in; as at now: only today's state exists.

    history: a row counts from one date until another, both days included; without the latter it still does.
    """

    EVENT = "event"
    AS_AT_NOW = "as at now"
    HISTORY = "history"


@dataclass(frozen=True)
class Column:
    """One column of a curated view. `unit` is empty where none applies; precision and scale only for decimals.

    `identifier_kind` (nino, claim reference, ...) separates pseudonyms: equal values of different kinds differ.
    """

    name: str
    type: ColumnType
    meaning: str
    classification: Classification
    identifier: Identifier = Identifier.NONE
    identifier_kind: str = ""
    unit: str = ""
    nullable: bool = True
    precision: int = 0
    scale: int = 0
    treatments: Mapping[Identifiability, tuple[str, ...]] = field(default_factory=dict)
    allowed_values: tuple[str, ...] = ()
    minimum: str = ""
    maximum: str = ""


@dataclass(frozen=True)
class QualityRule:
    """A standing rule of the source: a Great Expectations type with its arguments, and the harm that it prevents."""

    expectation: str
    arguments: Mapping[str, object]
    reason: str


@dataclass(frozen=True)
class Dataset:
    """A contract. `relation` is the curated view (`schema.name`), the only thing that a plan may draw from.

    `persons`: the columns that hold a person's identifier; a hold on any of them leaves the row out. `subject` is the
    one that k-anonymity and the membership index count. `load_tables` are rows of the load-stamp table; the oldest
    counts. `view_digest` is over the parsed definition in `view.sql`: layout and comments do not count.
    A folder of Parquet files has no view; there it is over the folder's name and what says when it was loaded.
    `coverage`: ONS codes of the area whose people the source holds; those without a known area may be among them.
    `deployed_view_digest` is of the definition as PostgreSQL prints it; empty if no lock covers this version and view.
    `control_digests` are the same of the hold list's and the load stamps' own views, by name.
    """

    name: str
    version: str
    title: str
    description: str
    system: str
    relation: str
    owner: str
    controller: str
    load_tables: tuple[str, ...]
    max_age_hours: int
    key: tuple[str, ...]
    persons: tuple[str, ...]
    period_kind: PeriodKind
    columns: tuple[Column, ...]
    view_digest: str
    contract_digest: str
    period_column: str = ""
    period_end_column: str = ""
    partition_column: str = ""
    restricted_column: str = ""
    safe_address_column: str = ""
    coverage: tuple[str, ...] = ()
    authoritative_for: tuple[str, ...] = ()
    not_authoritative_for: Mapping[str, str] = field(default_factory=dict)
    quality: tuple[QualityRule, ...] = ()
    source_kind: SourceKind = SourceKind.POSTGRESQL
    consistent_read: ConsistentRead = ConsistentRead.REQUIRED
    load_stamp: LoadStamp = LoadStamp.DECLARED
    deployed_view_digest: str = ""
    control_digests: Mapping[str, str] = field(default_factory=dict)

    @property
    def major_version(self) -> int:
        """The part of the version that approvals depend on."""
        return int(self.version.split(".")[0])

    @property
    def subject(self) -> str:
        """The column that identifies the person a row is about."""
        return self.persons[0]

    def column(self, name: str) -> Column | None:
        """The declared column of this name, or None."""
        return next((c for c in self.columns if c.name == name), None)
