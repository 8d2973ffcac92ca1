"""contract.yaml for a recipient: what each delivered column means, as an Open Data Contract Standard v3 document.

Made from the approved plan, so it describes what was delivered and nothing else of the source. Written in the plain
form of YAML that every reader agrees about: blocks, and text in double quotes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from extracts.agreement.plan import PlannedColumn, PlannedDataset
from extracts.catalogue.contract import ColumnType
from extracts.catalogue.treatments import treatment
from extracts.handover.manifest import Manifest

_LOGICAL = {
    ColumnType.STRING: "string",
    ColumnType.INTEGER: "integer",
    ColumnType.DECIMAL: "number",
    ColumnType.DATE: "date",
    ColumnType.TIMESTAMP: "timestamp",
    ColumnType.BOOLEAN: "boolean",
}


def contract_text(manifest: Manifest, planned: PlannedDataset) -> bytes:
    """The bytes of contract.yaml for one delivered dataset."""
    file = next(f for f in manifest.files if f.dataset == planned.dataset)
    agreement = manifest.agreement
    document = {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": f"{agreement.id}.{planned.dataset}",
        "name": f"{agreement.title}: {planned.dataset}",
        "version": file.contract_version,
        "status": "active",
        "description": {
            "purpose": agreement.purpose,
            "usage": f"{file.clear_name}, after decryption of {file.name}",
            "limitations": manifest.handling.onward_sharing,
        },
        "schema": [
            {
                "name": planned.dataset,
                "physicalName": file.clear_name,
                "physicalType": "parquet",
                "properties": [_property(c, planned.dataset) for c in planned.columns],
            }
        ],
        "slaProperties": [{"property": "retention", "value": manifest.handling.retention_days, "unit": "d"}],
    }
    return "".join(line + "\n" for line in _yaml(document)).encode()


def _property(column: PlannedColumn, dataset: str) -> dict[str, Any]:
    how = treatment(column.treatment_name)
    plain = how.plain if how else column.treatment
    for name in how.parameters if how else ():
        plain = plain.replace("{" + name + "}", ", ".join(column.parameters))
    custom = {"unit": column.unit, "identifierKind": column.identifier_kind}
    return {
        "name": column.name,
        "logicalType": _LOGICAL[column.delivered_type],
        "physicalType": _physical(column),
        "description": column.meaning,
        "classification": column.classification.value,
        "transformSourceObjects": [f"{dataset}.{column.source}"],
        "transformLogic": column.treatment,
        "transformDescription": plain,
        "customProperties": [{"property": k, "value": v} for k, v in custom.items() if v],
    }


def _physical(column: PlannedColumn) -> str:
    if column.delivered_type is ColumnType.DECIMAL:
        return f"decimal({column.precision},{column.scale})"
    return column.delivered_type.value


def _yaml(value: dict[str, Any], indent: str = "") -> Iterator[str]:
    for name, found in value.items():
        if isinstance(found, dict):
            yield f"{indent}{name}:"
            yield from _yaml(found, indent + "  ")
        elif isinstance(found, list) and found:
            yield f"{indent}{name}:"
            yield from _items(found, indent + "  ")
        elif found != []:
            yield f"{indent}{name}: {_scalar(found)}"


def _items(values: list[Any], indent: str) -> Iterator[str]:
    for value in values:
        if isinstance(value, dict):
            first, *rest = _yaml(value, indent + "  ")
            yield f"{indent}- {first.lstrip()}"
            yield from rest
        else:
            yield f"{indent}- {_scalar(value)}"


def _scalar(value: str | int) -> str:
    # JSON's double-quoted text is YAML's too; nothing in it can be taken for a number, a date or `NO`.
    return json.dumps(value, ensure_ascii=False)
