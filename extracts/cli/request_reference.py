"""Writes docs/reference/request.md from the published schema: every field of a request, group by group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_HEAD = """# Fields of a request

Written from the schema that editors check requests by ([request.schema.json](request.schema.json)). A field that is
needed is marked; every other may be left out. Texts hold no control or invisible characters, and days are written as
2026-11-23. What a rule of the policy asks beyond that is in [policy rules](policy-rules.md).
"""
_TABLE = "| field | needed | what it may be | meaning |\n|---|---|---|---|"
_KINDS = {"string": "text", "integer": "whole number", "boolean": "true or false", "number": "number"}


def request_page(schema: Mapping[str, Any]) -> str:
    """The page: the request's own fields, then each group in the order in which it is first named."""
    groups = {"Request": schema, **{name: found for name, found in schema["$defs"].items() if "properties" in found}}
    order = list(dict.fromkeys(["Request", *_named(schema, groups)]))
    return _HEAD + "".join(_group(name, groups[name], schema["$defs"]) for name in order)


def _named(group: Mapping[str, Any], groups: Mapping[str, Any]) -> Iterator[str]:
    for field in group["properties"].values():
        for name in _references(field):
            if name in groups:
                yield name
                yield from _named(groups[name], groups)


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"].rpartition("/")[2]
        for inner in value.values():
            yield from _references(inner)
    if isinstance(value, list):
        for inner in value:
            yield from _references(inner)


def _group(name: str, group: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    needed = group.get("required", [])
    rows = [
        f"| `{field}` | {'yes' if field in needed else ''} | {_may_be(found, definitions)} | {found['description']} |"
        for field, found in group["properties"].items()
    ]
    return f"\n## {name}\n\n{group['description']}\n\n{_TABLE}\n" + "\n".join(rows) + "\n"


def _may_be(field: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    """The field's form in words, such as `list of [ColumnAsked](#columnasked)`."""
    if "$ref" in field:
        return _referred(field["$ref"].rpartition("/")[2], definitions)
    if choices := [c for c in field.get("anyOf", ()) if c.get("type") != "null"]:
        return " or ".join(_may_be({**c, **_bounds(field)}, definitions) for c in choices)
    if "enum" in field or "const" in field:
        return ", ".join(f"`{str(v).lower() if v is True else v}`" for v in field.get("enum", [field.get("const")]))
    if field.get("type") == "array":
        return f"list of {_may_be(field['items'], definitions)}" if "items" in field else "list of two values"
    if isinstance(field.get("type"), list):
        return "text, number, true or false"
    kind = "day" if field.get("format") == "date" else _KINDS[field["type"]]
    least, most = field.get("minimum"), field.get("maximum")
    return f"{kind}, {least} to {most}" if least is not None and most is not None and most < 10**9 else kind


def _bounds(field: Mapping[str, Any]) -> dict[str, Any]:
    return {name: field[name] for name in ("maximum",) if name in field}


def _referred(name: str, definitions: Mapping[str, Any]) -> str:
    found = definitions[name]
    if "enum" in found or "const" in found:
        return _may_be(found, definitions)
    if name == "AskedTreatment":
        return "a [treatment](treatments.md)"
    return f"[{name}](#{name.lower()})"
