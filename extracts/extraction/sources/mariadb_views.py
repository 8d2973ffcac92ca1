"""An agreement's own views in a MariaDB: what its role may read, in words that MariaDB prints back.

<slug>__<dataset>            approved and deciding columns of the rows that conditions and markers let pass
<slug>__<dataset>__deciding  the deciding columns alone, of those left out too: by them the funnel is counted
<slug>__<dataset>__counts    how many rows the curated view has
<slug>__hold                 the hold list; persons whom this agreement's holds do not reach have no number in it
<slug>__stamps               load stamps
<slug>__definitions, __engines   of the curated relations and their tables, so that each run can check them

Rules:
1. A view may show too many rows, never too few: the engine applies every condition and hold again (`pushed_down`).
2. Literals are written for `NO_BACKSLASH_ESCAPES`; the script sets it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from extracts.agreement.plan import Condition, ExtractPlan, Operator, PlannedDataset, SafeAddress
from extracts.catalogue.contract import Column, ColumnType, Dataset
from extracts.extraction.sources import names
from extracts.extraction.sources.literals import name, relation
from extracts.extraction.sources.mariadb import CONTROLS
from extracts.extraction.sources.pushed_down import is_pushed
from extracts.extraction.sources.pushed_down import relation as table
from extracts.extraction.sources.rows import SIGNS
from extracts.extraction.sources.view_sql import read_columns
from extracts.extraction.sources.view_text import definition_digest

_PERSON = "substr(regexp_replace(`h`.`person`,'(?-i)[^A-Za-z0-9]',''),1,8)"
_LAST_OF_BASIC_PLANE = "\uffff"
_SOMEBODY = "QQ000000A"  # readable, and nobody
_TOKEN = re.compile(r"'(?:[^'\\]|\\.|'')*'|`[^`]*`|[^'`]+", re.DOTALL)
_PLAIN_TOKEN = re.compile(r"'(?:[^']|'')*'|`[^`]*`|[^'`]+", re.DOTALL)


@dataclass(frozen=True)
class AgreementView:
    """One view: `schema.name` and its definition."""

    name: str
    definition: str

    def digest(self) -> str:
        """Of what it means."""
        return definition_digest(_as_postgres(self.definition, escapes=False))

    def is_printed_as(self, printed: str) -> bool:
        """Whether what MariaDB prints means this."""
        try:
            return definition_digest(_as_postgres(printed, escapes=True)) == self.digest()
        except ValueError:
            return False


@dataclass(frozen=True)
class AgreementRelations:
    """What is selected from where the agreement has a role of its own."""

    plan: ExtractPlan

    def rows(self, planned: PlannedDataset, columns: tuple[Column, ...]) -> str:
        """The deciding columns of all rows, or every column of those that may leave."""
        deciding = set(deciding_columns(planned)) >= {c.name for c in columns}
        return (deciding_view if deciding else names.data_view)(self.plan.request_id, planned.dataset)

    def control(self, name: str) -> str:
        """The agreement's view of it."""
        return {"hold": hold_view, "load_stamp": names.stamps_view}[name](self.plan.request_id)

    def count(self, dataset: Dataset) -> sa.Select[Any]:
        """One number."""
        return sa.select(sa.column("source")).select_from(table(names.counts_view(self.plan.request_id, dataset.name)))


def agreement_views(plan: ExtractPlan, datasets: Mapping[str, Dataset]) -> tuple[AgreementView, ...]:
    """Every view of an agreement, in the order in which they are made."""
    request_id = plan.request_id
    views = [v for d in plan.datasets for v in _dataset_views(plan, d, datasets[d.dataset])]
    return (*views, _hold(plan), AgreementView(names.stamps_view(request_id), _STAMPS), *_catalogue(plan))


def deciding_columns(planned: PlannedDataset) -> tuple[str, ...]:
    """Columns that say whether a row leaves, and to whom."""
    markers = (planned.restricted_column, planned.safe_address_column)
    dates = (planned.period_column, planned.period_end_column)
    used = [*planned.persons, *dates, *markers, *(c.column for c in planned.conditions)]
    used += [c.name for c in planned.filter_columns]  # by which rows are divided among several recipients, too
    return tuple(dict.fromkeys(c for c in used if c))


def deciding_view(request_id: str, dataset: str) -> str:
    """The deciding columns, as `schema.name`."""
    return names.agreement_view(request_id, dataset, "deciding")


def hold_view(request_id: str) -> str:
    """The hold list."""
    return names.agreement_view(request_id, "hold")


def definitions_view(request_id: str) -> str:
    """How MariaDB prints the curated relations."""
    return names.agreement_view(request_id, "definitions")


def engines_view(request_id: str) -> str:
    """Which engine each table has."""
    return names.agreement_view(request_id, "engines")


def _dataset_views(plan: ExtractPlan, planned: PlannedDataset, dataset: Dataset) -> Iterator[AgreementView]:
    request_id, types = plan.request_id, {c.name: c.type for c in dataset.columns}
    tests = [_test(c, types[c.column]) for c in planned.conditions if _is_shown(c, types[c.column])]
    passing = [*tests, *_markers(planned)]
    source = ".".join(f"`{part}`" for part in relation(planned.relation).split("."))
    every = tuple(dict.fromkeys([*read_columns(planned), *deciding_columns(planned)]))
    yield AgreementView(names.data_view(request_id, dataset.name), _select(every, source, passing))
    yield AgreementView(deciding_view(request_id, dataset.name), _select(deciding_columns(planned), source, tests))
    yield AgreementView(names.counts_view(request_id, dataset.name), f"select count(0) AS `source` from {source} `d`")


def _select(columns: tuple[str, ...], source: str, tests: list[str]) -> str:
    shown = ",".join(f"`d`.`{name(c)}` AS `{c}`" for c in columns)
    return f"select {shown} from {source} `d`" + (f" where {' and '.join(tests)}" if tests else "")


def _markers(planned: PlannedDataset) -> Iterator[str]:
    if planned.restricted_column:
        yield f"`d`.`{name(planned.restricted_column)}` = 0"
    if planned.safe_address_column and planned.safe_address is SafeAddress.WITHHOLD_ROWS:
        yield f"`d`.`{name(planned.safe_address_column)}` = 0"


def _is_shown(condition: Condition, type: ColumnType) -> bool:
    """MariaDB's catalogue has four question marks for a character beyond the basic plane: nothing could be compared."""
    return is_pushed(condition, type) and all(c <= _LAST_OF_BASIC_PLANE for v in condition.values for c in v)


def _test(condition: Condition, type: ColumnType) -> str:
    column = f"`d`.`{name(condition.column)}`"
    values = [_literal(v, type) for v in condition.values]
    negated = "not " if condition.negated else ""
    if condition.operator is Operator.IS_NULL:
        return f"{column} is {negated}null"
    if condition.operator is Operator.BETWEEN:
        return f"{column} {negated}between {values[0]} and {values[1]}"
    if condition.operator is Operator.IN and len(values) > 1:
        return f"{column} {negated}in ({','.join(values)})"
    operator = Operator.EQUALS if condition.operator is Operator.IN else condition.operator
    return f"{column} {SIGNS[operator, condition.negated]} {values[0]}"


def _literal(value: str, type: ColumnType) -> str:
    if type is ColumnType.BOOLEAN:
        return str(int(value == "true"))
    if type is ColumnType.INTEGER:
        return str(int(value))
    return "'" + value.replace("'", "''") + "'"


def _hold(plan: ExtractPlan) -> AgreementView:
    scopes = ",".join(_literal(s, ColumnType.STRING) for s in ("all", f"gateway:{plan.gateway}", _agreement(plan)))
    readable = f"regexp_instr({_PERSON},'(?-i)^[A-Za-z]{{2}}[0-9]{{6}}$') = 1"
    person = f"case when `h`.`scope` in ({scopes}) then `h`.`person` when {readable} then '{_SOMEBODY}' else '' end"
    rest = ",".join(f"`h`.`{c}` AS `{c}`" for c in ("scope", "effect", "recorded_at"))
    return AgreementView(hold_view(plan.request_id), f"select {person} AS `person`,{rest} from `curated`.`hold` `h`")


def _agreement(plan: ExtractPlan) -> str:
    return f"agreement:{plan.request_id}"


def _catalogue(plan: ExtractPlan) -> Iterator[AgreementView]:
    shown = {*CONTROLS, *(d.relation for d in plan.datasets)}
    wanted = ",".join(f"'{relation(r).partition('.')[2]}'" for r in sorted(shown))
    keys = "`v`.`TABLE_SCHEMA` AS `TABLE_SCHEMA`,`v`.`TABLE_NAME` AS `TABLE_NAME`"
    yield AgreementView(
        definitions_view(plan.request_id),
        f"select {keys},`v`.`VIEW_DEFINITION` AS `VIEW_DEFINITION` from `information_schema`.`VIEWS` `v`"
        f" where `v`.`TABLE_SCHEMA` = 'curated' and `v`.`TABLE_NAME` in ({wanted})",
    )
    yield AgreementView(
        engines_view(plan.request_id),
        f"select {keys},`v`.`ENGINE` AS `ENGINE` from `information_schema`.`TABLES` `v`",
    )


def _as_postgres(text: str, *, escapes: bool) -> str:
    """MariaDB's quoting as PostgreSQL's parser reads it."""
    tokens = (_TOKEN if escapes else _PLAIN_TOKEN).findall(text)
    return "".join(_requoted(t, escapes) if t[0] in "'`" else t for t in tokens)


def _requoted(token: str, escapes: bool) -> str:
    if token[0] == "`":
        return '"' + token[1:-1].replace('"', '""') + '"'
    inner = token[1:-1].replace("''", "'")
    if escapes:
        inner = re.sub(r"\\(.)", lambda m: _ESCAPED.get(m[1], m[1]), inner, flags=re.DOTALL)
    return "'" + inner.replace("'", "''") + "'"


_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", "Z": "\x1a", "0": ""}
_STAMPS = (
    "select `s`.`table_name` AS `table_name`,`s`.`loaded_at` AS `loaded_at`,`s`.`row_count` AS `row_count`"
    " from `curated`.`load_stamp` `s`"
)
