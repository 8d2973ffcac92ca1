"""The terms that a request is made on: security, rights, transfer, schedule, retention, limits, quality, reviews.

Words and shapes only; `policy` judges. The docstring under a field is what an editor shows beside it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import ConfigDict, Field, StrictInt, model_validator
from pydantic_core import PydanticCustomError

from extracts.agreement.floors import K_FLOOR
from extracts.agreement.periods import Frequency
from extracts.agreement.plan import SmallCells
from extracts.agreement.request_words import FileFormat, ReviewOutcome, TransferMethod
from extracts.agreement.schedule import MAX_WORKING_DAY, cron_text, working_day_text
from extracts.catalogue.forms import Count, Day, Email, Form, Line, Number, OptionalText, Paragraph, Percent


class SecurityAssurance(Form):
    """Who says that the recipient keeps data safely, and until when."""

    scheme: Line
    """The scheme's name, such as ISO 27001 or Cyber Essentials Plus."""
    ref: Line
    """The certificate's reference."""
    expires_on: Day
    """Last day on which it counts."""


class Rights(Form):
    """How people's rights (articles 15 to 21) are met on both sides."""

    contact: Email
    """Where people's requests go."""
    arrangements: Paragraph
    """Who answers, and how the other body hears of it."""


class Transfer(Form):
    """How the files travel."""

    method: TransferMethod
    """Through the drop zone, the recipient's own folder."""
    format: FileFormat
    """Parquet is the one offered."""
    key_fingerprint: OptionalText = ""
    """Fingerprint of the key that the recipient expects to decrypt with; optional."""


# For editors; the reader's own words are those of `schedule`.
_COUNTED: dict[str, Any] = {"frequency": {"enum": [Frequency.MONTHLY.value, Frequency.QUARTERLY.value]}}


class ScheduleAsked(Form):
    """When it is delivered: either `working_day` or `cron`."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {"required": ["working_day"], "properties": {"working_day": {"type": "integer"}, **_COUNTED}},
                {"required": ["cron"], "properties": {"cron": {"type": "string"}}},
            ]
        }
    )

    frequency: Frequency
    """How long the period of one delivery is."""
    working_day: Annotated[Count | None, Field(json_schema_extra={"maximum": MAX_WORKING_DAY})] = None
    """The nth working day (Scottish calendar) of each month or quarter."""
    cron: Line | None = None
    """Five cron fields, or @daily, @weekly, @monthly."""
    start_on: Day
    """First day on which it may be delivered."""
    end_on: Day
    """Last day on which it may be delivered."""
    review_on: Day
    """By when it is looked at again; between start and end."""

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
    """Days from each delivery, copies and backups included."""
    disposal_method: Line
    """How it is destroyed."""
    evidence_due_days: Count
    """Days after the end of retention by which the certificate of destruction is due."""


class LimitsAsked(Form):
    """Circuit breakers: outside of these nothing leaves."""

    max_rows: Count
    """Most rows of one delivery, all datasets together."""
    max_deliveries: Count
    """Most deliveries until the end, corrections included."""
    min_rows: Number = 1
    """Fewest rows of a dataset; with fewer, something went wrong."""
    change_percent: Annotated[StrictInt, Field(ge=1, le=1000)] = 50
    """Largest change in the number of rows against the delivery before."""
    k: Annotated[StrictInt, Field(ge=K_FLOOR, le=1000)] = 10
    """Smallest group of people that pseudonymised rows may show; 5 is the floor."""
    small_cells: SmallCells = SmallCells.STOP
    """What happens to people in smaller groups: nothing leaves (stop), or those rows stay (withhold)."""
    max_withheld_percent: Percent = 0
    """Under `withhold`: the largest share of rows that small groups may take out."""


class QualityTerms(Form):
    """What the data must be like to serve the purpose."""

    freshness_max_age_hours: Count
    """How long ago, at most, the source may have been loaded; no less than its contract promises."""


class Review(Form):
    """One specialist's recommendation."""

    by: Line
    """Who reviewed it."""
    on: Day
    """When."""
    outcome: ReviewOutcome
    """What they recommend."""
    comment: OptionalText = ""
    """Conditions or reasons."""


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
