"""Gateways: the statutory powers under which data may pass, what each permits and what it forbids.

Rules:
1. A purpose code that a gateway does not list is not permitted under it; a prohibited one is told with its reason.
2. A power has a direction: from which kind of body to which. The other way is another power.
3. An entry that no lawyer has confirmed is `unverified`: it can be named, and it carries nothing.
4. What is often mistaken for a power (an offence, a lawful basis) is listed as `not a power`, to say so in words.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum

from pydantic import Field

from extracts.catalogue.forms import Day, Flag, Form, Line, OptionalText, Paragraph, Slug, fill
from extracts.documents import Document
from extracts.errors import InvalidDocument


class GatewayStatus(StrEnum):
    """Whether an entry may carry an agreement."""

    CONFIRMED = "confirmed"
    UNVERIFIED = "unverified"
    NOT_A_POWER = "not a power"


class OnwardSharing(StrEnum):
    """Whether the recipient may pass the data on."""

    FORBIDDEN = "forbidden"
    WITH_AUTHORITY = "with authority"


class BodyKind(StrEnum):
    """Kinds of organisation, as statutes distinguish them."""

    UK_DEPARTMENT = "uk department"
    SCOTTISH_MINISTERS = "scottish ministers"
    COUNCIL = "council"
    HEALTH_BOARD = "health board"
    POLICE = "police"
    PUBLIC_GUARDIAN = "public guardian"
    ENERGY_SUPPLIER = "energy supplier"
    OTHER = "other"


class PurposeNature(StrEnum):
    """What kind of use a purpose is: individuals are acted on, or only counted."""

    INDIVIDUAL = "individual"
    STATISTICAL = "statistical"


class Purpose(Form):
    """A purpose code's meaning."""

    title: Line
    nature: PurposeNature


class Permission(Form):
    """One direction of a gateway. `provider` and `receiver` are kinds of body; `purposes` are codes."""

    provider: tuple[BodyKind, ...] = Field(min_length=1)
    receiver: tuple[BodyKind, ...] = Field(min_length=1)
    purposes: tuple[Slug, ...] = Field(min_length=1)


class Gateway(Form):
    """One entry of the register. `valid_until` is inclusive; `recurring` false means named individuals only."""

    id: Slug
    title: Line
    statute: Line
    status: GatewayStatus
    valid_from: Day
    valid_until: Day | None = None
    permits: tuple[Permission, ...]
    prohibited: Mapping[Slug, Line] = {}
    onward_sharing: OnwardSharing
    authority: OptionalText = ""
    article_6: tuple[Line, ...]
    article_9: tuple[Line, ...] = ()
    recurring: Flag = True
    warning: OptionalText = ""
    note: Paragraph

    def is_in_force(self, on: date) -> bool:
        """Whether the entry can carry an agreement on this day."""
        within = self.valid_from <= on and (self.valid_until is None or on <= self.valid_until)
        return within and self.status is GatewayStatus.CONFIRMED

    def purposes(self) -> frozenset[str]:
        """Every purpose code that some direction of it permits."""
        return frozenset(code for p in self.permits for code in p.purposes)


class GatewayRegister(Form):
    """gateways.yaml."""

    version: Line
    purposes: Mapping[Slug, Purpose]
    gateways: tuple[Gateway, ...]


def parse_gateways(document: Document) -> GatewayRegister:
    """The register in gateways.yaml. Raises InvalidDocument, also for a purpose code that is not declared."""
    register = fill(GatewayRegister, document)
    problems = []
    for number, gateway in enumerate(register.gateways):
        named = gateway.purposes() | set(gateway.prohibited)
        for code in sorted(named - set(register.purposes)):
            allowed = tuple(register.purposes)
            problems.append(document.problem(f"gateways.{number}", f"purpose {code!r} is not declared", allowed))
    ids = [g.id for g in register.gateways]
    for double in sorted({i for i in ids if ids.count(i) > 1}):
        problems.append(document.problem("gateways", f"{double!r} is declared twice"))
    if problems:
        raise InvalidDocument(document.source, problems)
    return register
