"""The groups of fields that a request is made of, apart from its datasets. Words and shapes only; `policy` judges.

The docstring under a field is what an editor shows beside it: it comes with the published JSON Schema.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import AfterValidator, Field, StrictInt, model_validator
from pydantic_core import PydanticCustomError

from extracts.agreement.floors import K_FLOOR
from extracts.agreement.periods import Frequency
from extracts.agreement.plan import SmallCells
from extracts.agreement.request_words import (
    Article6,
    Article9,
    ControllerRole,
    DataType,
    DpiaStatus,
    FileFormat,
    PublicBenefit,
    ReviewOutcome,
    TransferMethod,
)
from extracts.agreement.schedule import cron_text, working_day_text
from extracts.catalogue.forms import (
    Count,
    Day,
    Email,
    Flag,
    Form,
    Line,
    Number,
    OnsCode,
    OptionalText,
    Paragraph,
    Percent,
    Slug,
)


def _as_set(values: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(sorted(set(values)))


class Requester(Form):
    """Who asks."""

    organisation: Slug
    """Id of a declared organisation."""
    name: Line
    position: Line
    email: Email
    """The requester's sign-in name. Nobody decides on their own request."""


class PurposeAsked(Form):
    """What it is for, and why it cannot be done with less."""

    code: Slug
    """A purpose code that the gateway permits."""
    text: Paragraph
    """What will be done with the data, in plain words."""
    aims: Paragraph
    how_data_helps: Paragraph
    public_benefits: Annotated[tuple[PublicBenefit, ...], AfterValidator(_as_set)]
    necessity: Paragraph
    """Why is sharing necessary?"""
    alternatives_considered: Paragraph
    """Could less data, or data that names nobody, do?"""
    impact_if_refused: Paragraph


class Legal(Form):
    """The power to share, and the lawful basis: two different things, both needed."""

    power: Paragraph
    """The recipient's own function that the data serves."""
    gateway: Slug
    """Id of a gateway in the register: the statute under which the data may pass."""
    article_6: Article6
    article_9: Article9 | None = None
    """Needed for special category data."""
    schedule_1_paragraph: Annotated[StrictInt, Field(ge=1, le=38)] | None = None
    """Paragraph of Schedule 1 to the Data Protection Act 2018, where the article 9 condition needs one."""
    part_3_applies: Flag
    """Whether the recipient processes for law enforcement (Data Protection Act 2018, Part 3)."""
    appropriate_policy_document: OptionalText = ""


class ControllerAsked(Form):
    """A body that is responsible for the data, and how."""

    organisation: Slug
    role: ControllerRole


class ProcessorAsked(Form):
    """A body that handles the data on a controller's behalf."""

    name: Line
    service: Line


class OnwardSharingAsked(Form):
    """Whether the recipient wants to pass the data on."""

    asked: Flag
    authority_ref: OptionalText = ""
    """The authority that permits it, where the gateway needs one."""


class Linkage(Form):
    """Whether the data will be joined with other data."""

    planned: Flag
    with_data: OptionalText = ""


class Dpia(Form):
    """The data protection impact assessment."""

    status: DpiaStatus
    ref: OptionalText = ""
    outcome: OptionalText = ""
    completed_on: Day | None = None
    review_by: Day | None = None
    officer_view: OptionalText = ""
    """The data protection officer's view; needed where no assessment was made."""


class SecurityAssurance(Form):
    """Who says that the recipient keeps data safely, and until when."""

    scheme: Line
    ref: Line
    expires_on: Day


class Rights(Form):
    """How people's rights (articles 15 to 21) are met on both sides."""

    contact: Email
    arrangements: Paragraph


class Transfer(Form):
    """How the files travel."""

    method: TransferMethod
    format: FileFormat
    key_fingerprint: OptionalText = ""
    """Fingerprint of the key that the recipient expects to decrypt with; optional."""


class ScheduleAsked(Form):
    """When it is delivered: either `working_day` or `cron`."""

    frequency: Frequency
    working_day: Count | None = None
    """The nth working day (Scottish calendar) of each month or quarter."""
    cron: Line | None = None
    """Five cron fields, or @daily, @weekly, @monthly."""
    start_on: Day
    end_on: Day
    review_on: Day

    @model_validator(mode="after")
    def _makes_sense(self) -> ScheduleAsked:
        if (self.working_day is None) == (self.cron is None):
            raise PydanticCustomError("schedule", "give either working_day or cron")
        if not self.start_on <= self.review_on <= self.end_on:
            raise PydanticCustomError("schedule", "start_on, review_on, end_on must follow one another")
        self.text()
        return self

    def text(self) -> str:
        """The schedule in its one spelling, as plans write it."""
        try:
            if self.working_day is not None:
                return working_day_text(self.working_day, self.frequency)
            return cron_text(self.cron or "", self.frequency)
        except ValueError as error:
            raise PydanticCustomError("schedule", "{why}", {"why": str(error)}) from None


class Retention(Form):
    """How long the recipient keeps it, copies included, and how it ends."""

    days: Count
    disposal_method: Line
    evidence_due_days: Count
    """Days after the end of retention by which the certificate of destruction is due."""


class LimitsAsked(Form):
    """Circuit breakers: outside of these nothing leaves."""

    max_rows: Count
    max_deliveries: Count
    min_rows: Number = 1
    change_percent: Annotated[StrictInt, Field(ge=1, le=1000)] = 50
    """Largest change in the number of rows against the delivery before."""
    k: Annotated[StrictInt, Field(ge=K_FLOOR, le=1000)] = 10
    """Smallest group of people that pseudonymised rows may show; 5 is the floor."""
    small_cells: SmallCells = SmallCells.STOP
    max_withheld_percent: Percent = 0
    """Under `withhold`: the largest share of rows that small groups may take out."""


class QualityTerms(Form):
    """What the data must be like to serve the purpose."""

    freshness_max_age_hours: Count
    """How long ago, at most, the source may have been loaded; no less than its contract promises."""


class Review(Form):
    """One specialist's recommendation."""

    by: Line
    on: Day
    outcome: ReviewOutcome
    comment: OptionalText = ""


class Reviews(Form):
    """What specialists recommend; the policy says which reviews must be there before a decision."""

    legal: Review | None = None
    """On the power, the lawful basis and confidentiality."""
    data_protection: Review | None = None
    """The data protection officer's."""
    security: Review | None = None
    """On how the recipient keeps and destroys the data."""

    def given(self) -> Iterable[tuple[str, Review]]:
        """(name, review) for each that is there."""
        named = (("legal", self.legal), ("data protection", self.data_protection), ("security", self.security))
        return [(name, review) for name, review in named if review]


Territory = Annotated[tuple[OnsCode, ...], AfterValidator(_as_set), Field(min_length=1)]
DataTypes = Annotated[tuple[DataType, ...], AfterValidator(_as_set), Field(min_length=1)]
Countries = Annotated[tuple[Line, ...], AfterValidator(_as_set)]
