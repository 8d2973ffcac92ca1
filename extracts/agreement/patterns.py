"""Loose shapes of identifiers, for finding leaks in text that should hold none. Finding is not validating.

Rules:
1. A leak need not be valid: any two letters may begin a NINO, with up to two blanks or marks anywhere, in any case.
2. Shapes are bounded, so that codes and pseudonyms do not set them off by the hundred thousand.
3. A column that the plan delivers as that identifier, in the clear, may hold it; `allowed` says where.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from extracts.agreement.plan import ExtractPlan, PlannedColumn
from extracts.catalogue.contract import Classification, Identifiability

_GAP = r"[\s\x{00A0}./-]{0,2}"
_START, _END = r"(?:^|[^A-Za-z0-9])", r"(?:$|[^A-Za-z0-9])"


@dataclass(frozen=True)
class Pattern:
    """A shape by name; `regex` is RE2, searched anywhere in the text. `kinds` of identifiers have it rightly."""

    name: str
    regex: str
    kinds: tuple[str, ...]


_NINO = rf"(?i){_START}[A-Z]{_GAP}[A-Z](?:{_GAP}[0-9]){{6}}(?:{_GAP}[A-Z])?{_END}"
_CHI = rf"{_START}(?:0[1-9]|[12][0-9]|3[01])(?:0[1-9]|1[0-2])[0-9]{{2}}{_GAP}[0-9]{{4}}{_END}"
_POSTCODE = rf"(?i){_START}[A-Z]{{1,2}}[0-9][A-Z0-9]?{_GAP}[0-9][A-Z]{{2}}{_END}"
_E_MAIL = r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+\.[A-Za-z]{2,}"
_PHONE = rf"(?:^|[^0-9A-Za-z])(?:\+44|0044|0)[ -]?[1-9](?:[ -]?[0-9]){{8,9}}{_END}"

PATTERNS = (
    Pattern("National Insurance number", _NINO, ("nino",)),
    Pattern("CHI number", _CHI, ("chi", "uprn", "account")),
    Pattern("postcode", _POSTCODE, ("postcode",)),
    Pattern("e-mail address", _E_MAIL, ("e-mail",)),
    Pattern("phone number", _PHONE, ("phone",)),
)


def any_of(expressions: Iterable[str]) -> str:
    """One expression that finds any of them."""
    return "|".join(f"(?:{e})" for e in expressions)


def patterns_for(plan: ExtractPlan, column: PlannedColumn) -> tuple[Pattern, ...]:
    """The shapes that this column must not show."""
    return tuple(p for p in PATTERNS if not _may_hold(plan, column, p))


def _may_hold(plan: ExtractPlan, column: PlannedColumn, pattern: Pattern) -> bool:
    if plan.identifiability is not Identifiability.IDENTIFIED or column.treatment_name != "keep":
        return False
    if column.identifier_kind in pattern.kinds:
        return True
    # An address may hold a postcode and a house number of any form, where the plan delivers addresses.
    return column.classification is Classification.ADDRESS and pattern.name in ("postcode", "CHI number")
