"""Parts of a plan in plain English, without layout: used by the explained plan, by pages and by DAG descriptions."""

from __future__ import annotations

from extracts.agreement.plan import (
    Condition,
    Criticality,
    ExtractPlan,
    Operator,
    PlannedColumn,
    PlannedDataset,
    SafeAddress,
    SmallCells,
    Unassigned,
)
from extracts.catalogue.contract import ColumnType, Identifiability, PeriodKind
from extracts.catalogue.treatments import TREATMENTS

_HARM = {
    Criticality.ENTITLEMENT: "a payment that someone is entitled to",
    Criticality.OPERATIONAL: "a service",
    Criticality.ANALYSIS: "an analysis",
}
_PERIOD = {
    PeriodKind.AS_AT_NOW: "as it is on the day of the delivery",
    PeriodKind.EVENT: "whose {column} falls in the period of the delivery",
    PeriodKind.HISTORY: (
        "that counts on a day of the period of the delivery: from {column} until {end}, or still without an end"
    ),
}
_SAFE = {
    SafeAddress.WITHHOLD_ROWS: "Rows of people with a safe address are left out.",
    SafeAddress.WITHHOLD_COLUMNS: "No address is delivered for anyone, so that nobody can tell who has a safe address.",
    SafeAddress.NOT_APPLICABLE: "No address is delivered.",
}


def rows_in_words(dataset: PlannedDataset) -> list[str]:
    """Which rows: the conditions, and who is always left out."""
    which = _PERIOD[dataset.period_kind].format(column=dataset.period_column, end=dataset.period_end_column)
    types = {c.name: c.type for c in dataset.filter_columns}
    conditions = [_condition_in_words(c, types[c.column]) for c in dataset.conditions]
    where = f", and for which {'; and '.join(conditions)}" if conditions else ""
    return [
        f"Every row {which}{where}.",
        *_chosen_unseen(dataset),
        *_blanks(dataset),
        "Restricted records and people on hold are left out, always.",
        _SAFE[dataset.safe_address],
    ]


def division_in_words(plan: ExtractPlan) -> list[str]:
    """Whose each row is, where there are several recipients; nothing for one."""
    if plan.division is None:
        return []
    column = plan.division.column
    unseen = [d.dataset for d in plan.datasets if column not in {c.source for c in d.columns}]
    return [
        f"Every row goes to one recipient at most, by its {column}:",
        *(f"{s.recipient} gets the rows whose {column} is {' or '.join(s.values)}." for s in plan.division.shares),
        _UNASSIGNED[plan.division.unassigned],
        *([f"{column} itself is not delivered ({', '.join(unseen)})."] if unseen else []),
        "Each recipient gets a delivery of its own, encrypted to its own keys. Pseudonyms are made with another key "
        "for each, so that recipients cannot join what they hold by them.",
        "Limits and the smallest group hold for each recipient's delivery. If one is not kept, nobody gets anything.",
    ]


_UNASSIGNED = {
    Unassigned.STOP: "If a row belongs to none of them, nothing leaves.",
    Unassigned.LEAVE_OUT: "Rows that belong to none of them are counted and left out.",
}


def treatment_in_words(column: PlannedColumn) -> str:
    """What happens to a column, such as `age in years on the snapshot's date, in bands of 10`."""
    how = TREATMENTS[column.treatment_name]
    filled = {name: ", ".join(column.parameters) for name in how.parameters}
    return how.plain.format(**filled)


def schedule_in_words(plan: ExtractPlan) -> str:
    """When it runs, such as `on working day 3 of each month (Scotland)`."""
    kind, _, words = plan.schedule.partition(": ")
    if kind == "working day":
        number, _, unit = words.partition(" of ")
        return f"{plan.frequency}, on working day {number} of each {unit} (Scotland)"
    return f"{plan.frequency}, by the clock: {words} (minute, hour, day, month, weekday; Europe/London)"


def limits_in_words(plan: ExtractPlan) -> list[str]:
    """The circuit breakers."""
    limits = plan.limits
    said = [
        f"From {limits.min_rows:,} to {limits.max_rows:,} rows in a delivery.",
        f"At most {limits.max_deliveries} deliveries.",
        f"At most {limits.change_percent} % more or fewer rows than in the delivery before.",
        f"If it is late or stopped, it harms {_HARM[plan.criticality]} ({plan.criticality}).",
    ]
    if plan.identifiability is not Identifiability.PSEUDONYMISED:
        return said
    withheld = f"such rows are withheld, up to {limits.max_withheld_percent} % of all; beyond that nothing leaves"
    small = withheld if limits.small_cells is SmallCells.WITHHOLD else "otherwise nothing leaves"
    return [*said, f"No group of fewer than {limits.k} people who look alike: {small}."]


def checks_in_words(plan: ExtractPlan) -> list[str]:
    """What must hold for a delivery; a check that fails, or cannot be made, stops it."""
    hours = ", ".join(f"{d.dataset} at most {d.max_age_hours} hours" for d in plan.datasets)
    checks = [
        "The two signatures, the dates and this plan's digest: before the extract is made, and again before it leaves.",
        "The source: the curated view is the one approved, and the database role sees nothing beyond this plan.",
        f"Age of the source: {hours}. The list of people on hold: fresh, complete, and read again before release.",
        "The finished file: exactly these columns and types, nothing else in it, and no text that looks like a number "
        "or address of a person where none is planned.",
        "The counts: rows in the source = filtered + held + withheld + delivered, within the limits above.",
    ]
    filled = [f"{c.name} in {c.filled_percent} %" for d in plan.datasets for c in d.columns if c.filled_percent]
    if filled:
        checks.append(f"Columns that must hold a value in at least so many rows: {', '.join(filled)}.")
    if plan.identifiability is Identifiability.PSEUDONYMISED:
        groups = ", ".join(name for d in plan.datasets for name in d.quasi_identifiers) or "none planned"
        checks.append(f"Groups of people who look alike, by: {groups}.")
    return checks


def _chosen_unseen(dataset: PlannedDataset) -> list[str]:
    """What the file does not show, and still decides who is in it: a column that was refused among them."""
    shown = {c.source for c in dataset.columns}
    unseen = {c.column for c in dataset.conditions} - shown
    return [
        f"{c.name} chooses rows and is not delivered itself: {c.meaning}"
        for c in dataset.filter_columns
        if c.name in unseen
    ]


def _blanks(dataset: PlannedDataset) -> list[str]:
    """Who is in the file although a column about them is blank, and who is not."""
    area = f"The source covers {', '.join(dataset.coverage)}; people whose area is not known may be among its rows."
    compared = sorted({c.column for c in dataset.conditions if c.operator is not Operator.IS_NULL})
    left_out = f"Rows in which {' or '.join(compared)} is blank are left out."
    return [*([area] if dataset.coverage else []), *([left_out] if compared else [])]


def _condition_in_words(condition: Condition, kind: ColumnType) -> str:
    values = condition.values
    dated = kind in (ColumnType.DATE, ColumnType.TIMESTAMP)
    later, earlier = ("later than", "earlier than") if dated else ("more than", "less than")
    words = {
        Operator.EQUALS: "is {0}",
        Operator.IN: f"is one of {', '.join(values)}",
        Operator.BETWEEN: "is from {0} to {1}, both included",
        Operator.BEFORE: f"is {earlier} {{0}}",
        Operator.AFTER: f"is {later} {{0}}",
        Operator.IS_NULL: "is blank",
    }[condition.operator]
    said = words if condition.operator is Operator.IN else words.format(*values)
    return f"{condition.column} {said.replace('is', 'is not', 1) if condition.negated else said}"
