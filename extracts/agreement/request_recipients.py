"""Whom a request is for: one recipient, or several and the column that divides the rows among them.

Rules:
1. A value belongs to one recipient at most, and a recipient stands in the list once: no row could reach two.
2. What happens to rows that belong to none is said: nothing leaves (stop), or they stay (leave out).
3. A list of one is refused: that is a request for one recipient, with a condition on its rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field
from pydantic_core import PydanticCustomError

from extracts.agreement.plan import Division, Share, Unassigned
from extracts.agreement.request_rows import MAX_VALUES, Value
from extracts.catalogue.forms import Form, Name, Slug

MAX_RECIPIENTS = 200


class ShareAsked(Form):
    """One recipient of several, and which rows are theirs."""

    recipient: Slug
    """Id of a declared recipient."""
    values: Annotated[tuple[Value, ...], Field(min_length=1, max_length=MAX_VALUES)]
    """Rows with one of these values in the column `divided_by` are theirs, and nobody else's."""


class DividedBy(Form):
    """The column that divides the rows of every dataset of the request among its recipients."""

    column: Name
    """A column of text of each dataset's contract; it need not be delivered."""
    unassigned_rows: Unassigned
    """Rows that belong to none of the recipients: nothing leaves (`stop`), or these rows stay (`leave out`)."""


Shares = Annotated[tuple[ShareAsked, ...], Field(min_length=2, max_length=MAX_RECIPIENTS)]


def check_recipients(recipient: str | None, shares: tuple[ShareAsked, ...] | None, divided: DividedBy | None) -> None:
    """Raises PydanticCustomError unless it is clear whose each row is."""
    if (recipient is None) == (shares is None):
        raise PydanticCustomError("recipients", "give either recipient, or recipients with divided_by")
    if (shares is None) != (divided is None):
        raise PydanticCustomError("recipients", "recipients and divided_by belong together: give both or neither")
    _refuse_double("names twice", [s.recipient for s in shares or ()])
    values = [v for s in shares or () for v in s.values]
    _refuse_double("gives more than one place to", values)
    if len(values) > MAX_VALUES:
        message = "recipients: more than {most} values in all"
        raise PydanticCustomError("recipients", message, {"most": MAX_VALUES})


def division_of(shares: tuple[ShareAsked, ...] | None, divided: DividedBy | None) -> Division | None:
    """As plans write it; None for one recipient. Values are checked against contracts elsewhere."""
    if divided is None:
        return None
    made = sorted(Share(s.recipient, tuple(sorted(s.values))) for s in shares or ())
    return Division(divided.column, tuple(made), divided.unassigned_rows)


def _refuse_double(what: str, found: Iterable[str]) -> None:
    listed = list(found)
    double = sorted({each for each in listed if listed.count(each) > 1})
    if double:
        message = "recipients {what}: {names}; no row may reach two"
        raise PydanticCustomError("recipients", message, {"what": what, "names": ", ".join(double)})
