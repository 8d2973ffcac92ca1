"""Floors: what no policy and no contract can permit. The policy's rules and the plan's maker both stand on them.

Rules:
1. Free text, financial accounts and control columns are never delivered, whatever the treatment.
2. A treatment must be one that the contract lists for the asked form, and one that can treat the column's type.
3. Pseudonymised rows keep no direct identifier, no address and no full date of a person's life; k is at least 5.
4. Rows are never chosen by what names or locates one person.
"""

from __future__ import annotations

from extracts.agreement.plan import Operator
from extracts.catalogue.contract import Classification, Column, ColumnType, Identifiability, Identifier
from extracts.catalogue.form_limits import NEVER_LEAVES, tells_who
from extracts.catalogue.treatments import TREATMENTS

K_FLOOR = 5
NEVER_FILTERED = (*NEVER_LEAVES, Classification.ADDRESS)
_ORDERED = (ColumnType.INTEGER, ColumnType.DECIMAL, ColumnType.DATE, ColumnType.TIMESTAMP)
_NEEDS_ORDER = (Operator.BETWEEN, Operator.BEFORE, Operator.AFTER)


def treatment_problem(column: Column, treatment: str, form: Identifiability) -> str:
    """Why this column cannot be delivered so, in words; empty if it can."""
    if column.classification in NEVER_LEAVES:
        return f"{column.name} is held, and not shareable: {column.classification} is never delivered"
    listed = column.treatments.get(form, ())
    if not any(column.treatments.values()):
        return f"{column.name} is held, and not shareable: its contract lists no treatment"
    if treatment not in listed:
        offer = f"treat it by {' or '.join(listed)}" if listed else f"it cannot be had {form}"
        return f"{column.name} is held, but not in that form ({treatment}, {form}): {offer}"
    if column.type not in TREATMENTS[treatment].accepts:
        return f"{column.name} is a {column.type}, which {treatment} cannot treat"
    if form is not Identifiability.PSEUDONYMISED:
        return ""
    why = tells_who(column.identifier, column.classification, column.type, treatment)
    return f"{column.name} {why}" if why else ""


def filter_problem(column: Column, operator: Operator) -> str:
    """Why rows cannot be chosen by this column so, in words; empty if they can."""
    if column.classification in NEVER_FILTERED or column.identifier is Identifier.DIRECT:
        return f"rows cannot be chosen by {column.name}: it names or locates a person, or steers who is left out"
    if operator in _NEEDS_ORDER and column.type not in _ORDERED:
        return f"{column.name} is a {column.type}: it has no {operator.value}"
    return ""
