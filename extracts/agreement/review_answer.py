"""What somebody answers to a review: a recommendation, column by column where they like, with conditions and reasons.

Rules:
1. It is read strictly, wherever it was typed: a form in Airflow passes on whatever its user sent.
2. A column that is advised on is one that was asked for, named once; refusing one takes a reason.
3. Conditions come with `supports with conditions` and with nothing else.
4. The Board's answer names the members who were there, each once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from extracts.agreement.request import Request, refused_names
from extracts.agreement.request_words import ReviewOutcome
from extracts.canonical import digest
from extracts.catalogue.forms import Email, Flag, Form, Line, Name, Paragraph, fill
from extracts.documents import Document
from extracts.errors import InvalidDocument, Problem, UsageError


def _once_each(given: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(given)) < len(given):
        raise PydanticCustomError("twice", "names somebody twice")
    return tuple(sorted(given))


class ColumnAdvice(Form):
    """What is recommended about one column."""

    dataset: Name
    column: Name
    grant: Flag
    reason: Line | None = None

    @model_validator(mode="after")
    def _reasoned(self) -> ColumnAdvice:
        if not self.grant and self.reason is None:
            raise PydanticCustomError("reason", "needs its reason: why should this column be refused?")
        return self


class ReviewAnswer(Form):
    """One answer. `present`: the Board's members who were there; empty for every other review."""

    outcome: ReviewOutcome
    reasons: Paragraph
    columns: tuple[ColumnAdvice, ...] = Field(default=(), max_length=500)
    conditions: tuple[Paragraph, ...] = Field(default=(), max_length=50)
    present: Annotated[tuple[Email, ...], AfterValidator(_once_each)] = ()

    @model_validator(mode="after")
    def _conditions_are_meant(self) -> ReviewAnswer:
        if bool(self.conditions) != (self.outcome is ReviewOutcome.SUPPORTS_WITH_CONDITIONS):
            word = ReviewOutcome.SUPPORTS_WITH_CONDITIONS.value
            raise PydanticCustomError(
                "conditions", "{told}", {"told": f"conditions go with `{word}`, and it with them"}
            )
        return self

    @model_validator(mode="after")
    def _each_column_once(self) -> ReviewAnswer:
        named = [(c.dataset, c.column) for c in self.columns]
        if len(set(named)) < len(named):
            raise PydanticCustomError("columns", "advises on the same column twice")
        return self

    def document(self) -> dict[str, Any]:
        """The answer as plain JSON values; `answer_from_document` reads it back."""
        return self.model_dump(mode="json", exclude_none=True)

    @property
    def digest(self) -> str:
        """The digest by which the ledger names it."""
        return digest(self.document())

    @property
    def refused(self) -> tuple[str, ...]:
        """Each column that it would refuse, with the reason."""
        return tuple(f"{c.dataset}.{c.column}: {c.reason}" for c in self.columns if not c.grant)


def parse_answer(document: Document, request: Request) -> ReviewAnswer:
    """The answer in a document, about this request. Raises InvalidDocument."""
    answer = fill(ReviewAnswer, document)
    asked = {f"{dataset}.{column}" for dataset, column in request.asked_columns()}
    problems = [
        document.problem(f"columns.{n}.column", "was not asked for", tuple(sorted(asked)))
        for n, c in enumerate(answer.columns)
        if f"{c.dataset}.{c.column}" not in asked
    ]
    if problems:
        raise InvalidDocument(document.source, problems)
    return answer


def answer_from_document(value: Mapping[str, Any]) -> ReviewAnswer:
    """The answer that `ReviewAnswer.document()` wrote. Raises InvalidDocument."""
    return fill(ReviewAnswer, Document("answer", dict(value)))


def answer_in_lines(
    request: Request, outcome: str, reasons: str, refuse: str = "", conditions: str = "", present: str = ""
) -> ReviewAnswer:
    """An answer as a form gives it: texts with one entry a line. `refuse`: `column: why`, for each column refused.

    Raises InvalidDocument.
    """
    columns = [
        {"dataset": dataset, "column": column, "grant": False, **({"reason": why} if why else {})}
        for name, _, why in (map(str.strip, line.partition(":")) for line in _lines(refuse))
        for dataset, column in _asked(request, name)
    ]
    value = {
        "outcome": outcome,
        "reasons": reasons,
        "columns": columns,
        "conditions": _lines(conditions),
        "present": _lines(present),
    }
    return parse_answer(Document("answer", value), request)


def _asked(request: Request, name: str) -> list[tuple[str, str]]:
    try:
        return sorted(refused_names(request, [name]))
    except UsageError:
        allowed = tuple(".".join(pair) for pair in request.asked_columns())
        raise InvalidDocument(
            "answer", [Problem("refuse", "names a column that was not asked for", None, allowed)]
        ) from None


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]
