"""openlineage.json: the delivery as an OpenLineage run event, for catalogues that draw lineage.

It says in a common format what manifest and plan, which lie beside it, say with authority: which columns came from
where, through what, and what was checked. The controller's own events of the run have the same ids (`run_id`).
Shape: OpenLineage specification 2-0-2 (RunEvent); facets in `lineage_facets`.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from extracts.agreement.plan import ExtractPlan, PlannedDataset
from extracts.canonical import timestamp_text
from extracts.handover import lineage_facets as facets
from extracts.handover.facts import CheckFacts, FileFacts, Reconciliation, SourceFacts
from extracts.handover.manifest import Manifest
from extracts.handover.statement import readable_json

JOB_NAMESPACE = facets.SOFTWARE
COMPLETE = "COMPLETE"
_SCHEMA = f"{facets.SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent"
_NAMESPACE = uuid.UUID("5f0c9f0e-4b8e-5c55-9a44-1d6a2a1f7c11")
SOURCE_REPORT = "Source validation"


def lineage_text(manifest: Manifest, plan: ExtractPlan) -> bytes:
    """The bytes of openlineage.json."""
    return readable_json(lineage_event(manifest, plan))


def lineage_event(manifest: Manifest, plan: ExtractPlan) -> dict[str, Any]:
    """A COMPLETE event: one input per source relation, one output per delivered file, lineage per column."""
    delivery, agreement = manifest.delivery, manifest.agreement
    planned = {d.dataset: d for d in plan.datasets}
    parts = list(zip(manifest.files, manifest.sources, manifest.reconciliation, strict=True))
    run = facets.run_facets(facets.delivery_tags(delivery)) | {
        "nominalTime": facets.nominal_time(delivery.period_first.isoformat(), delivery.period_last.isoformat())
    }
    job = facets.job_facets(
        agreement.title, agreement.purpose, [c.name for c in agreement.controllers], agreement_tags(plan)
    )
    return run_event(
        COMPLETE,
        delivery.extracted_at,
        run_id(agreement.id, manifest.made_by.run),
        manifest.area_folder,
        run=run,
        job=job,
        # Nothing was read for a rehearsal.
        inputs=[] if manifest.is_rehearsal else [_input(manifest, s, r, planned[s.dataset]) for _, s, r in parts],
        outputs=[_output(manifest, f, s, planned[f.dataset]) for f, s, _ in parts],
    )


def run_event(
    kind: str,
    at: datetime,
    run_id: str,
    agreement: str,
    *,
    run: Mapping[str, Any],
    job: Mapping[str, Any],
    inputs: Iterable[Mapping[str, Any]] = (),
    outputs: Iterable[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """One event of a run of an agreement; `run` and `job` are their facets."""
    return {
        "eventType": kind,
        "eventTime": timestamp_text(at),
        "producer": facets.PRODUCER,
        "schemaURL": _SCHEMA,
        "run": {"runId": run_id, "facets": dict(run)},
        "job": {"namespace": JOB_NAMESPACE, "name": f"extract.{agreement}", "facets": dict(job)},
        "inputs": list(inputs),
        "outputs": list(outputs),
    }


def run_id(agreement: str, run: str) -> str:
    """The id of a run in every event about it; the same however often one of its steps is tried."""
    return str(uuid.uuid5(_NAMESPACE, f"{agreement}/{run}"))


def agreement_tags(plan: ExtractPlan) -> dict[str, str]:
    """Under what an agreement stands, in words that catalogues can be searched by."""
    return {
        "agreement": plan.request_id,
        "recipient": ", ".join(plan.recipients),
        "gateway": plan.gateway,
        "purpose": plan.purpose_code,
        "identifiability": plan.identifiability.value,
        "criticality": plan.criticality.value,
    }


def source_name(system: str, relation: str) -> dict[str, str]:
    """A source relation as a dataset: by the system's name in its contract, never by its address."""
    return {"namespace": f"source://{system}", "name": relation}


def source_input(name: Mapping[str, str], planned: PlannedDataset, checks: Iterable[CheckFacts]) -> dict[str, Any]:
    """A source relation as an input: the columns that the plan reads, and what was checked of it."""
    made = facets.assertions(checks, planned.dataset)
    return {
        **name,
        "facets": {"schema": facets.read_schema(planned)},
        "inputFacets": {"dataQualityAssertions": made} if made else {},
    }


def _checks(manifest: Manifest, *, of_source: bool) -> list[CheckFacts]:
    return [c for r in manifest.reports if (r.title == SOURCE_REPORT) is of_source for c in r.checks]


def _input(manifest: Manifest, source: SourceFacts, counted: Reconciliation, planned: PlannedDataset) -> dict[str, Any]:
    found = source_input(source_name(source.system, source.relation), planned, _checks(manifest, of_source=True))
    found["facets"]["version"] = facets.version(source.snapshot)
    found["inputFacets"]["dataQualityMetrics"] = facets.source_metrics(source, counted)
    return found


def _output(manifest: Manifest, file: FileFacts, source: SourceFacts, planned: PlannedDataset) -> dict[str, Any]:
    origin = source_name(source.system, source.relation)
    made = facets.assertions(_checks(manifest, of_source=False), file.dataset)
    lineage = {} if manifest.is_rehearsal else {"columnLineage": facets.column_lineage(origin, file.columns, planned)}
    return {
        "namespace": f"dropzone://{manifest.agreement.recipient.id}",
        "name": f"{manifest.area_folder}/{manifest.delivery.id}/{file.name}",
        "facets": {
            "schema": facets.delivered_schema(file),
            **lineage,
            "version": facets.version(manifest.delivery.id),
            "dataQualityMetrics": facets.file_metrics(file, manifest.delivery.extracted_at),
            **({"dataQualityAssertions": made} if made else {}),
        },
        "outputFacets": {"outputStatistics": facets.output_statistics(file)},
    }
