"""Judges OpenLineage events by the official client's classes, which its makers generate from the published schemas.

Stricter than the schemas: a field that they do not name is refused, though most of them would let it pass.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import attr
from openlineage.client import generated
from openlineage.client.generated import base

_BY_PROPERTY = {
    "run": base.RunFacet,
    "job": base.JobFacet,
    "facets": base.DatasetFacet,
    "inputFacets": base.InputDatasetFacet,
    "outputFacets": base.OutputDatasetFacet,
}
# Made for inputs, and told of outputs by the same name, as other producers do.
_ALSO_OF_OUTPUTS = "DataQualityAssertionsDatasetFacet"


def event_problems(event: Mapping[str, Any]) -> list[str]:
    """What the specification says against an event, with the place; empty if it conforms."""
    return list(_problems(base.RunEvent, event, "event"))


def _classes() -> dict[str, type]:
    found: dict[str, type] = {}
    for module in pkgutil.iter_modules(generated.__path__, "openlineage.client.generated."):
        found |= {k: v for k, v in vars(importlib.import_module(module.name)).items() if attr.has(v)}
    return found


def _problems(kind: type, value: Any, place: str) -> Iterator[str]:
    if not isinstance(value, Mapping):
        yield f"{place}: is no object"
        return
    fields = {f.name: f for f in attr.fields(kind)}
    yield from (f"{place}.{name}: no such field" for name in value.keys() - fields.keys())
    needed = {n for n, f in fields.items() if f.default is attr.NOTHING} | (set(fields) & set(_SAYS_WHO))
    yield from (f"{place}.{name}: is missing" for name in needed - value.keys())
    yield from _schema_problems(kind, value, place)
    hints = get_type_hints(kind)
    for name in value.keys() & fields.keys():
        if name in ("facets", "inputFacets", "outputFacets"):
            yield from _facet_problems(_facet_kind(place, name), value[name], f"{place}.{name}")
        else:
            yield from _value_problems(hints[name], value[name], f"{place}.{name}")
            yield from _validator_problems(fields[name], value[name], f"{place}.{name}")


_SAYS_WHO = ("_producer", "_schemaURL", "producer", "schemaURL")


def _schema_problems(kind: type, value: Mapping[str, Any], place: str) -> Iterator[str]:
    said = value.get("_schemaURL") or value.get("schemaURL")
    if said and said != kind._get_schema():  # type: ignore[attr-defined]
        yield f"{place}: names the schema {said}, but the current one is {kind._get_schema()}"  # type: ignore[attr-defined]


def _facet_kind(place: str, name: str) -> type:
    if name == "facets":
        return _BY_PROPERTY.get(place.rpartition(".")[2], base.DatasetFacet)
    return _BY_PROPERTY[name]


def _facet_problems(kind: type, facets: Mapping[str, Any], place: str) -> Iterator[str]:
    known = _classes()
    for name, facet in facets.items():
        title = str(facet.get("_schemaURL", "")).rpartition("/")[2]
        if title not in known:
            yield f"{place}.{name}: {title!r} is no facet of the specification"
        elif not issubclass(known[title], kind) and title != _ALSO_OF_OUTPUTS:
            yield f"{place}.{name}: {title} does not belong here"
        else:
            yield from _problems(known[title], facet, f"{place}.{name}")


def _value_problems(hint: Any, value: Any, place: str) -> Iterator[str]:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        [inner] = [a for a in arguments if a is not NoneType]
        yield from () if value is None else _value_problems(inner, value, place)
    elif origin is list:
        yield from _items(value, list, place, lambda v, p: _value_problems(arguments[0], v, p))
    elif origin is dict:
        yield from _items(value, dict, place, lambda v, p: _value_problems(arguments[1], v, p))
    elif attr.has(hint):
        yield from _problems(hint, value, place)
    elif isinstance(hint, type) and issubclass(hint, Enum):
        if value not in {e.value for e in hint}:
            yield f"{place}: is none of {[e.value for e in hint]}"
    elif hint is not Any and (not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool)):
        yield f"{place}: is {type(value).__name__}, not {hint.__name__}"


def _items(value: Any, kind: type, place: str, judge: Any) -> Iterator[str]:
    if not isinstance(value, kind):
        yield f"{place}: is no {kind.__name__}"
        return
    pairs = value.items() if kind is dict else enumerate(value)
    for key, item in pairs:
        yield from judge(item, f"{place}.{key}")


def _validator_problems(field: Any, value: Any, place: str) -> Iterator[str]:
    """What the client's own validators say: times, addresses, ids."""
    if field.validator is None or not isinstance(value, str):
        return
    try:
        field.validator(None, field, value)
    except ValueError as error:
        yield f"{place}: {error}"
