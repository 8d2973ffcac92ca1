"""A request: what another body asks for, why, and on what terms. Read strictly, kept as a value with a digest.

Rules:
1. Every field is declared; a typing error is told with its line and the nearest names.
2. The digest is over meaning: order of keys, comments, quoting and spaces do not count.
3. A request that was submitted is never edited: a change is a new version.
4. It is for one recipient, or for several and says whose each row is (`request_recipients`).
5. Refusing columns gives a smaller request, and it is that one which is assessed and planned.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from extracts.agreement import request_fields as fields
from extracts.agreement import request_terms as terms
from extracts.agreement.plan import Criticality, Division
from extracts.agreement.request_recipients import DividedBy, Shares, check_recipients, division_of
from extracts.agreement.request_rows import DatasetAsked, RowCondition
from extracts.canonical import digest
from extracts.catalogue.contract import Identifiability
from extracts.catalogue.forms import Count, Day, Flag, Form, Line, OptionalText, Paragraph, RequestId, Slug, Uri, fill
from extracts.documents import Document
from extracts.errors import UsageError

_OFFERED = tuple(i.value for i in (Identifiability.IDENTIFIED, Identifiability.PSEUDONYMISED))


# For editors, what `check_recipients` says to the reader.
_ONE_OR_SEVERAL: dict[str, Any] = {
    "oneOf": [
        {"required": ["recipient"], "properties": {"recipient": {"type": "string"}}},
        {"required": ["recipients", "divided_by"], "properties": {"recipients": {"type": "array"}}},
    ]
}


def _offered(form: Identifiability) -> Identifiability:
    if form not in _OFFERED:
        message = "aggregated extracts are not offered yet: ask for pseudonymised rows, or for published statistics"
        raise PydanticCustomError("form", "{message}", {"message": message, "allowed": _OFFERED})
    return form


class Request(Form):
    """A request for data, as `examples/requests/` shows it."""

    model_config = ConfigDict(json_schema_extra=_ONE_OR_SEVERAL)

    request_id: RequestId
    """Given by the register, such as SDDSB-2026-014; stays over versions and renewals."""
    version: Count
    """Counts up from 1; a change after submission is a new version."""
    title: Line
    """One line by which people find it in lists."""
    requester: fields.Requester
    """Who asks, and for which body."""
    received_on: Day
    """The day on which the request came in, as the requester says. Clocks count from its submission to the register."""
    needed_by: Day | None = None
    """When the data is needed first, if there is such a day."""
    expedited: fields.Expedited | None = None
    """Only for an urgent request: asks for the expedited lane, with a reason."""
    criticality: Criticality
    """What a late or stopped delivery would harm: an entitlement, a service (operational) or an analysis."""
    identifiability: Annotated[
        Identifiability, AfterValidator(_offered), WithJsonSchema({"type": "string", "enum": list(_OFFERED)})
    ]
    """How much a delivered row says about who it is about."""
    recipient: Slug | None = None
    """Id of a declared recipient. Leave it out where there are several."""
    recipients: Shares | None = None
    """Several recipients, and which rows are whose: each gets its own rows, and no others."""
    divided_by: DividedBy | None = None
    """Needed with `recipients`: the column that divides the rows among them."""
    purpose: fields.PurposeAsked
    """What it is for, why it is necessary, and why less would not do."""
    legal: fields.Legal
    """The power to share and the lawful basis."""
    data_types: fields.DataTypes
    """Which kinds of data are asked for, as data protection law tells them apart."""
    data_subjects: Paragraph
    """Whose data it is, specifically."""
    territory: fields.Territory
    """ONS codes of the area, such as S92000003 (Scotland) or S12000047 (Fife)."""
    controllers: Annotated[tuple[fields.ControllerAsked, ...], Field(min_length=1)]
    """The bodies responsible for the data: the source's and the recipient's, at least."""
    processors: tuple[fields.ProcessorAsked, ...]
    """Write [] if there are none."""
    storage_locations: Annotated[tuple[Line, ...], Field(min_length=1)]
    """Where the recipient keeps it."""
    other_recipients: tuple[Line, ...]
    """Anyone else who will see the data; write [] if nobody."""
    onward_sharing: fields.OnwardSharingAsked
    """Whether the recipient wants to pass it on."""
    linkage: fields.Linkage
    """Whether it will be joined with other data."""
    reidentification_prohibited: Flag
    """Whether tracing pseudonymised rows back to people is prohibited."""
    leaves_uk: Flag
    """Whether the data leaves the United Kingdom."""
    countries: fields.Countries = ()
    """To which countries, if it does."""
    dpia: fields.Dpia
    """How far the data protection impact assessment is, and what it found."""
    privacy_notice_ref: Uri
    """Address (https) of the notice that tells people of this sharing."""
    rights: terms.Rights
    """How people's rights are met."""
    security_assurance: terms.SecurityAssurance
    """Who vouches for the recipient's security, and until when."""
    transfer: terms.Transfer
    """By which way, and in which format, the files travel."""
    schedule: terms.ScheduleAsked
    """When it is delivered, from when, and until when."""
    retention: terms.Retention
    """How long the recipient keeps it, and how it ends."""
    limits: terms.LimitsAsked
    """How many rows and deliveries there may be, and how small a group."""
    quality: terms.QualityTerms
    """How fresh the data must be to serve the purpose."""
    reviews: terms.Reviews = terms.Reviews()
    """What specialists in law, data protection and security recommend."""
    agreement_ref: Line
    """The memorandum or sharing agreement between the two bodies that this falls under."""
    special_conditions: tuple[Paragraph, ...] = ()
    """Further conditions that the recipient accepts."""
    note: OptionalText = ""
    """Anything else that the Board should know; it steers nothing."""
    datasets: Annotated[tuple[DatasetAsked, ...], Field(min_length=1)]
    """What is asked of each dataset: columns and rows."""

    @model_validator(mode="after")
    def _clear_whose(self) -> Request:
        check_recipients(self.recipient, self.recipients, self.divided_by)
        return self

    @model_validator(mode="after")
    def _each_dataset_once(self) -> Request:
        names = [d.dataset for d in self.datasets]
        if len(set(names)) < len(names):
            raise PydanticCustomError("datasets", "the same dataset twice; join their columns into one entry")
        return self

    def document(self) -> dict[str, Any]:
        """The request as plain JSON values; `request_from_document` reads it back."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    @property
    def digest(self) -> str:
        """The digest that assessment and decision name."""
        return digest(self.document())

    @property
    def recipient_ids(self) -> tuple[str, ...]:
        """Everybody whom it is for, by id."""
        return (self.recipient,) if self.recipient else tuple(sorted(s.recipient for s in self.recipients or ()))

    @property
    def division(self) -> Division | None:
        """Whose rows are whose, as plans write it; None for one recipient."""
        return division_of(self.recipients, self.divided_by)

    @property
    def of_anybody(self) -> RowCondition | None:
        """That a row belongs to one of several recipients, as a condition; None for one recipient."""
        if self.divided_by is None:
            return None
        values = [v for share in self.recipients or () for v in share.values]
        return RowCondition.model_validate({"column": self.divided_by.column, "in": values})

    def asked_columns(self) -> Iterable[tuple[str, str]]:
        """(dataset, column) of every column asked for, in the request's order."""
        return [(d.dataset, c.name) for d in self.datasets for c in d.columns]


def parse_request(document: Document) -> Request:
    """The request in a document. Raises InvalidDocument with file, line, field, fault and what is allowed."""
    return fill(Request, document)


def request_from_document(value: dict[str, Any]) -> Request:
    """The request that `Request.document()` wrote. Raises InvalidDocument."""
    return fill(Request, Document("request", value))


def request_schema() -> dict[str, Any]:
    """The JSON Schema that editors check request files with; published in docs/reference."""
    schema = Request.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def refused_names(request: Request, names: Iterable[str]) -> frozenset[tuple[str, str]]:
    """(dataset, column) for each `column` or `dataset.column`. Raises UsageError for a name that was not asked for."""
    asked = list(request.asked_columns())
    found = set()
    for name in names:
        matching = {pair for pair in asked if name in (pair[1], ".".join(pair))}
        if not matching:
            allowed = ", ".join(".".join(pair) for pair in asked)
            raise UsageError(
                f"{request.request_id} does not ask for a column {name!r}.", advice=f"Asked for: {allowed}."
            )
        found |= matching
    return frozenset(found)


def without_columns(request: Request, refused: Collection[tuple[str, str]]) -> Request:
    """The smaller request that is left. Raises UsageError if nothing is left of it."""
    if not refused:
        return request
    datasets = [
        asked.model_copy(update={"columns": kept})
        for asked in request.datasets
        if (kept := tuple(c for c in asked.columns if (asked.dataset, c.name) not in refused))
    ]
    if not datasets:
        raise UsageError(
            f"Every column of {request.request_id} would be refused.", advice="Refuse the request as a whole instead."
        )
    return request.model_copy(update={"datasets": tuple(datasets)})
