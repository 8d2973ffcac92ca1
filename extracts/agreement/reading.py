"""Reads a value back from the JSON that was signed or published. Faults name the field, never the value.

`read_exactly` also refuses what says more, or in another spelling, than the value that was read: else two readers of
one document could see two things in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Protocol, TypeVar

from extracts.canonical import plain
from extracts.errors import InvalidDocument, Problem


class Documented(Protocol):
    """A value that can be written as plain JSON values."""

    def document(self) -> dict[str, Any]:
        """The value as plain JSON values."""


D = TypeVar("D", bound=Documented)


def read_value(kind: type[D], document: Mapping[str, Any], source: str) -> D:
    """The value whose `document()` this is. Raises InvalidDocument."""
    from pydantic import ValidationError

    try:
        found: D = _adapter(kind).validate_python(dict(document))
    except ValidationError as error:
        problems = [Problem(".".join(str(p) for p in e["loc"]), e["msg"]) for e in error.errors(include_input=False)]
        raise InvalidDocument(source, problems) from None
    return found


def read_exactly(kind: type[D], document: Mapping[str, Any], source: str) -> D:
    """The value whose `document()` this is, and nothing but it. Raises InvalidDocument."""
    found = read_value(kind, document, source)
    try:
        same = found.document() == plain(document)
    except (TypeError, ValueError):
        same = False
    if not same:
        problem = Problem("document", "says more, or otherwise, than this version of the software understands")
        raise InvalidDocument(source, [problem])
    return found


@lru_cache(maxsize=16)
def _adapter(kind: type[Any]) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)
