"""How two versions of a request differ, field by field, and the names by which people point at a field.

Rules:
1. A field is named by its path: `purpose.necessity`, `retention.days`, `datasets.benefit_cap.children.treatment`,
   `datasets.benefit_cap.rows`. People may leave `datasets.` out.
2. Entries of a list are known by what they are about (a dataset's name, a column's, an organisation's), never by their
   place: another order is no difference.
3. Every difference is told; none is hidden by being the same in words. `version` alone says nothing and is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, get_args

from extracts.agreement.request import Request
from extracts.agreement.request_summary import condition_in_words
from extracts.canonical import canonical_json
from extracts.catalogue.forms import Form
from extracts.errors import UsageError

_KNOWN_BY = ("dataset", "name", "organisation", "recipient")
_ABSENT = "(nothing)"
_Path = tuple[str, ...]


@dataclass(frozen=True)
class Difference:
    """One field as it was and as it is; `(nothing)` where it is missing."""

    field: str
    before: str
    after: str

    def __str__(self) -> str:
        if self.before == _ABSENT:
            return f"{self.field}: added: {self.after}"
        if self.after == _ABSENT:
            return f"{self.field}: left out; it was: {self.before}"
        return f"{self.field}: {self.before} -> {self.after}"


def differences(before: Request, after: Request) -> tuple[Difference, ...]:
    """What the later version says otherwise, in the order of its fields; what it left out comes last.

    An entry of a list that is new, or gone, is one difference.
    """
    old, new = _fields(before), _fields(after)
    changed = [path for path in (*new, *(p for p in old if p not in new)) if old.get(path) != new.get(path)]
    subjects = dict.fromkeys(_subject(path, _entries(old) ^ _entries(new)) for path in changed)
    return tuple(_difference(path, old, new) for path in subjects if path != ("version",))


def fields_of(request: Request) -> dict[str, str]:
    """Every field of a request that has a value, in words, by its path."""
    return {".".join(path): value for path, value in _fields(request).items()}


def touches(field: str, pointed_at: str) -> bool:
    """Whether a field is the one that was pointed at, or a part of it."""
    return field == pointed_at or field.startswith(f"{pointed_at}.")


def field_named(request: Request, name: str) -> str:
    """The path of the field that somebody points at: one that the request has, or that it could have.

    Raises UsageError, with the nearest names.
    """
    known = {*_with_parents(fields_of(request)), *declared_fields()}
    for path in (name, f"datasets.{name}"):
        if path in known:
            return path
    near = get_close_matches(name, known, n=3, cutoff=0.5)
    advice = f"Nearest: {', '.join(near)}." if near else "Such as purpose.necessity, or <dataset>.<column>."
    raise UsageError(f"{request.request_id} has no field of the name that was given.", advice=advice)


def declared_fields() -> frozenset[str]:
    """The path of every field that a request can have, apart from what its lists hold."""
    return frozenset(_declared(Request))


def _fields(request: Request) -> dict[_Path, str]:
    rows: dict[_Path, str] = {
        ("datasets", d.dataset, "rows"): "; ".join(map(condition_in_words, d.rows)) for d in request.datasets
    }
    found = {path: rows.get(path, value) for path, value in _leaves(request.document(), ())}
    return {path: value for path, value in found.items() if value}


def _leaves(value: Any, path: _Path) -> Iterator[tuple[_Path, str]]:
    if path and path[-1] == "treatment":
        yield path, " ".join([value["name"], *value["parameters"]])
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            # A dataset's columns stand right below it: `datasets.benefit_cap.children`.
            yield from _leaves(inner, path if name == "columns" and len(path) == 2 else (*path, str(name)))
    elif key := _key(value):
        for entry in value:
            yield from _leaves({n: v for n, v in entry.items() if n != key}, (*path, str(entry[key])))
    else:
        yield path, _words(value)


def _entries(fields: Mapping[_Path, str]) -> set[_Path]:
    """What is known by its name: entries of lists, and columns of datasets."""
    columns = {path[:3] for path in fields if path[0] == "datasets" and len(path) > 3}
    return columns | {path[:2] for path in fields if path[0] in ("datasets", "controllers", "processors")}


def _subject(path: _Path, on_one_side: set[_Path]) -> _Path:
    """The entry that came or went with this field, or the field itself."""
    return next((path[:n] for n in (2, 3) if path[:n] in on_one_side), path)


def _difference(subject: _Path, old: Mapping[_Path, str], new: Mapping[_Path, str]) -> Difference:
    return Difference(".".join(subject), _value(subject, old), _value(subject, new))


def _value(subject: _Path, fields: Mapping[_Path, str]) -> str:
    size = len(subject)
    inside = [f"{path[-1]} {value}" for path, value in fields.items() if size > 1 and path[:size] == subject != path]
    return fields.get(subject) or "; ".join(inside) or _ABSENT


def _key(value: Any) -> str:
    """The name of what tells a list's entries apart; empty if it is no such list."""
    if not isinstance(value, list) or not value or not all(isinstance(entry, Mapping) for entry in value):
        return ""
    for key in _KNOWN_BY:
        names = [entry.get(key) for entry in value]
        if None not in names and len(set(names)) == len(names):
            return key
    return ""


def _words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return "; ".join(map(_words, value)) or "none"
    return canonical_json(value).decode() if isinstance(value, Mapping) else str(value)


def _with_parents(paths: Iterable[str]) -> Iterator[str]:
    for path in paths:
        parts = path.split(".")
        yield from (".".join(parts[:n]) for n in range(1, len(parts) + 1))


def _declared(form: type[Form], prefix: str = "") -> Iterator[str]:
    """Fields that may be given, also where this request leaves them out; what lists hold is named by the request."""
    for name, field in form.model_fields.items():
        yield f"{prefix}{name}"
        kinds = (field.annotation, *get_args(field.annotation))
        inner = next((k for k in kinds if isinstance(k, type) and issubclass(k, Form)), None)
        if inner:
            yield from _declared(inner, f"{prefix}{name}.")
