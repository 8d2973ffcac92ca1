"""openlineage.json: the delivery as an OpenLineage run event, for catalogues that draw lineage.

It says in a common format what the manifest says with authority: which columns came from where, through what.
Shape: OpenLineage specification 2-0-2 (RunEvent), facets Schema 1-1-1, ColumnLineage 1-2-0, OutputStatistics 1-0-2,
NominalTime 1-0-1.
"""

from __future__ import annotations

import uuid
from typing import Any

from extracts.canonical import timestamp_text
from extracts.handover.facts import FileFacts, SourceFacts
from extracts.handover.manifest import Manifest
from extracts.handover.statement import readable_json

PRODUCER = "https://governed-extracts.example/software"
_SPEC = "https://openlineage.io/spec"
_NAMESPACE = uuid.UUID("5f0c9f0e-4b8e-5c55-9a44-1d6a2a1f7c11")


def lineage_text(manifest: Manifest) -> bytes:
    """The bytes of openlineage.json."""
    return readable_json(lineage_event(manifest))


def lineage_event(manifest: Manifest) -> dict[str, Any]:
    """A COMPLETE event: one input per source relation, one output per delivered file, lineage per column."""
    delivery = manifest.delivery
    return {
        "eventType": "COMPLETE",
        "eventTime": timestamp_text(delivery.extracted_at),
        "producer": PRODUCER,
        "schemaURL": f"{_SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {"runId": str(_run_id(manifest)), "facets": {"nominalTime": _nominal_time(manifest)}},
        "job": {"namespace": "governed-extracts", "name": f"extract.{manifest.area_folder}"},
        # Nothing was read for a rehearsal.
        "inputs": [] if manifest.is_rehearsal else [_input(s) for s in manifest.sources],
        "outputs": [_output(manifest, f, s) for f, s in zip(manifest.files, manifest.sources, strict=True)],
    }


def _run_id(manifest: Manifest) -> uuid.UUID:
    # The same delivery made again by the same try is the same run.
    made_by = manifest.made_by
    return uuid.uuid5(_NAMESPACE, f"{manifest.delivery.id} {made_by.dag} {made_by.run} {made_by.try_number}")


def _facet(name: str, version: str, **content: Any) -> dict[str, Any]:
    return {"_producer": PRODUCER, "_schemaURL": f"{_SPEC}/facets/{version}/{name}.json#/$defs/{name}", **content}


def _nominal_time(manifest: Manifest) -> dict[str, Any]:
    day = f"{manifest.delivery.period_first.isoformat()}T00:00:00Z"
    return _facet("NominalTimeRunFacet", "1-0-1", nominalStartTime=day)


def _input(source: SourceFacts) -> dict[str, Any]:
    return {"namespace": _source_namespace(source), "name": source.relation}


def _source_namespace(source: SourceFacts) -> str:
    return f"postgresql://{source.system}"


def _output(manifest: Manifest, file: FileFacts, source: SourceFacts) -> dict[str, Any]:
    fields = [{"name": c.name, "type": c.type} for c in file.columns]
    statistics = _facet("OutputStatisticsOutputDatasetFacet", "1-0-2", rowCount=file.rows, size=file.bytes)
    return {
        "namespace": f"dropzone://{manifest.agreement.recipient.id}",
        "name": f"{manifest.area_folder}/{manifest.delivery.id}/{file.name}",
        "facets": {
            "schema": _facet("SchemaDatasetFacet", "1-1-1", fields=fields),
            **({} if manifest.is_rehearsal else {"columnLineage": _column_lineage(file, source)}),
        },
        "outputFacets": {"outputStatistics": statistics},
    }


def _column_lineage(file: FileFacts, source: SourceFacts) -> dict[str, Any]:
    def lineage(column: str, treatment: str) -> dict[str, Any]:
        kept = treatment.startswith("keep@")
        transformation = {
            "type": "DIRECT",
            "subtype": "IDENTITY" if kept else "TRANSFORMATION",
            "description": treatment,
            "masking": not kept,
        }
        origin = {"namespace": _source_namespace(source), "name": source.relation, "field": column}
        return {"inputFields": [{**origin, "transformations": [transformation]}]}

    fields = {c.name: lineage(c.source, c.treatment) for c in file.columns}
    return _facet("ColumnLineageDatasetFacet", "1-2-0", fields=fields)
