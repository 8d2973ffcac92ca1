"""Writes the manifest's reference page from the fields themselves, so that page and software agree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from types import NoneType
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from extracts.handover.manifest import AFTER_THE_MANIFEST, PREDICATE_TYPE, Manifest
from extracts.handover.statement import STATEMENT_TYPE

_INTRODUCTION = f"""\
# The manifest

`manifest.json` says everything that is true of one delivery. It is an
[in-toto Statement](https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md) (`{STATEMENT_TYPE}`) whose
predicate is of the type `{PREDICATE_TYPE}`. The type is a name, not an address.

- `subject` names every file of the delivery with its SHA-256, except those that come after the manifest:
  {", ".join(f"`{name}`" for name in AFTER_THE_MANIFEST)}.
- The bytes of the file are what is signed: keys sorted, two spaces, UTF-8, one newline at the end. A reader refuses any
  other form, and any field that is not on this page.
- Times are UTC, dates inclusive, digests `sha256:<64 hex>`. There are no values of people in it, and no keys.

Sections and fields of `predicate`, in alphabetical order in the file, here in the order in which they are best read:
"""


def manifest_reference() -> str:
    """The text of docs/reference/manifest.md."""
    lines = [_INTRODUCTION, *_table(Manifest)]
    for part in _parts(Manifest, []):
        lines += ["", f"## {part.__name__}", "", (part.__doc__ or "").splitlines()[0], "", *_table(part)]
    return "\n".join([*lines, ""])


def _table(part: type[Any]) -> Iterator[str]:
    yield "| field | type | meaning |"
    yield "|---|---|---|"
    for name, kind, meaning in _fields(part):
        yield f"| `{name}` | {_type_text(kind)} | {meaning} |"


def _fields(part: type[Any]) -> Iterator[tuple[str, Any, str]]:
    hints = get_type_hints(part, include_extras=True)
    for field in fields(part):
        kind, meaning = get_args(hints[field.name])
        yield field.name, kind, meaning


def _parts(part: type[Any], seen: list[type[Any]]) -> list[type[Any]]:
    for _, kind, _ in _fields(part):
        inner = _inner(kind)
        if is_dataclass(inner) and inner not in seen:
            seen.append(inner)  # type: ignore[arg-type]
            _parts(inner, seen)  # type: ignore[arg-type]
    return seen


def _inner(kind: Any) -> Any:
    arguments = [a for a in get_args(kind) if a not in (NoneType, Ellipsis)]
    return _inner(arguments[0]) if arguments and get_origin(kind) is not Annotated else kind


def _type_text(kind: Any) -> str:
    inner = _inner(kind)
    name = f"[{inner.__name__}](#{inner.__name__.lower()})" if is_dataclass(inner) else _WORDS[inner]  # type: ignore[union-attr]
    if get_origin(kind) is tuple:
        return f"list of {name}"
    return f"{name} or null" if NoneType in get_args(kind) else name


_WORDS = {str: "text", int: "whole number", bool: "true or false", date: "date", datetime: "time"}
