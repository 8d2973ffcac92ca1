"""What the briefing's role may read: per dataset one counting view, in which no row says who it is about.

Rules:
1. Nobody is named. Columns that name a person are shown as whether they are filled; persons as a mark that is made
   under a random salt, afresh in every query, so that no two answers can be joined and no list of numbers be tried.
2. What no request can have is not there: free text, bank details, columns without a treatment. Restricted people are
   not there at all, and where somebody with a safe address lives is not shown.
3. Holds are there as their scopes, since who is left out depends on who asks.
4. Definitions are written as PostgreSQL prints them back (`literals`, rule 2), and compared before every count.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from extracts.catalogue.contract import Classification, Column, ColumnType, Dataset, Identifier
from extracts.extraction.sources import names, rows
from extracts.extraction.sources.literals import name, relation, text_array, text_literal
from extracts.extraction.sources.role_sql import SOURCE_OWNER, Templates
from extracts.extraction.sources.view_sql import HOLD_TABLE, ExpectedView

ROLE = "extract_briefing"
PERSON, LEFT_OUT, ASKED_ABOUT, SAFE = "_person", "_left_out", "_asked_about", "_safe_address"
STATEMENT_TIMEOUT = "10min"
_SLUG = "briefing"
_SALT = "( SELECT (gen_random_uuid())::text AS gen_random_uuid)"
_NOT_SHOWN = (Classification.FREE_TEXT, Classification.CONTROL, Classification.FINANCIAL_ACCOUNT)


def counting_view(dataset: Dataset) -> ExpectedView:
    """The view in which rows of one dataset are counted."""
    shown = {c.name: _shown(c, dataset) for c in dataset.columns if is_counted(c, dataset)}
    facts = {
        PERSON: f"sha256(convert_to(({rows.person_form('d.' + name(dataset.subject))} || {_SALT}), 'UTF8'::name))",
        LEFT_OUT: _scopes(dataset, "leaves_out"),
        ASKED_ABOUT: _scopes(dataset, "asks"),
        SAFE: f"(d.{name(dataset.safe_address_column)} IS NOT FALSE)" if dataset.safe_address_column else "false",
    }
    columns = {**facts, **shown}
    listed = ", ".join(e if e == f"d.{alias}" else f"{e} AS {alias}" for alias, e in columns.items())
    kept = f" WHERE (d.{name(dataset.restricted_column)} IS FALSE)"
    definition = f"SELECT {listed} FROM {_with_holds(dataset)}{kept}"
    return ExpectedView(_view(dataset.name), definition, tuple(columns))


def is_counted(column: Column, dataset: Dataset) -> bool:
    """Whether a column is in the counting view: something of it can be had, or it says which period a row is of."""
    if column.classification in _NOT_SHOWN:
        return False
    return any(column.treatments.values()) or column.name in (
        dataset.period_column,
        dataset.period_end_column,
    )


def stamps_view(datasets: Collection[Dataset]) -> ExpectedView:
    """The load stamps behind these datasets, and that of the hold list."""
    tables = tuple(sorted({t for d in datasets for t in d.load_tables} | {HOLD_TABLE}))
    definition = (
        f"SELECT s.table_name, s.loaded_at FROM curated.load_stamp s WHERE (s.table_name = ANY ({text_array(tables)}))"
    )
    return ExpectedView(_view("stamps"), definition, ("table_name", "loaded_at"))


def briefing_views(datasets: Mapping[str, Dataset]) -> tuple[ExpectedView, ...]:
    """All views of the briefing's role, of datasets that lie in one system."""
    return (*(counting_view(datasets[name]) for name in sorted(datasets)), stamps_view(datasets.values()))


def briefing_sql(datasets: Mapping[str, Dataset], templates: Path, *, owner: str = SOURCE_OWNER) -> str:
    """The script for a DBA that makes the role and its views, again too. It holds no password. Raises UsageError."""
    facts = {
        "owner": name(owner),
        "schema": names.SCHEMA,
        "role": ROLE,
        "membership_role": ROLE,
        "slug": _SLUG,
        "statement_timeout": STATEMENT_TIMEOUT,
        "idle_timeout": STATEMENT_TIMEOUT,
        "lock_timeout": "30s",
    }
    template = Templates(templates, facts)
    parts = [
        "-- Counting for briefings. Run it as a superuser or as the owner of the source's database, connected to it,",
        f"-- whenever a contract changed. Then set the role's password: \\password {ROLE}",
        "BEGIN;",
        template.fill("agreement_role"),
        template.fill("agreement_schema"),
        *(
            template.fill("agreement_view", view=view.name, definition=view.definition, reader=ROLE)
            for view in briefing_views(datasets)
        ),
        "COMMIT;",
    ]
    return "\n".join(parts) + "\n"


def _shown(column: Column, dataset: Dataset) -> str:
    value = f"d.{name(column.name)}"
    if column.identifier is Identifier.DIRECT:
        filled = f"({value} IS NOT NULL)"
        return f"({filled} AND (btrim({value}) <> ''::text))" if column.type is ColumnType.STRING else filled
    if column.classification is Classification.ADDRESS and dataset.safe_address_column:
        return f"CASE WHEN (d.{name(dataset.safe_address_column)} IS FALSE) THEN {value} ELSE NULL::text END"
    return value


def _with_holds(dataset: Dataset) -> str:
    # Joined, not asked for in an expression, which would be asked again for every row.
    holds = (
        f"SELECT {rows.person_form('h.person')} AS person, {_scopes_with(rows.LEAVE_OUT)} AS leaves_out,"
        f" {_scopes_with(rows.STOP_AND_ASK)} AS asks FROM curated.hold h GROUP BY ({rows.person_form('h.person')})"
    )
    joins = (
        f" LEFT JOIN ({holds}) h{i} ON h{i}.person = {rows.person_form('d.' + name(person))}"
        for i, person in enumerate(dataset.persons)
    )
    return f"{relation(dataset.relation)} d{''.join(joins)}"


def _scopes_with(effect: str) -> str:
    return f"array_agg(h.scope) FILTER (WHERE (h.effect = {text_literal(effect)}))"


def _scopes(dataset: Dataset, says: str) -> str:
    found = f"h0.{says}"
    for i in range(1, len(dataset.persons)):
        found = f"({found} || h{i}.{says})"
    return found


def _view(what: str) -> str:
    return f"{names.SCHEMA}.{_SLUG}__{name(what)}"
