"""Agreements that run elsewhere, by e-mail, in another system or on paper: what is registered, and where each stands.

Rules:
1. Its id has a form of its own, so that nobody takes it for a request: there is no decision here, no plan and no run.
2. Gateway and owner are declared, the owner as a person; who receives is declared, or another body by its name.
3. It has a last day: whoever has an agreement without one registers the day by which it must be looked at again.
4. The scan stays where it is kept. Its SHA-256 says which paper was meant.
5. A correction and the end are further revisions. What has ended is not corrected: what goes on is a new entry.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from extracts.catalogue.forms import Day, Email, Form, Line, OptionalText, Slug, fill
from extracts.catalogue.parties import Parties
from extracts.catalogue.people import Role
from extracts.documents import Document
from extracts.errors import InvalidDocument, Problem

ELSEWHERE_ID = re.compile(r"elsewhere-(?:19|20)[0-9]{2}-[0-9]{3,4}")
EXAMPLE = "elsewhere-2026-003"
_MOST_CLASSES = 20


class Carrier(StrEnum):
    """By what it runs."""

    EMAIL = "e-mail"
    SYSTEM = "another system"
    PAPER = "paper"


class Standing(StrEnum):
    """Where it stands on a day."""

    NOT_BEGUN = "not begun"
    IN_FORCE = "in force"
    PAST_ITS_END = "past its end"
    ENDED = "ended"


class ElsewhereTerms(Form):
    """What is registered of it. Dates are inclusive; `recipient` is a declared id, or the name of another body."""

    title: Line
    carrier: Carrier
    recipient: Line
    classes: Annotated[tuple[Line, ...], Field(min_length=1, max_length=_MOST_CLASSES)]
    gateway: Slug
    owner: Email
    valid_from: Day
    valid_until: Day
    review_on: Day | None = None
    scan_digest: Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
    ended_on: Day | None = None
    reasons: OptionalText = ""

    def document(self) -> dict[str, Any]:
        """As plain JSON values: what the register keeps, and its digest is over."""
        return self.model_dump(mode="json")

    def standing(self, today: date) -> Standing:
        """Where it stands on this day."""
        return standing_of(self.valid_from, self.valid_until, self.ended_on, today)


def standing_of(valid_from: date, valid_until: date, ended_on: date | None, today: date) -> Standing:
    """The same for whoever has the dates alone. From the day on which it was ended it is in force no more."""
    if ended_on is not None and ended_on <= today:
        return Standing.ENDED
    if today < valid_from:
        return Standing.NOT_BEGUN
    return Standing.IN_FORCE if today <= valid_until else Standing.PAST_ITS_END


def elsewhere_terms(values: Mapping[str, Any], parties: Parties) -> ElsewhereTerms:
    """The terms in these values. Raises InvalidDocument with every fault.

    `recipient` names a declared recipient, `recipient_name` another body: one of the two.
    """
    problems = _recipient_problems(values, parties)
    given = {k: v for k, v in values.items() if k != "recipient_name" and v not in (None, "")}
    given |= {"recipient": values.get("recipient_name")} if not given.get("recipient") else {}
    try:
        terms = fill(ElsewhereTerms, Document("agreement elsewhere", given))
    except InvalidDocument as error:
        found = [p for p in error.problems if p.field != "recipient" or not problems]
        raise InvalidDocument(error.source, [*problems, *found]) from None
    problems += _undeclared(terms, parties) + _date_problems(terms)
    if problems:
        raise InvalidDocument("agreement elsewhere", problems)
    owner = parties.principal(terms.owner)
    return terms.model_copy(update={"owner": owner.id if owner else terms.owner})


def is_elsewhere_id(text: str) -> bool:
    """Whether a text has the form of such an id."""
    return ELSEWHERE_ID.fullmatch(text) is not None


def changes(before: ElsewhereTerms, after: ElsewhereTerms) -> tuple[tuple[str, str, str], ...]:
    """(field, before, after) for every field that a revision changed; its reasons apart."""
    old, new = before.document(), after.document()
    names = (n for n in new if n != "reasons" and old[n] != new[n])
    return tuple((n, _in_words(old[n]), _in_words(new[n])) for n in names)


def _in_words(value: Any) -> str:
    return "; ".join(value) if isinstance(value, list) else str(value or "none")


def _recipient_problems(values: Mapping[str, Any], parties: Parties) -> list[Problem]:
    known, name = values.get("recipient") or "", values.get("recipient_name") or ""
    if bool(known) == bool(name):
        return [Problem("recipient", "name one: a declared recipient, or another body by its name")]
    if known and known not in parties.recipients:
        advice = "is not declared; give another body by its name"
        return [Problem("recipient", advice, allowed=tuple(parties.recipients))]
    meant = [r.id for r in parties.recipients.values() if name and name.strip().lower() in (r.id, r.name.lower())]
    return [Problem("recipient_name", f"is the declared recipient {meant[0]}; name it by its id")] if meant else []


def _undeclared(terms: ElsewhereTerms, parties: Parties) -> list[Problem]:
    found = []
    if terms.gateway not in parties.gateways:
        found.append(Problem("gateway", "is not declared", allowed=tuple(parties.gateways)))
    owner = parties.principal(terms.owner)
    if owner is None:
        found.append(Problem("owner", "is not declared in parties.yaml: the owner is a principal"))
    elif any(held.role is Role.SERVICE for held in owner.roles):
        found.append(Problem("owner", "is a service: the owner is a person"))
    return found


def _date_problems(terms: ElsewhereTerms) -> list[Problem]:
    first, last = terms.valid_from, terms.valid_until
    if last < first:
        return [Problem("valid_until", f"is before it begins ({first})")]
    found = []
    if terms.review_on and not first <= terms.review_on <= last:
        found.append(Problem("review_on", f"lies outside of its days ({first} to {last})"))
    if terms.ended_on and terms.ended_on < first:
        found.append(Problem("ended_on", f"is before it began ({first})"))
    return found
