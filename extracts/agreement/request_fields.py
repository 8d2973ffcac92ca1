"""The groups of fields that a request is made of, apart from its datasets. Words and shapes only; `policy` judges.

The docstring under a field is what an editor shows beside it: it comes with the published JSON Schema.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field, StrictInt

from extracts.agreement.request_words import (
    Article6,
    Article9,
    ControllerRole,
    DataType,
    DpiaStatus,
    PublicBenefit,
)
from extracts.catalogue.forms import (
    Day,
    Email,
    Flag,
    Form,
    Line,
    OnsCode,
    OptionalText,
    Paragraph,
    Slug,
)

EMERGENCY = "Immediate danger to a person is a call to 999, not a data request."


def _as_set(values: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(sorted(set(values)))


class Requester(Form):
    """Who asks."""

    organisation: Slug
    """Id of a declared organisation."""
    name: Line
    """First name and surname."""
    position: Line
    """What they do in their body."""
    email: Email
    """The requester's sign-in name. Nobody decides on their own request."""


class Expedited(Form):
    """Asks for the expedited lane: fewer target days, and the same two signatures. Immediate danger to a person is a
    call to 999, not a data request.
    """

    reason: Paragraph
    """Why it cannot wait for its turn, and what happens if it does. Never who is in danger: name nobody."""


class PurposeAsked(Form):
    """What it is for, and why it cannot be done with less."""

    code: Slug
    """A purpose code that the gateway permits."""
    text: Paragraph
    """What will be done with the data, in plain words."""
    aims: Paragraph
    """What will be better for people when it works."""
    how_data_helps: Paragraph
    """How the data leads to that."""
    public_benefits: Annotated[tuple[PublicBenefit, ...], AfterValidator(_as_set)]
    """Which public benefits it serves."""
    necessity: Paragraph
    """Why is sharing necessary?"""
    alternatives_considered: Paragraph
    """Could less data, or data that names nobody, do?"""
    impact_if_refused: Paragraph
    """What happens without the data."""


class Legal(Form):
    """The power to share, and the lawful basis: two different things, both needed."""

    power: Paragraph
    """The recipient's own function that the data serves."""
    gateway: Slug
    """Id of a gateway in the register: the statute under which the data may pass."""
    article_6: Article6
    """Basis in UK GDPR, article 6(1); as a rule 6(1)(e), public task."""
    article_9: Article9 | None = None
    """Needed for special category data."""
    schedule_1_paragraph: Annotated[StrictInt, Field(ge=1, le=38)] | None = None
    """Paragraph of Schedule 1 to the Data Protection Act 2018, where the article 9 condition needs one."""
    part_3_applies: Flag
    """Whether the recipient processes for law enforcement (Data Protection Act 2018, Part 3)."""
    appropriate_policy_document: OptionalText = ""
    """Its reference, where a paragraph of Schedule 1 needs one."""


class ControllerAsked(Form):
    """A body that is responsible for the data, and how."""

    organisation: Slug
    """Id of a declared organisation."""
    role: ControllerRole
    """Independent, joint, or processor; once shared, both bodies are controllers."""


class ProcessorAsked(Form):
    """A body that handles the data on a controller's behalf."""

    name: Line
    """The body's name."""
    service: Line
    """What it does with the data."""


class OnwardSharingAsked(Form):
    """Whether the recipient wants to pass the data on."""

    asked: Flag
    """true if anyone beyond the recipient is to receive it."""
    authority_ref: OptionalText = ""
    """The authority that permits it, where the gateway needs one."""


class Linkage(Form):
    """Whether the data will be joined with other data."""

    planned: Flag
    """true if it will be joined with other data."""
    with_data: OptionalText = ""
    """With which data, and whose; needed if it is planned."""


class Dpia(Form):
    """The data protection impact assessment."""

    status: DpiaStatus
    """How far it is."""
    ref: OptionalText = ""
    """Its reference."""
    outcome: OptionalText = ""
    """What it concluded."""
    completed_on: Day | None = None
    """When it was completed."""
    review_by: Day | None = None
    """Until when it counts."""
    officer_view: OptionalText = ""
    """The data protection officer's view; needed where no assessment was made."""


Territory = Annotated[tuple[OnsCode, ...], Field(min_length=1), AfterValidator(_as_set)]
DataTypes = Annotated[tuple[DataType, ...], Field(min_length=1), AfterValidator(_as_set)]
Countries = Annotated[tuple[Line, ...], AfterValidator(_as_set)]
