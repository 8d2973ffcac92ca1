"""Reads an Open Data Contract Standard document, by the standard's own library, for `odcs` to make a dataset of.

Rules, in this order; each fault has its line, its field and what is allowed:
1. The file is strict YAML (`extracts.documents`): no duplicate fields, nothing ambiguous.
2. It is a document of the standard's version 3: its JSON schema and its model, both from `open-data-contract-standard`.
3. Custom properties, which the standard writes as a list of names and values, become named fields with their lines.
"""

from __future__ import annotations

import json
import re
from functools import cache, lru_cache
from typing import Any

from extracts.documents import Document, parse
from extracts.errors import InvalidDocument, Problem


@lru_cache(maxsize=64)  # every gate reads every contract again, which is two thirds of a second for the same bytes
def standard_document(data: bytes, source: str) -> Document:
    """The document in `data`, with custom properties of contract and columns by name. Raises InvalidDocument."""
    document = parse(data, source)
    if problems := _standard_problems(document):
        raise InvalidDocument(source, problems)
    return _with_named_properties(document)


def _standard_problems(document: Document) -> list[Problem]:
    """What the JSON schema finds, and if that finds nothing, the library's model."""
    from open_data_contract_standard.model import OpenDataContractStandard
    from pydantic import ValidationError

    found = [_schema_problem(document, fault) for fault in _validator().iter_errors(document.value)]
    if not str(document.value.get("apiVersion", "")).startswith("v3."):
        found.append(document.problem("apiVersion", "is not version 3 of the standard", ("v3.2.0",)))
    if found:
        return found
    try:
        OpenDataContractStandard.model_validate(document.value)
    except ValidationError as error:
        return [document.problem(".".join(map(str, e["loc"])), e["msg"]) for e in error.errors(include_url=False)]
    return []


@cache
def _validator() -> Any:
    from jsonschema import Draft201909Validator
    from open_data_contract_standard.model import OpenDataContractStandard

    return Draft201909Validator(json.loads(OpenDataContractStandard.json_schema()))


def _schema_problem(document: Document, fault: Any) -> Problem:
    path = ".".join(str(part) for part in fault.absolute_path)
    allowed = tuple(str(v) for v in fault.validator_value) if fault.validator == "enum" else ()
    words = _STANDARD_WORDS.get(fault.validator, "does not fit the standard ({rule})").format(rule=fault.validator)
    if fault.validator in ("additionalProperties", "unevaluatedProperties"):
        unknown = re.findall(r"'(\w+)'", fault.message.rpartition("(")[2])
        path = f"{path}.{unknown[0]}".lstrip(".") if unknown else path
    if fault.validator == "required":
        words = f"{fault.message.split()[0]} is missing"
    return document.problem(path, words, allowed)


_STANDARD_WORDS = {
    "additionalProperties": "no field of the standard has this name here",
    "unevaluatedProperties": "no field of the standard has this name here",
    "enum": "is not one of the standard's words",
    "type": "is not of the type that the standard asks for",
    "const": "is not what the standard asks for",
}


def _with_named_properties(document: Document) -> Document:
    """The document with its lists of custom properties (`property`, `value`) as mappings, and their lines with them.

    Those of the contract and of its columns. Raises InvalidDocument for one that is given twice.
    """
    lines = dict(document.lines)
    problems: list[Problem] = []

    def named(owner: Any, prefix: str) -> Any:
        if not isinstance(owner, dict) or "customProperties" not in owner:
            return owner
        found: dict[str, Any] = {}
        for number, given in enumerate(owner["customProperties"]):
            old, new = f"{prefix}customProperties.{number}", f"{prefix}customProperties.{given['property']}"
            if given["property"] in found:
                problems.append(document.problem(old, f"{given['property']} is given twice; keep one"))
            found[given["property"]] = given["value"]
            lines.update({new + p.removeprefix(f"{old}.value"): n for p, n in document.lines.items() if _under(p, old)})
        return {**owner, "customProperties": found}

    value = named(document.value, "")
    schemas = []
    for number, schema in enumerate(value.get("schema", [])):
        columns = [named(c, f"schema.{number}.properties.{i}.") for i, c in enumerate(schema.get("properties", []))]
        schemas.append({**schema, "properties": columns})
    if problems:
        raise InvalidDocument(document.source, problems)
    return Document(document.source, {**value, "schema": schemas}, lines)


def _under(path: str, old: str) -> bool:
    return path == f"{old}.value" or path.startswith(f"{old}.value.")
