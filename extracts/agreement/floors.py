"""Floors: what no policy and no contract can permit. The policy's rules and the plan's maker both stand on them.

Rules:
1. Free text and control columns are never delivered, whatever the treatment.
2. A treatment must be one that the contract lists for the asked form, and one that can treat the column's type.
3. Pseudonymised rows keep no direct identifier, no address and no full date of a person's life; k is at least 5.
4. Rows are never chosen by what names or locates one person.
"""

from __future__ import annotations

from extracts.agreement.plan import Operator
from extracts.catalogue.contract import Classification, Column, ColumnType, Identifiability, Identifier
from extracts.catalogue.treatments import TREATMENTS

K_FLOOR = 5
NEVER_DELIVERED = (Classification.FREE_TEXT, Classification.CONTROL)
NEVER_FILTERED = (*NEVER_DELIVERED, Classification.ADDRESS, Classification.FINANCIAL_ACCOUNT)
_HIDES_A_PERSON = ("pseudonymise", "present")
_ORDERED = (ColumnType.INTEGER, ColumnType.DECIMAL, ColumnType.DATE, ColumnType.TIMESTAMP)
_NEEDS_ORDER = (Operator.BETWEEN, Operator.BEFORE, Operator.AFTER)


def treatment_problem(column: Column, treatment: str, form: Identifiability) -> str:
    """Why this column cannot be delivered so, in words; empty if it can."""
    if column.classification in NEVER_DELIVERED:
        return f"{column.name} is held, and not shareable: {column.classification} is never delivered"
    listed = column.treatments.get(form, ())
    if not any(column.treatments.values()):
        return f"{column.name} is held, and not shareable: its contract lists no treatment"
    if treatment not in listed:
        offer = f"treat it by {' or '.join(listed)}" if listed else f"it cannot be had {form}"
        return f"{column.name} is held, but not in that form ({treatment}, {form}): {offer}"
    if column.type not in TREATMENTS[treatment].accepts:
        return f"{column.name} is a {column.type}, which {treatment} cannot treat"
    return _pseudonymised_problem(column, treatment) if form is Identifiability.PSEUDONYMISED else ""


def _pseudonymised_problem(column: Column, treatment: str) -> str:
    if column.identifier is Identifier.DIRECT and treatment not in _HIDES_A_PERSON:
        return f"{column.name} names a person and cannot stay as it is in pseudonymised rows"
    dated = column.identifier is Identifier.QUASI and column.type in (ColumnType.DATE, ColumnType.TIMESTAMP)
    if treatment == "keep" and (dated or column.classification is Classification.ADDRESS):
        return f"{column.name} singles a person out and must be made coarser in pseudonymised rows"
    return ""


def filter_problem(column: Column, operator: Operator) -> str:
    """Why rows cannot be chosen by this column so, in words; empty if they can."""
    if column.classification in NEVER_FILTERED or column.identifier is Identifier.DIRECT:
        return f"rows cannot be chosen by {column.name}: it names or locates a person, or steers who is left out"
    if operator in _NEEDS_ORDER and column.type not in _ORDERED:
        return f"{column.name} is a {column.type}: it has no {operator.value}"
    return ""
