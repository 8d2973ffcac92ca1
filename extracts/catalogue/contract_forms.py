"""What this software reads of an ODCS document: the fields it uses, and the custom properties it adds to the standard.

Rules:
1. Custom properties are the only extension; each has one name, one form and one place. An unknown one is a fault, or a
   slip of the pen would switch a protection off without a sign.
2. Fields of the standard that are not read here (support, price, ...) may stand in a contract.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Field, StrictBool, StrictInt, model_validator
from pydantic_core import PydanticCustomError

from extracts.catalogue.contract import (
    Classification,
    ConsistentRead,
    Identifiability,
    Identifier,
    LoadStamp,
    PeriodKind,
    SourceKind,
)
from extracts.catalogue.forms import Form, Line, Name, OnsCode, Paragraph, Slug

Version = Annotated[str, Field(pattern=r"^[1-9]\d{0,3}\.\d{1,4}\.\d{1,4}$")]
Relation = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$")]
Treatments = dict[Identifiability, tuple[Line, ...]]


class Read(Form):
    """A group of fields of the standard; those that are not read are left to the standard."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class DatasetProperties(Form):
    """Custom properties of the whole contract."""

    title: Line
    controller: Slug
    loadTables: tuple[Name, ...] = Field(min_length=1)
    persons: tuple[Name, ...] = Field(min_length=1)
    periodKind: PeriodKind
    periodColumn: Name | None = None
    periodEndColumn: Name | None = None
    partitionColumn: Name | None = None
    restrictedColumn: Name
    safeAddressColumn: Name
    coverage: tuple[OnsCode, ...] = Field(min_length=1)
    authoritativeFor: tuple[Line, ...] = Field(min_length=1)
    notAuthoritativeFor: dict[Line, Line]
    sourceKind: SourceKind = SourceKind.POSTGRESQL
    consistentRead: ConsistentRead = ConsistentRead.REQUIRED
    loadStamp: LoadStamp = LoadStamp.DECLARED


class ColumnProperties(Form):
    """Custom properties of one column. `treatments` must be given: `{}` says that the column never leaves."""

    identifier: Identifier = Identifier.NONE
    identifierKind: Line | None = None
    unit: Line | None = None
    treatments: Treatments


class _Implementation(Form):
    type: Name
    kwargs: dict[str, Any] = {}


class QualityForm(Read):
    """A standing rule: Great Expectations' own name and arguments, and why it matters."""

    type: str
    engine: str
    description: Paragraph
    implementation: _Implementation

    @model_validator(mode="after")
    def _is_ours(self) -> QualityForm:
        if (self.type, self.engine) != ("custom", "greatExpectations"):
            raise PydanticCustomError("quality", "must be of type custom, for the engine greatExpectations")
        return self


class ValueForm(Read):
    """One allowed value."""

    value: Line


class OptionsForm(Form):
    """The smallest and largest value, both included."""

    minimum: StrictInt | Line | None = None
    maximum: StrictInt | Line | None = None


class ColumnForm(Read):
    """One column of the curated view."""

    name: Name
    logicalType: str
    physicalType: Line
    description: Paragraph
    classification: Classification
    required: StrictBool = False
    primaryKey: StrictBool = False
    primaryKeyPosition: StrictInt = 0
    logicalTypeOptions: OptionsForm = OptionsForm()
    enum: tuple[ValueForm, ...] = ()
    customProperties: ColumnProperties
    quality: tuple[QualityForm, ...] = ()


class SchemaForm(Read):
    """The curated view: the one relation that the contract is about."""

    name: Name
    physicalName: Relation
    dataGranularityDescription: Line
    properties: tuple[ColumnForm, ...] = Field(min_length=1)
    quality: tuple[QualityForm, ...] = ()


class MemberForm(Read):
    """A person of the team that answers for the dataset."""

    username: Line
    role: Line | None = None


class TeamForm(Read):
    """The team that answers for the dataset."""

    members: tuple[MemberForm, ...] = Field(min_length=1)


class ServerForm(Read):
    """The system that the view is in; its address comes from the environment."""

    server: Slug


class AgreedForm(Read):
    """One service level."""

    property: str
    value: Any = None
    unit: str | None = None


class DescriptionForm(Read):
    """What the dataset is for."""

    purpose: Paragraph


class ContractForm(Read):
    """The whole document, as far as it is read."""

    name: Name
    version: Version
    description: DescriptionForm
    servers: tuple[ServerForm, ...] = Field(min_length=1, max_length=1)
    team: TeamForm
    slaProperties: tuple[AgreedForm, ...]
    customProperties: DatasetProperties
    contract: tuple[SchemaForm, ...] = Field(alias="schema", min_length=1, max_length=1)
