"""Which rows a plan's dataset lets through, as PostgreSQL expressions over the curated view (alias `d`).

Rules:
1. A null never satisfies a condition other than `is_null`, negated or not.
2. Restricted people are always out; a null marker counts as restricted. So it is with the safe-address marker where
   the plan withholds rows.
3. A hold reaches this agreement if its scope is everything, this gateway or this agreement. It leaves a row out if it
   names any of the row's persons, however the number is written (`person_form`).
4. Every expression is written as PostgreSQL prints it back (`literals`, rule 2).
"""

from __future__ import annotations

from extracts.agreement.plan import Condition, Division, ExtractPlan, Operator, Period, PlannedDataset, SafeAddress
from extracts.catalogue.contract import ColumnType, Dataset, PeriodKind
from extracts.extraction.sources.literals import array, literal, name, text_array, text_literal

LEAVE_OUT = "leave out"
STOP_AND_ASK = "stop and ask"
_DIGITS = "decode('0123456789'::text, 'escape'::text)"


def person_form(expression: str) -> str:
    """The form in which NINOs are compared: letters and digits alone, in capitals, without the suffix letter.

    Pseudonyms and marks are made from the same form (`pseudonym.canonical_value`): a person is one everywhere.
    """
    plain = f'({expression} COLLATE "C")'  # a third quicker than by the rules of a language
    return f"upper(substr(regexp_replace({plain}, '[^A-Za-z0-9]'::text, ''::text, 'g'::text), 1, 8))"


def person_key(expression: str) -> str:
    """What of a person's number is looked up in the hold list (`_keys_of_holds`), as bytes.

    Where six digits follow two characters, the first eight can be on the list only as they stand, in capitals or not;
    so they are taken as they are, for making the form takes three times as long. Of any other number it is made.
    """
    written = f"textsend({expression})"
    return (
        f"CASE WHEN length(ltrim(substr({written}, 3, 6), {_DIGITS})) = 0 THEN substr({written}, 1, 8)"
        f" ELSE textsend({person_form(expression)}) END"
    )


def has_person_form(expression: str) -> str:
    """Whether an identifier can be a NINO at all: anything else on the hold list would match nobody, unnoticed."""
    return f"{person_form(expression)} ~ '^[A-Z]{{2}}[0-9]{{6}}$'::text"


def matching(dataset: PlannedDataset, types: dict[str, ColumnType]) -> str:
    """The plan's own conditions; `true` if there are none."""
    return " AND ".join(condition_test(c, types[c.column]) for c in dataset.conditions) or "true"


def restricted(dataset: PlannedDataset) -> str:
    """Always left out."""
    return f"d.{name(dataset.restricted_column)} IS NOT FALSE" if dataset.restricted_column else "false"


def safe_address(dataset: PlannedDataset) -> str:
    """Left out for a safe address, where the plan withholds rows."""
    if dataset.safe_address is not SafeAddress.WITHHOLD_ROWS or not dataset.safe_address_column:
        return "false"
    return f"d.{name(dataset.safe_address_column)} IS NOT FALSE"


def not_held(plan: ExtractPlan, dataset: PlannedDataset) -> list[str]:
    """One condition per column of persons: no hold leaves that person out."""
    return [f"{test} IS NOT TRUE" for test in _on_hold(plan, dataset, (LEAVE_OUT,))]


def held(plan: ExtractPlan, dataset: PlannedDataset, effects: tuple[str, ...] = (LEAVE_OUT,)) -> str:
    """Whether a hold of these effects is on any of the row's persons."""
    return " OR ".join(f"{test} IS TRUE" for test in _on_hold(plan, dataset, effects)) or "false"


def _on_hold(plan: ExtractPlan, dataset: PlannedDataset, effects: tuple[str, ...]) -> list[str]:
    # Asked of a set, which PostgreSQL makes once and keeps in memory; a join takes half as much again.
    keys = _keys_of_holds(plan, effects)
    return [f"({person_key('d.' + name(person))} IN ({keys}))" for person in dataset.persons]


def _keys_of_holds(plan: ExtractPlan, effects: tuple[str, ...]) -> str:
    """The `person_key` of whoever is on hold, with its letters in capitals or not."""
    spellings = (
        "f.person, lower(f.person), lower(substr(f.person, 1, 1)) || substr(f.person, 2),"
        " substr(f.person, 1, 1) || lower(substr(f.person, 2))"
    )
    return (
        f"SELECT textsend(unnest(ARRAY[{spellings}])) AS textsend FROM"
        f" (SELECT {person_form('h.person')} AS person FROM curated.hold h"
        f" WHERE {in_scope(plan)} AND h.effect = ANY ({text_array(effects)})) f"
    )


def in_scope(plan: ExtractPlan) -> str:
    """Whether a hold `h` reaches this agreement."""
    scopes = ("all", f"gateway:{plan.gateway}", f"agreement:{plan.request_id}")
    return f"h.scope = ANY ({text_array(scopes)})"


def share(division: Division) -> str:
    """Whose a row is: the recipient's id, or null if it belongs to none."""
    column = f"d.{name(division.column)}"
    whose = (f"WHEN {column} = ANY ({text_array(s.values)}) THEN {text_literal(s.recipient)}" for s in division.shares)
    return f"CASE {' '.join(whose)} ELSE NULL::text END"


def assigned(division: Division) -> str:
    """Whether a row belongs to any recipient."""
    return f"d.{name(division.column)} = ANY ({text_array(tuple(v for s in division.shares for v in s.values))})"


def no_number(dataset: PlannedDataset, types: dict[str, ColumnType]) -> str:
    """Whether a planned decimal holds PostgreSQL's `NaN`, which no file can say: it would arrive as some number."""
    decimals = dict.fromkeys(c.source for c in dataset.columns if types[c.source] is ColumnType.DECIMAL)
    return " OR ".join(f"COALESCE(d.{name(c)} = 'NaN'::numeric, false)" for c in decimals) or "false"


def on_date(dataset: PlannedDataset, types: dict[str, ColumnType]) -> str:
    """The day by which a row belongs to a period; null where periods do not apply."""
    if not has_period(dataset):
        return "NULL::date"
    column = f"d.{name(dataset.period_column)}"
    if types[dataset.period_column] is ColumnType.TIMESTAMP:
        return f"(({column} AT TIME ZONE 'UTC'::text))::date"
    return column


def until_date(dataset: PlannedDataset, types: dict[str, ColumnType]) -> str:
    """The last day on which a row counts, null where that is open; of an event, its only day."""
    if dataset.period_kind is PeriodKind.HISTORY:
        return f"d.{name(dataset.period_end_column)}"
    return on_date(dataset, types)


def within(period: Period, on: str, until: str) -> str:
    """Whether a row that counts from the day `on` `until` another, expressions both, belongs to a period."""
    first, last = (literal(day.isoformat(), ColumnType.DATE) for day in (period.first, period.last))
    return f"{on} <= {last} AND COALESCE({until} >= {first}, true)"


def has_period(dataset: PlannedDataset) -> bool:
    """Whether a delivery holds only the rows of its period."""
    return bool(dataset.period_column) and dataset.period_kind is not PeriodKind.AS_AT_NOW


def column_types(dataset: Dataset) -> dict[str, ColumnType]:
    """Type by column name, as the contract declares."""
    return {c.name: c.type for c in dataset.columns}


def condition_test(condition: Condition, type: ColumnType) -> str:
    """One condition on the curated view `d`."""
    column = f"d.{name(condition.column)}"
    if condition.operator is Operator.IS_NULL:
        return f"{column} IS NOT NULL" if condition.negated else f"{column} IS NULL"
    if condition.operator is Operator.IN:
        comparison = "<> ALL" if condition.negated else "= ANY"
        return f"{column} {comparison} ({array(condition.values, type)})"
    values = [literal(v, type) for v in condition.values]
    if condition.operator is Operator.BETWEEN:
        low, high = values
        outside = f"({column} < {low} OR {column} > {high})"
        return outside if condition.negated else f"{column} >= {low} AND {column} <= {high}"
    (value,) = values
    return f"{column} {SIGNS[condition.operator, condition.negated]} {value}"


SIGNS = {
    (Operator.EQUALS, False): "=",
    (Operator.EQUALS, True): "<>",
    (Operator.BEFORE, False): "<",
    (Operator.BEFORE, True): ">=",
    (Operator.AFTER, False): ">",
    (Operator.AFTER, True): "<=",
}
