"""Reviewers: who answers which review of a request, from when until when, and who stands in while they are away.

Rules:
1. An assignment, a membership and an absence last from one date until another, both inclusive.
2. Somebody who is away does not answer: their deputy does, on those days and no other. A deputy who is away at the same
   time does not answer either, and nobody stands in for a deputy.
3. Everyone named is a declared principal, and no service: software advises nobody.
4. A reviewer may be assigned for some datasets only, and then reviews no request that draws on another.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from extracts.canonical import digest
from extracts.catalogue.forms import Count, Day, Email, Form, Line, Name, fill
from extracts.catalogue.parties import Parties
from extracts.catalogue.people import Role
from extracts.documents import Document
from extracts.errors import InvalidDocument, Problem


class ReviewKind(StrEnum):
    """In which capacity somebody answers. The Board's recommendation is the last, and its chair's."""

    LEGAL = "legal"
    DATA_PROTECTION = "data protection"
    SECURITY = "security"
    INFORMATION_ASSET_OWNER = "information asset owner"
    BOARD = "board"


class _Dated(Form):
    """Something that lasts from one date until another, both inclusive; no end means until removed."""

    valid_from: Day
    valid_until: Day | None = None

    def lasts(self, on: date) -> bool:
        """Whether it holds on this day."""
        return self.valid_from <= on and (self.valid_until is None or on <= self.valid_until)

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> _Dated:
        if self.valid_until is not None and self.valid_until < self.valid_from:
            raise PydanticCustomError("dates", "ends before it begins")
        return self


class Assignment(_Dated):
    """Who answers in a capacity. `datasets`: empty means all."""

    review: ReviewKind
    principal: Email
    datasets: tuple[Name, ...] = ()


class Member(_Dated):
    """A member of the Board."""

    principal: Email


class Absence(_Dated):
    """When somebody is away, and who stands in for them; without a deputy nobody does."""

    principal: Email
    valid_until: Day
    deputy: Email | None = None

    @model_validator(mode="after")
    def _somebody_else(self) -> Absence:
        if self.deputy == self.principal:
            raise PydanticCustomError("deputy", "nobody is their own deputy")
        return self


@dataclass(frozen=True)
class Standing:
    """Somebody who may answer. `stands_for` is the reviewer whose deputy they are; empty if it is their own."""

    principal: str
    stands_for: str = ""


class Reviewers(Form):
    """Everyone who is assigned to review, the Board's members and its quorum, and who is away."""

    version: Line
    quorum: Count = 1
    reviewers: tuple[Assignment, ...] = ()
    members: tuple[Member, ...] = ()
    absences: tuple[Absence, ...] = ()

    @property
    def digest(self) -> str:
        """Over what the file says; a comment does not count."""
        return digest(self.model_dump(mode="json"))

    def who(self, review: ReviewKind, datasets: Collection[str], on: date) -> tuple[Standing, ...]:
        """Who may answer for a request that draws on these datasets, on this day; reviewers before deputies."""
        holders = sorted({a.principal for a in self._assigned(review, datasets) if a.lasts(on)})
        here = [Standing(p) for p in holders if not self.is_away(p, on)]
        stand_ins = {
            Standing(a.deputy, a.principal)
            for a in self.absences
            if a.principal in holders and a.lasts(on) and a.deputy and not self.is_away(a.deputy, on)
        }
        return (*here, *sorted(stand_ins, key=lambda s: (s.principal, s.stands_for)))

    def next_change(self, review: ReviewKind, datasets: Collection[str], on: date) -> date | None:
        """The next day on which somebody else may answer; None if that never comes."""
        now = self.who(review, datasets, on)
        days = (day for day in sorted(self._days()) if day > on)
        return next((day for day in days if self.who(review, datasets, day) != now), None)

    def is_away(self, principal: str, on: date) -> bool:
        """Whether somebody is away on this day."""
        return any(a.principal == principal and a.lasts(on) for a in self.absences)

    def board(self, on: date) -> frozenset[str]:
        """The Board's members on this day."""
        return frozenset(m.principal for m in self.members if m.lasts(on))

    def _assigned(self, review: ReviewKind, datasets: Collection[str]) -> Iterable[Assignment]:
        return (
            a for a in self.reviewers if a.review is review and (not a.datasets or set(datasets) <= set(a.datasets))
        )

    def _days(self) -> set[date]:
        dated = (*self.reviewers, *self.absences)
        ends = {d.valid_until + timedelta(days=1) for d in dated if d.valid_until}
        return {d.valid_from for d in dated} | ends


NOBODY = Reviewers(version="none")
"""Where no file says who reviews."""


class _ReviewersFile(Reviewers):
    """The file: all of it, said."""

    quorum: Count
    reviewers: tuple[Assignment, ...] = Field(min_length=1)
    members: tuple[Member, ...]
    absences: tuple[Absence, ...]


def parse_reviewers(document: Document, parties: Parties) -> Reviewers:
    """Everyone in reviewers.yaml. Raises InvalidDocument, also for somebody who is not declared, or is a service."""
    found = fill(_ReviewersFile, document)
    problems = [
        problem for path, name in _named(found) if (problem := _not_a_person(document, path, name, parties)) is not None
    ]
    if len({m.principal for m in found.members}) < found.quorum:
        problems.append(document.problem("quorum", "is more than the Board has members"))
    if problems:
        raise InvalidDocument(document.source, problems)
    return Reviewers(**{name: getattr(found, name) for name in Reviewers.model_fields})


def _named(found: Reviewers) -> Iterable[tuple[str, str]]:
    for group in ("reviewers", "members", "absences"):
        for number, entry in enumerate(getattr(found, group)):
            yield f"{group}.{number}.principal", entry.principal
            if isinstance(entry, Absence) and entry.deputy:
                yield f"{group}.{number}.deputy", entry.deputy


def _not_a_person(document: Document, path: str, name: str, parties: Parties) -> Problem | None:
    principal = parties.principals.get(name)
    if principal is None:
        return document.problem(path, f"{name!r} is not declared as a principal", tuple(parties.principals))
    if any(held.role is Role.SERVICE for held in principal.roles):
        return document.problem(path, f"{name!r} is a service; people answer reviews")
    return None
