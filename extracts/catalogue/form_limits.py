"""What no form of an extract may show, whoever writes a contract or a policy. One table, read when a contract is loaded
and again when a plan is made.

Rules:
1. Free text, financial accounts and control columns never leave, whatever the treatment.
2. A pseudonymised row holds no direct identifier but as a pseudonym (or whether there was one), no address as it is,
   and no date of a person's life as it is.
"""

from __future__ import annotations

from typing import Final

from extracts.catalogue.contract import Classification, ColumnType, Identifier

NEVER_LEAVES: Final = (Classification.FREE_TEXT, Classification.FINANCIAL_ACCOUNT, Classification.CONTROL)
_HIDES_A_PERSON: Final = ("pseudonymise", "present")
_DATES: Final = (ColumnType.DATE, ColumnType.TIMESTAMP)


def tells_who(identifier: Identifier, classification: Classification, kind: ColumnType, treatment: str) -> str:
    """How a column treated so would tell, in a pseudonymised row, whom it is about; empty if it would not."""
    if identifier is Identifier.DIRECT and treatment not in _HIDES_A_PERSON:
        return "names a person and cannot stay as it is in pseudonymised rows"
    dated = identifier is Identifier.QUASI and kind in _DATES
    if treatment == "keep" and (dated or classification is Classification.ADDRESS):
        return "singles a person out and must be made coarser in pseudonymised rows"
    return ""
