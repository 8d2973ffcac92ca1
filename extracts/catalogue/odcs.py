"""Reads contracts: Open Data Contract Standard v3 documents, by the standard's own library, into `Dataset` values.

Rules, in this order; each fault has its line, its field and what is allowed:
1. The file is strict YAML (`extracts.documents`): no duplicate fields, nothing ambiguous.
2. It is a document of the standard: its JSON schema and its model, both from `open-data-contract-standard`.
3. It has what this software needs of the standard, and only the custom properties that `contract_forms` declares.
4. It makes sense (`contract_sense`): columns that are named exist, treatments fit type and classification, and so on.
5. `view.sql` creates the view that it names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from extracts.canonical import digest_bytes
from extracts.catalogue.contract import Column, ColumnType, Dataset, QualityRule
from extracts.catalogue.contract_forms import ColumnForm, ContractForm, QualityForm
from extracts.catalogue.contract_sense import column_type, contract_problems, decimal_size, largest_age_hours, owners
from extracts.catalogue.forms import fill
from extracts.catalogue.view import LOCK_FILE, read_lock, view_digest, view_name
from extracts.documents import Document, parse
from extracts.errors import InvalidDocument, Problem

CONTRACT_FILE = "contract.yaml"
VIEW_FILE = "view.sql"


def load_datasets(expectations: Path, sql: Path) -> dict[str, Dataset]:
    """Every dataset that has a folder with a contract, by name. Raises InvalidDocument with the faults of all files."""
    found: dict[str, Dataset] = {}
    refused: list[InvalidDocument] = []
    for contract in sorted(expectations.glob(f"*/{CONTRACT_FILE}")):
        name = contract.parent.name
        try:
            found[name] = load_dataset(contract, sql / name / VIEW_FILE)
        except InvalidDocument as error:
            refused.append(error)
    if len(refused) == 1:
        raise refused[0]
    if refused:
        problems = [replace(p, field=f"{e.source}: {p.field}") for e in refused for p in e.problems]
        raise InvalidDocument(str(expectations), problems)
    return found


def load_dataset(contract: Path, view: Path) -> Dataset:
    """The dataset of one contract and its view, with the lock that lies beside the contract. Raises InvalidDocument."""
    data = _bytes(contract)
    document = parse(data, str(contract))
    _refuse(document.source, _standard_problems(document))
    named = _with_named_properties(document)
    form = fill(ContractForm, named)
    _refuse(document.source, contract_problems(named, form, contract.parent.name))
    sql = _bytes(view).decode()
    if view_name(sql, str(view)) != form.contract[0].physicalName:
        _refuse(
            str(view), [Problem("sql", f"does not create {form.contract[0].physicalName}, which the contract names")]
        )
    digest = view_digest(sql, str(view))
    lock = read_lock(contract.parent / LOCK_FILE)
    is_locked = lock and (lock.version, lock.view_digest) == (form.version, digest)
    return _dataset(form, digest_bytes(data), digest, lock.deployed_digest if lock and is_locked else "")


def _dataset(form: ContractForm, contract_digest: str, digest: str, deployed_digest: str) -> Dataset:
    schema, given = form.contract[0], form.customProperties
    key = sorted((c for c in schema.properties if c.primaryKey), key=lambda c: c.primaryKeyPosition)
    return Dataset(
        name=form.name,
        version=form.version,
        title=given.title,
        description=f"{form.description.purpose} One row: {schema.dataGranularityDescription}.",
        system=form.servers[0].server,
        relation=schema.physicalName,
        owner=owners(form)[0],
        controller=given.controller,
        load_tables=given.loadTables,
        max_age_hours=largest_age_hours(form),
        key=tuple(c.name for c in key),
        persons=given.persons,
        period_kind=given.periodKind,
        columns=tuple(_column(c) for c in schema.properties),
        view_digest=digest,
        contract_digest=contract_digest,
        period_column=given.periodColumn or "",
        partition_column=given.partitionColumn or "",
        restricted_column=given.restrictedColumn,
        safe_address_column=given.safeAddressColumn,
        authoritative_for=given.authoritativeFor,
        not_authoritative_for=dict(given.notAuthoritativeFor),
        quality=(*(_rule(q) for q in schema.quality), *(r for c in schema.properties for r in _column_rules(c))),
        deployed_view_digest=deployed_digest,
    )


def _column(form: ColumnForm) -> Column:
    precision, scale = decimal_size(form)
    minimum, maximum = form.logicalTypeOptions.minimum, form.logicalTypeOptions.maximum
    return Column(
        name=form.name,
        type=column_type(form) or ColumnType.STRING,
        meaning=form.description,
        classification=form.classification,
        identifier=form.customProperties.identifier,
        identifier_kind=form.customProperties.identifierKind or "",
        unit=form.customProperties.unit or "",
        nullable=not form.required,
        precision=precision,
        scale=scale,
        treatments=form.customProperties.treatments,
        allowed_values=tuple(v.value for v in form.enum),
        minimum="" if minimum is None else str(minimum),
        maximum="" if maximum is None else str(maximum),
    )


def _column_rules(form: ColumnForm) -> Iterator[QualityRule]:
    return (_rule(q, column=form.name) for q in form.quality)


def _rule(form: QualityForm, **more: str) -> QualityRule:
    return QualityRule(form.implementation.type, {**more, **form.implementation.kwargs}, form.description)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidDocument(str(path), [Problem("file", f"cannot be read ({error.strerror})")]) from None


def _refuse(source: str, problems: list[Problem]) -> None:
    if problems:
        raise InvalidDocument(source, problems)


# --- the standard, by its own library ---------------------------------------------------------------------------------


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


# --- custom properties ------------------------------------------------------------------------------------------------


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
    _refuse(document.source, problems)
    return Document(document.source, {**value, "schema": schemas}, lines)


def _under(path: str, old: str) -> bool:
    return path == f"{old}.value" or path.startswith(f"{old}.value.")
