"""What a request asks of a dataset: columns with a reason and a treatment each, and rows by conditions, never by SQL.

Rules:
1. Each column once, by its name in the contract.
2. A condition is one comparison, or `not` one; values are text, whole numbers or true/false and are coerced to the
   contract's type when the plan is made. They are data wherever they go: no comparison can become SQL.
3. Quoting a value changes nothing: `5` and `"5"` are one value.
"""

from __future__ import annotations

import unicodedata
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, GetJsonSchemaHandler, WithJsonSchema, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from extracts.agreement.plan import Operator, SafeAddress
from extracts.catalogue.forms import Form, Line, Name, OptionalText, Paragraph, Percent, clean_text, not_a_word
from extracts.catalogue.treatments import TREATMENTS

MAX_VALUES = 1000
_SCALAR: dict[str, Any] = {"type": ["string", "number", "boolean"], "minLength": 1, "maxLength": 200}


def _value_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if not isinstance(value, str) or not value.strip():
        raise PydanticCustomError(
            "value", "must be text, a whole number, true or false; for blanks write is_null: true"
        )
    clean_text(value)
    return unicodedata.normalize("NFC", value)


Value = Annotated[str, BeforeValidator(_value_text), Field(max_length=200), WithJsonSchema(_SCALAR)]


class AskedTreatment(Form):
    """Written as a word (`year`) or, where the treatment needs something, as one pair (`age_band: 10`)."""

    name: str
    parameters: tuple[Value, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _from_word_or_pair(cls, data: Any) -> Any:
        if isinstance(data, str):
            data = {"name": data}
        if isinstance(data, dict) and set(data) not in ({"name"}, {"name", "parameters"}) and len(data) == 1:
            ((name, given),) = data.items()
            data = {"name": name, "parameters": given if isinstance(given, list) else [given]}
        if not isinstance(data, dict) or "name" not in data:
            raise PydanticCustomError("treatment", "is one treatment: a word, or one pair such as `age_band: 10`")
        if data["name"] not in TREATMENTS:
            message = not_a_word(data["name"])
            raise PydanticCustomError("treatment", "{message}", {"message": message, "allowed": tuple(TREATMENTS)})
        return data

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        words = [t.name for t in TREATMENTS.values() if not t.parameters]
        pairs = [_pair(t.name) for t in TREATMENTS.values() if t.parameters]
        return {"title": cls.__name__, "description": cls.__doc__, "anyOf": [{"enum": words}, *pairs]}


def _pair(name: str) -> dict[str, Any]:
    given = {"anyOf": [_SCALAR, {"type": "array", "items": _SCALAR, "minItems": 1}]}
    described = {"description": TREATMENTS[name].plain}
    return {
        "type": "object",
        "properties": {name: given | described},
        "required": [name],
        "additionalProperties": False,
    }


def _exactly_one(*names: str) -> dict[str, Any]:
    """For editors, what `_check_one` says to the reader."""
    given = {"not": {"type": "null"}}
    return {"oneOf": [{"required": [name], "properties": {name: given}} for name in names]}


_OPERATORS = tuple(operator.value for operator in Operator)


class Comparison(Form):
    """One comparison. `between` includes both ends, `before` and `after` exclude theirs; a blank satisfies none."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)

    equals: Value | None = None
    """Equal to this value."""
    in_: Annotated[tuple[Value, ...], Field(min_length=1, max_length=MAX_VALUES)] | None = Field(None, alias="in")
    """One of these values."""
    between: tuple[Value, Value] | None = None
    """From the first value to the second, both included."""
    before: Value | None = None
    """Less or earlier than this value."""
    after: Value | None = None
    """More or later than this value."""
    is_null: Literal[True] | None = None
    """true: has no value."""

    def stated(self) -> list[tuple[Operator, tuple[str, ...]]]:
        """(operator, values) of every comparison that is written; a valid one has exactly one, or a `not`."""
        single = ((Operator.EQUALS, self.equals), (Operator.BEFORE, self.before), (Operator.AFTER, self.after))
        several = ((Operator.IN, self.in_), (Operator.BETWEEN, self.between))
        found: list[tuple[Operator, tuple[str, ...]]] = [(o, (value,)) for o, value in single if value is not None]
        found += [(o, values) for o, values in several if values is not None]
        return [*found, (Operator.IS_NULL, ())] if self.is_null else found


class NotComparison(Comparison):
    """A comparison that must not hold; for blanks it does not hold either."""

    model_config = ConfigDict(json_schema_extra=_exactly_one(*_OPERATORS))

    @model_validator(mode="after")
    def _one(self) -> NotComparison:
        _check_one(len(self.stated()))
        return self


class RowCondition(Comparison):
    """A condition on one column. All conditions of a dataset must hold."""

    model_config = ConfigDict(json_schema_extra=_exactly_one(*_OPERATORS, "not"))

    column: Name
    """A column of the dataset's contract; it need not be delivered."""
    not_: NotComparison | None = Field(None, alias="not")
    """The comparison that must not hold; a blank does not satisfy it either."""

    @model_validator(mode="after")
    def _one(self) -> RowCondition:
        _check_one(len(self.stated()) + (self.not_ is not None))
        return self

    def comparison(self) -> tuple[Operator, tuple[str, ...], bool]:
        """(operator, values as written, negated)."""
        operator, values = (self.not_ or self).stated()[0]
        return operator, values, self.not_ is not None


def _check_one(count: int) -> None:
    if count != 1:
        words = ", ".join([*(o.value for o in Operator), "not"])
        raise PydanticCustomError("condition", "needs exactly one of: {words}", {"words": words})


class ColumnAsked(Form):
    """One column, why it is needed, and how it is to be treated."""

    name: Name
    """The column's name in the dataset's contract."""
    justification: Paragraph
    """Why the purpose cannot be met without this column."""
    treatment: AskedTreatment
    """What is done to it before it leaves, such as keep or age_band: 10."""
    filled_percent: Percent = 0
    """The smallest share of rows, in percent, that must hold a value; with fewer, nothing is delivered."""


class DatasetAsked(Form):
    """What is asked of one dataset."""

    dataset: Name
    """Name of a declared dataset."""
    used_for: Line
    """What the data is taken as evidence of; the source must be authoritative for it."""
    columns: Annotated[tuple[ColumnAsked, ...], Field(min_length=1)]
    """The columns to be delivered; no other leaves the source."""
    rows: tuple[RowCondition, ...] = ()
    """Conditions that must all hold; without any, every row of the period."""
    address_reason: OptionalText = ""
    """Why addresses are needed at all; only where an address column is asked for."""
    safe_address: SafeAddress = SafeAddress.NOT_APPLICABLE
    """For people whose address must stay hidden: `withhold rows`, or `withhold columns` for everyone."""

    @model_validator(mode="after")
    def _each_column_once(self) -> DatasetAsked:
        names = [c.name for c in self.columns]
        double = sorted({n for n in names if names.count(n) > 1})
        if double:
            raise PydanticCustomError("columns", "asks twice for: {names}", {"names": ", ".join(double)})
        return self
