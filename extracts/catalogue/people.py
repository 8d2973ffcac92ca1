"""People: who holds which role, and who may sign as the Controller under which delegation.

Rules:
1. A role and a delegation last from one date until another, both inclusive.
2. One person is one `person`, however many sign-in names they have: two names must not count as two people.
3. The Controller signs under a named delegation, and no further than it reaches.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from extracts.catalogue.contract import Identifiability
from extracts.catalogue.forms import Count, Day, Email, Form, Line, OptionalText, Slug


class Role(StrEnum):
    """What a person does here. The data protection officer advises and never decides; nor does a service."""

    REQUESTER = "requester"
    BOARD = "board"
    CONTROLLER = "controller"
    DATA_PROTECTION_OFFICER = "data protection officer"
    ENGINEER = "engineer"
    FORUM = "forum"
    SERVICE = "service"


class RoleHeld(Form):
    """A role from one date until another, both inclusive; no end means until removed."""

    role: Role
    valid_from: Day
    valid_until: Day | None = None

    def holds(self, role: Role, on: date) -> bool:
        """Whether this is that role, on that day."""
        return self.role is role and self.valid_from <= on and (self.valid_until is None or on <= self.valid_until)


class Principal(Form):
    """A sign-in and signing name (as in `allowed_signers`), and the person it belongs to."""

    id: Email
    person: Line
    organisation: Slug
    roles: tuple[RoleHeld, ...]
    usernames: tuple[Line, ...] = ()

    def has_role(self, role: Role, on: date) -> bool:
        """Whether the role is held on this day."""
        return any(held.holds(role, on) for held in self.roles)


class DelegationLimits(Form):
    """How far a delegation reaches. An empty list means no limit of that kind."""

    identifiability: tuple[Identifiability, ...] = ()
    gateways: tuple[Slug, ...] = ()
    recipients: tuple[Slug, ...] = ()
    max_rows: Count | None = None


class Delegation(Form):
    """By whom and how far a person may sign as the Controller. Dates are inclusive."""

    id: Slug
    holder: Email
    given_by: Line
    instrument: Line
    valid_from: Day
    valid_until: Day
    limits: DelegationLimits = DelegationLimits()
    note: OptionalText = ""
