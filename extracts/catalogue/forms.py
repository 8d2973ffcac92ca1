"""Strict forms: a parsed document becomes a frozen model, or a list of faults with line, field and what is allowed.

Rules:
1. A field that the form does not have is a fault; the nearest names are offered.
2. Text is data: quotes and SQL in it are harmless and kept. Characters that cannot be seen (controls, text that runs
   backwards, zero-width) are refused, for they make two different texts look alike to a signer.
3. A fault never repeats a value that was typed, except a misspelt word of a closed list.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from difflib import get_close_matches
from typing import Annotated, Any, TypeVar, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    ValidationError,
    WithJsonSchema,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from extracts.documents import Document
from extracts.errors import InvalidDocument, Problem, UsageError

_UNSEEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


class Form(BaseModel):
    """Base of every form: immutable, and nothing that is not declared."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


F = TypeVar("F", bound=Form)


def clean_text(text: str) -> str:
    """NFC, spaces collapsed, paragraphs kept. Raises PydanticCustomError at a character that cannot be seen."""
    if any(unicodedata.category(c) in _UNSEEN and c not in "\n\t\r" for c in text):
        raise PydanticCustomError("unseen_character", "contains a control or invisible character; remove it")
    paragraphs = (" ".join(part.split()) for part in re.split(r"\n\s*\n", unicodedata.normalize("NFC", text)))
    return "\n\n".join(p for p in paragraphs if p)


def readable(name: str, text: str) -> str:
    """A text handed in by a call, cleaned. Raises UsageError if nothing is left, or something in it cannot be seen."""
    try:
        cleaned = clean_text(text)
    except PydanticCustomError as error:
        raise UsageError(f"{name}: {error.message()}.") from None
    if not cleaned:
        raise UsageError(f"This needs its {name}.", advice="Say it in words that whoever reads it can use.")
    return cleaned


def _filled(text: str) -> str:
    if not text:
        raise PydanticCustomError("empty", "is empty; write something")
    return text


def _shape(pattern: str, example: str) -> AfterValidator:
    compiled = re.compile(pattern)

    def check(text: str) -> str:
        if not compiled.fullmatch(text):
            raise PydanticCustomError(
                "shape", "does not have the right shape; an example: {example}", {"example": example}
            )
        return text

    return AfterValidator(check)


def _iso_date(value: Any) -> Any:
    if isinstance(value, date) or (isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value)):
        return value
    raise PydanticCustomError("iso_date", "must be a date written as 2026-11-23")


def _in_reach(day: date) -> date:
    # Years beyond are placeholders such as 9999-12-31, and counting on from them leaves the calendar.
    if not 1900 <= day.year <= 2199:
        raise PydanticCustomError("year", "must be a day from 1900 to 2199")
    return day


def _no_rehearsal(request_id: str) -> str:
    if request_id.startswith(_REHEARSALS):
        raise PydanticCustomError("rehearsals", "must not begin with TEST-: so begin the names of rehearsals")
    return request_id


_SLUG = r"[a-z0-9]+(-[a-z0-9]+)*"
_REQUEST_ID = r"[A-Z][A-Z0-9]*(-[A-Z0-9]+)+"
_REHEARSALS = "TEST-"  # what a rehearsal is called begins with it (handover.rehearsal)

_AT_LEAST_ONE = {"minLength": 1}  # for editors; the reader says it in words
Line = Annotated[
    str, Field(max_length=200, json_schema_extra=_AT_LEAST_ONE), AfterValidator(clean_text), AfterValidator(_filled)
]
Paragraph = Annotated[
    str, Field(max_length=4000, json_schema_extra=_AT_LEAST_ONE), AfterValidator(clean_text), AfterValidator(_filled)
]
OptionalText = Annotated[str, Field(max_length=4000), AfterValidator(clean_text)]
Slug = Annotated[str, Field(max_length=64, pattern=f"^{_SLUG}$")]
RequestId = Annotated[
    str,
    Field(max_length=24, pattern=f"^{_REQUEST_ID}$"),
    _shape(_REQUEST_ID, "SDDSB-2026-014"),
    AfterValidator(_no_rehearsal),
]
Name = Annotated[str, Field(max_length=48, pattern=r"^[a-z][a-z0-9_]*$")]
Email = Annotated[str, Field(max_length=120, pattern=r"^[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$")]
Uri = Annotated[str, Field(max_length=500, pattern=r"^https://[A-Za-z0-9.-]+(:\d+)?(/[^\s\"'<>\\]*)?$")]
OnsCode = Annotated[str, Field(pattern=r"^[A-Z]\d{8}$")]
_DAY_SCHEMA = {"type": "string", "format": "date", "pattern": r"^(19|2[01])\d\d-\d\d-\d\d$"}
Day = Annotated[date, BeforeValidator(_iso_date), AfterValidator(_in_reach), WithJsonSchema(_DAY_SCHEMA)]
Count = Annotated[StrictInt, Field(ge=1, le=2**53 - 1)]
Number = Annotated[StrictInt, Field(ge=0, le=2**53 - 1)]
Percent = Annotated[StrictInt, Field(ge=0, le=100)]
Flag = StrictBool


def fill(form: type[F], document: Document) -> F:
    """The document as a form. Raises InvalidDocument with every fault, not only the first."""
    try:
        return form.model_validate(document.value)
    except ValidationError as error:
        faults = error.errors(include_url=False)
        problems = [_problem(form, document, fault) for fault in faults if not _follows(fault, faults)]
        raise InvalidDocument(document.source, problems) from None


def _follows(fault: ErrorDetails, faults: list[ErrorDetails]) -> bool:
    """Whether a list is called too short only because the faulty items in it were not counted."""
    here = fault["loc"]
    return fault["type"] == "too_short" and any(f["loc"][: len(here)] == here and f is not fault for f in faults)


def _problem(form: type[Form], document: Document, fault: ErrorDetails) -> Problem:
    path = ".".join(str(part) for part in fault["loc"])
    message, allowed = _told(form, fault)
    return document.problem(path, message, allowed)


def _told(form: type[Form], fault: ErrorDetails) -> tuple[str, tuple[str, ...]]:
    kind, context = fault["type"], fault.get("ctx", {})
    if "allowed" in context:
        return fault["msg"], tuple(context["allowed"])
    if kind == "missing":
        return "is missing", ()
    if kind == "extra_forbidden":
        return "no field has this name", _nearest(form, fault["loc"])
    if kind in ("enum", "literal_error"):
        return not_a_word(fault["input"]), tuple(re.findall(r"'([^']*)'", str(context.get("expected", ""))))
    if kind == "too_short":
        return f"needs at least {context.get('min_length', 1)}", ()
    if kind == "string_pattern_mismatch":
        return f"does not have the right shape ({context.get('pattern', '')})", ()
    return _PLAIN.get(kind, fault["msg"]), ()


_PLAIN = {
    "string_type": "must be text; put it in quotes if it looks like a number",
    "int_type": "must be a whole number, without quotes",
    "bool_type": "must be true or false",
    "tuple_type": "must be a list; write [] if there are none",
    "model_type": "must be a group of fields",
    "model_attributes_type": "must be a group of fields",
    "dict_type": "must be a group of names with values",
}


def not_a_word(found: Any) -> str:
    """Says that something is not in a closed list, quoting it only if it can be nothing but a misspelt word."""
    plain = isinstance(found, str) and re.fullmatch(r"[A-Za-z0-9 _().-]{1,40}", found)
    return f"{found!r} is not one of the words" if plain else "is not one of the words"


def _nearest(form: type[Form], loc: tuple[int | str, ...]) -> tuple[str, ...]:
    inner = _form_at(form, loc[:-1])
    names = [f.alias or n for n, f in inner.model_fields.items()] if inner else []
    return tuple(get_close_matches(str(loc[-1]), names, n=3, cutoff=0.6)) or tuple(names)


def _form_at(form: type[Form], loc: tuple[int | str, ...]) -> type[Form] | None:
    current: type[Form] | None = form
    for part in loc:
        if current is None:
            return None
        fields = {f.alias or n: f for n, f in current.model_fields.items()}
        if part in fields:
            current = _form_in(fields[str(part)].annotation)
    return current


def _form_in(annotation: Any) -> type[Form] | None:
    if isinstance(annotation, type) and issubclass(annotation, Form):
        return annotation
    return next((found for inner in get_args(annotation) if (found := _form_in(inner))), None)
