"""Makes datasets of contracts: Open Data Contract Standard v3 documents, each with the view that it promises.

Rules, in this order; each fault has its line, its field and what is allowed:
1. The file is a document of the standard (`odcs_document`).
2. It has what this software needs of the standard, and only the custom properties that `contract_forms` declares.
3. It makes sense (`contract_sense`): columns that are named exist, treatments fit type and classification, and so on.
4. `view.sql` creates the view that it names. A folder of Parquet files has none: its contract names the folder.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from extracts.canonical import digest as canonical_digest
from extracts.canonical import digest_bytes
from extracts.catalogue.column_sense import column_type, decimal_size
from extracts.catalogue.contract import Column, ColumnType, Dataset, QualityRule, SourceKind
from extracts.catalogue.contract_forms import ColumnForm, ContractForm, QualityForm
from extracts.catalogue.contract_sense import contract_problems, largest_age_hours, owners
from extracts.catalogue.forms import fill
from extracts.catalogue.locked_view import LOCK_FILE, ViewLock, lock_of, read_locks
from extracts.catalogue.odcs_document import standard_document
from extracts.catalogue.view import view_digest, view_name
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
    document = standard_document(data, str(contract))
    form = fill(ContractForm, document)
    _refuse(document.source, contract_problems(document, form, contract.parent.name))
    if form.customProperties.sourceKind is SourceKind.PARQUET:
        return _dataset(form, digest_bytes(data), folder_digest(form), None)
    digest = _view_digest(form, view)
    lock = lock_of(read_locks(contract.parent / LOCK_FILE), form.version)
    is_locked = lock is not None and lock.view_digest == digest
    return _dataset(form, digest_bytes(data), digest, lock if is_locked else None)


def folder_digest(form: ContractForm) -> str:
    """What stands for the view of a dataset that is a folder of files, and has none."""
    return canonical_digest(
        {"folder": form.contract[0].physicalName, "loadStamp": form.customProperties.loadStamp.value}
    )


def _view_digest(form: ContractForm, view: Path) -> str:
    sql = _bytes(view).decode()
    if view_name(sql, str(view)) != form.contract[0].physicalName:
        _refuse(
            str(view), [Problem("sql", f"does not create {form.contract[0].physicalName}, which the contract names")]
        )
    return view_digest(sql, str(view))


def _dataset(form: ContractForm, contract_digest: str, digest: str, lock: ViewLock | None) -> Dataset:
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
        period_end_column=given.periodEndColumn or "",
        partition_column=given.partitionColumn or "",
        restricted_column=given.restrictedColumn,
        safe_address_column=given.safeAddressColumn,
        coverage=tuple(sorted(set(given.coverage))),
        authoritative_for=given.authoritativeFor,
        not_authoritative_for=dict(given.notAuthoritativeFor),
        quality=(*(_rule(q) for q in schema.quality), *(r for c in schema.properties for r in _column_rules(c))),
        source_kind=given.sourceKind,
        consistent_read=given.consistentRead,
        load_stamp=given.loadStamp,
        deployed_view_digest=lock.deployed_digest if lock else "",
        control_digests=dict(lock.controls) if lock else {},
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
