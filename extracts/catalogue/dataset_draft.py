"""Drafts the files of a new dataset from what a database says of a table: no row of it is read.

Rules:
1. A draft lets nothing leave: a column has treatments only where its name says what it is, and those are the coarse
   ones; a person reads and widens them. What must never leave (free text, accounts) is told by its name, too.
2. What only a person can know is written as TO DO, and a contract in which that stands is refused, line by line: the
   list of faults is the list of what is left to do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from extracts.catalogue.contract import SourceKind

TO_DO = "TO DO"
CONTROLS = ("restricted", "safe_address")


@dataclass(frozen=True)
class TableColumn:
    """One column as the database describes it. `type`: as contracts write it; empty if none of theirs fits."""

    name: str
    type: str
    nullable: bool
    comment: str = ""


@dataclass(frozen=True)
class Table:
    """A table as the database describes it. `relation`: how a view there names it."""

    relation: str
    columns: tuple[TableColumn, ...]
    key: tuple[str, ...]
    comment: str = ""


@dataclass(frozen=True)
class Wanted:
    """What the new dataset is called, in which system it lies, and of which kind that is."""

    name: str
    system: str
    kind: SourceKind


@dataclass(frozen=True)
class _Guess:
    """What a column's name says. `treatments`: identified, pseudonymised."""

    pattern: str
    classification: str
    identifier: str = ""
    kind: str = ""
    treatments: tuple[str, str] | None = None


_DIRECT = ("[keep, pseudonymise]", "[pseudonymise]")
_GUESSES = (
    _Guess(r"(.*_)?(nino|national_insurance_number)", "personal", "direct", "nino", _DIRECT),
    _Guess(r".*(sort_code|account|iban|card_number).*", "financial account"),
    _Guess(r".*(note|notes|comment|comments|message|remarks|free_text)", "free text"),
    _Guess(r".*postcode", "address", "quasi", "", ("[keep, postcode_district]", "[postcode_district]")),
    _Guess(r".*(address|uprn).*", "address"),
    _Guess(r"(.*_)?(date_of_birth|dob|born_on)", "personal", "quasi", "", ("[keep, age_band]", "[age_band]")),
    _Guess(r".*council(_code)?", "personal", "quasi", "", ("[keep]", "[keep]")),
    _Guess(r"(.*_)?(sex|gender|ethnicity|nationality).*", "personal", "quasi"),
    _Guess(r".*(health|disab|diagnos|religion).*", "special category"),
    _Guess(r".*(forename|surname|first_name|last_name|full_name).*", "personal", "direct", "name"),
    _Guess(r".*(email|phone|mobile).*", "personal", "direct", "contact"),
)
_LOGICAL = {"text": "string", "integer": "integer", "date": "date", "timestamptz": "timestamp", "boolean": "boolean"}


def view_text(table: Table, wanted: Wanted) -> str:
    """`view.sql`: every column that has a type of ours, named one by one; the two controls, if they are not there."""
    postgresql = wanted.kind is SourceKind.POSTGRESQL
    there = {c.name for c in _usable(table)}
    shown = [f"    t.{c.name}{f'::{c.type}' if postgresql else ''} AS {c.name}" for c in _usable(table)]
    shown += [f"    to_do.{c}{'::boolean' if postgresql else ''} AS {c}" for c in CONTROLS if c not in there]
    left_out = [c.name for c in table.columns if c.name not in there]
    lines = [
        f"-- {TO_DO}: what one row is. Join what else belongs to it by unique keys, so that no row is multiplied.",
        "--",
        f"-- {table.relation}  {table.comment or f'{TO_DO}: what it holds'}",
    ]
    if missing := [c for c in CONTROLS if c not in there]:
        lines.append(f"-- {TO_DO}: where {' and '.join(missing)} come from; until then this view cannot be made.")
    if left_out:
        lines.append(f"-- Left out, for they have no type of a curated view: {', '.join(left_out)}.")
    create = "CREATE OR REPLACE VIEW" if postgresql else "CREATE VIEW"
    select = ",\n".join(shown)
    return "\n".join(
        [*lines, "", f"{create} curated.{wanted.name} AS", "SELECT", select, f"FROM {table.relation} AS t;", ""]
    )


def contract_text(table: Table, wanted: Wanted) -> str:
    """`contract.yaml`, with TO DO wherever only a person knows."""
    return "\n".join([*_head(table, wanted), *_columns(table), ""])


def suite_text(wanted: Wanted) -> str:
    """`source.yaml`, with the one rule that holds everywhere: nobody is told of an empty source as if it were whole."""
    return f"""\
# What must be true of the source before anything is built, that the contract does not promise already.
# Write one expectation for each question that the owner is asked when something goes wrong.
suite: source of {wanted.name}
version: 1.0.0
expectations:
  - type: expect_table_row_count_to_be_between
    kwargs: {{min_value: 1}}
    reason: >-
      A source that was loaded empty would tell the recipient that nobody is left.
"""


def _usable(table: Table) -> tuple[TableColumn, ...]:
    return tuple(c for c in table.columns if c.type)


def _head(table: Table, wanted: Wanted) -> Iterator[str]:
    persons = [c.name for c in _usable(table) if (g := _guess(c.name)) and g.kind == "nino"]
    kind = [] if wanted.kind is SourceKind.POSTGRESQL else [f"  - {{property: sourceKind, value: {wanted.kind.value}}}"]
    if wanted.kind is SourceKind.PARQUET:
        kind.append("  - {property: loadStamp, value: declared}  # or: newest file")
    yield from (
        "apiVersion: v3.2.0",
        "kind: DataContract",
        f"id: {wanted.system}.{wanted.name}",
        f"name: {wanted.name}",
        "version: 1.0.0",
        "status: draft",
        "description:",
        f"  purpose: '{TO_DO}: why these data are held.'",
        "servers:",
        f"  - server: {wanted.system}",
        "    type: custom",
        f"    description: '{TO_DO}: what this system is.'",
        "team:",
        f"  name: '{TO_DO}: the team that answers for the data'",
        "  members:",
        f"    - {{username: '{TO_DO}: the owner', role: Information Asset Owner}}",
        "slaProperties:",
        "  - {property: latency, value: 36, unit: h}  # how old the data may be",
        "customProperties:",
        f"  - {{property: title, value: '{TO_DO}: a title'}}",
        "  - {property: controller, value: dwp}  # whose data they are: an organisation of parties.yaml",
        f"  - {{property: loadTables, value: [{table.relation.rpartition('.')[2]}]}}  # rows of curated.load_stamp",
        f"  - {{property: persons, value: [{', '.join(persons) or 'to_do'}]}}  # columns with a person's identifier",
        "  # event and history need a periodColumn, and history a periodEndColumn",
        "  - {property: periodKind, value: as at now}",
        "  - {property: restrictedColumn, value: restricted}",
        "  - {property: safeAddressColumn, value: safe_address}",
        f"  - {{property: authoritativeFor, value: ['{TO_DO}: what a request may use it for']}}",
        "  - {property: notAuthoritativeFor, value: {}}",
        "  - {property: coverage, value: [S92000003]}  # ONS codes of the area that it holds",
        *kind,
        "schema:",
        f"  - name: {wanted.name}",
        f"    physicalName: curated.{wanted.name}",
        f"    physicalType: {'folder' if wanted.kind is SourceKind.PARQUET else 'view'}",
        "    logicalType: object",
        f"    dataGranularityDescription: '{TO_DO}: one row per what'",
        "    properties:",
    )


def _columns(table: Table) -> Iterator[str]:
    columns = _usable(table)
    missing = [c for c in CONTROLS if c not in {c.name for c in columns}]
    for column in (*columns, *(TableColumn(name, "boolean", False) for name in missing)):
        yield from _column(column, table.key)


def _column(column: TableColumn, key: tuple[str, ...]) -> Iterator[str]:
    control = column.name in CONTROLS
    guess = _Guess("", "control") if control else _guess(column.name) or _Guess("", "personal")
    yield f"      - name: {column.name}"
    yield f"        logicalType: {_LOGICAL.get(column.type, 'number')}"
    yield f'        physicalType: "{column.type}"'
    yield f"        description: {_quoted(column.comment or f'{TO_DO}: what it means')}"
    yield f"        classification: {guess.classification}"
    if control or not column.nullable or column.name in key:
        yield "        required: true"
    if column.name in key:
        yield "        primaryKey: true"
        yield f"        primaryKeyPosition: {key.index(column.name) + 1}"
    yield "        customProperties:"
    if guess.identifier:
        yield f"          - {{property: identifier, value: {guess.identifier}}}"
    if guess.kind:
        yield f"          - {{property: identifierKind, value: {guess.kind}}}"
    yield f"          - {{property: treatments, value: {_treatments(guess)}}}"


def _treatments(guess: _Guess) -> str:
    if guess.treatments is None:
        return "{}"
    identified, pseudonymised = guess.treatments
    return f"{{identified: {identified}, pseudonymised: {pseudonymised}}}"


def _guess(name: str) -> _Guess | None:
    return next((g for g in _GUESSES if re.fullmatch(g.pattern, name)), None)


def _quoted(text: str) -> str:
    flat = " ".join(text.split())
    return "'" + flat.replace("'", "''") + "'"
