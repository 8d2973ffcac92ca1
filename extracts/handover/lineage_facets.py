"""The facets of OpenLineage that this software states, each in the form that its published schema asks for.

Rules:
1. A facet holds what the manifest may hold: names, counts, digests and times; never a person's value, an address of a
   server, or a query.
2. Nothing is stated that was not found out: a check that was not made is left out, as is a count that nobody made.

Schemas: https://openlineage.io/spec, at the versions in `VERSIONS`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from extracts import __version__
from extracts.agreement.plan import PlannedDataset
from extracts.canonical import timestamp_text
from extracts.handover.facts import CheckFacts, ColumnFacts, DeliveryFacts, FileFacts, Reconciliation, SourceFacts

PRODUCER = "https://governed-extracts.example/software"
SPEC = "https://openlineage.io/spec"
SOFTWARE = "governed-extracts"
VERSIONS: Mapping[str, str] = {
    "ColumnLineageDatasetFacet": "1-2-0",
    "DataQualityAssertionsDatasetFacet": "1-1-0",
    "DataQualityMetricsDatasetFacet": "1-0-1",
    "DataQualityMetricsInputDatasetFacet": "1-0-3",
    "DatasetVersionDatasetFacet": "1-0-1",
    "DocumentationJobFacet": "1-1-0",
    "ErrorMessageRunFacet": "1-0-1",
    "JobTypeJobFacet": "2-0-4",
    "NominalTimeRunFacet": "1-0-1",
    "OutputStatisticsOutputDatasetFacet": "1-0-2",
    "OwnershipJobFacet": "1-0-1",
    "ProcessingEngineRunFacet": "1-1-1",
    "SchemaDatasetFacet": "1-2-0",
    "TagsJobFacet": "1-0-0",
    "TagsRunFacet": "1-0-0",
}
Facet = dict[str, Any]


def facet(name: str, /, **content: Any) -> Facet:
    """A facet of this name, with who made it and by which schema it is to be read."""
    return {"_producer": PRODUCER, "_schemaURL": f"{SPEC}/facets/{VERSIONS[name]}/{name}.json#/$defs/{name}", **content}


# --- of a job and a run ---------------------------------------------------------------------------------------------


def job_facets(title: str, purpose: str, controllers: Iterable[str], tags: Mapping[str, str]) -> dict[str, Facet]:
    """What an agreement is, for a catalogue of jobs. controllers: names of who answers for the data."""
    owners = [{"name": name, "type": "DATA_CONTROLLER"} for name in controllers]
    return {
        "jobType": facet("JobTypeJobFacet", processingType="BATCH", integration="GOVERNED_EXTRACTS", jobType="EXTRACT"),
        "documentation": facet(
            "DocumentationJobFacet", description=f"{title}. {purpose}".strip(), contentType="text/plain"
        ),
        "ownership": facet("OwnershipJobFacet", owners=owners),
        "tags": facet("TagsJobFacet", tags=_tags(tags)),
    }


def run_facets(tags: Mapping[str, str]) -> dict[str, Facet]:
    """Which software ran, and what is to be known of the run in a word each."""
    return {
        "processing_engine": facet(
            "ProcessingEngineRunFacet", version=__version__, name=SOFTWARE, openlineageAdapterVersion=__version__
        ),
        "tags": facet("TagsRunFacet", tags=_tags(tags)),
    }


def nominal_time(first: str, last: str) -> Facet:
    """The period that is delivered: from its first day until the day after its last, which is not in it. ISO dates."""
    end = date.fromisoformat(last) + timedelta(days=1)
    return facet("NominalTimeRunFacet", nominalStartTime=f"{first}T00:00:00Z", nominalEndTime=f"{end}T00:00:00Z")


def error_message(message: str) -> Facet:
    """Why a run ended without a delivery, in our own words."""
    return facet("ErrorMessageRunFacet", message=message, programmingLanguage="PYTHON")


def delivery_tags(delivery: DeliveryFacts) -> dict[str, str]:
    """What a delivery is called."""
    return {"delivery": delivery.id, "period": delivery.period, "revision": str(delivery.revision)}


def _tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": k, "value": v, "source": "GOVERNED_EXTRACTS"} for k, v in tags.items() if v]


# --- of datasets ----------------------------------------------------------------------------------------------------


def version(text: str) -> Facet:
    """Which state of a dataset: a source's snapshot, a delivery's id."""
    return facet("DatasetVersionDatasetFacet", datasetVersion=text)


def read_schema(planned: PlannedDataset) -> Facet:
    """The source columns that the plan reads, and no other that the source may have."""
    read = {c.source: (c.type, c.meaning) for c in planned.columns}
    read |= {c.name: (c.type, c.meaning) for c in planned.filter_columns}
    fields = [{"name": n, "type": str(t.value), "description": m} for n, (t, m) in read.items()]
    return facet("SchemaDatasetFacet", fields=fields)


def delivered_schema(file: FileFacts) -> Facet:
    """The columns of a delivered file, in their order."""
    return facet("SchemaDatasetFacet", fields=[{"name": c.name, "type": c.type} for c in file.columns])


def source_metrics(source: SourceFacts, counted: Reconciliation) -> Facet:
    """How many rows the source had in the snapshot, and when it was loaded."""
    loaded = timestamp_text(source.loaded_at)
    return facet("DataQualityMetricsInputDatasetFacet", rowCount=counted.source, lastUpdated=loaded, columnMetrics={})


def file_metrics(file: FileFacts, captured_at: datetime) -> Facet:
    """Rows and bytes of the clear file, as it was inspected."""
    return facet(
        "DataQualityMetricsDatasetFacet",
        rowCount=file.rows,
        bytes=file.clear_bytes,
        fileCount=1,
        captureDate=timestamp_text(captured_at),
        columnMetrics={},
    )


def output_statistics(file: FileFacts) -> Facet:
    """Rows and bytes of the encrypted file, as it is delivered."""
    return facet("OutputStatisticsOutputDatasetFacet", rowCount=file.rows, size=file.bytes, fileCount=1)


def assertions(checks: Iterable[CheckFacts], dataset: str) -> Facet | None:
    """The checks that were made of this dataset or of its columns, or None. What does not apply asserts nothing."""
    made = [_assertion(c, dataset) for c in checks if not c.not_applicable and _is_of(c.target, dataset)]
    return facet("DataQualityAssertionsDatasetFacet", assertions=made) if made else None


def _is_of(target: str, dataset: str) -> bool:
    return target == dataset or target.startswith(f"{dataset}.")


def _assertion(check: CheckFacts, dataset: str) -> dict[str, Any]:
    """A check. One of several columns together is one of the dataset: `column` names a column of its schema."""
    columns = list(filter(None, check.target.removeprefix(dataset).lstrip(".").split(", ")))
    about = {"column": columns[0]} if len(columns) == 1 else {"params": {"columns": columns} if columns else None}
    told = {**about, "actual": check.detail}
    return {
        "assertion": check.name,
        "success": check.passed,
        "severity": "error",  # every check stops a delivery
        **{k: v for k, v in told.items() if v},
    }


def column_lineage(origin: Mapping[str, str], columns: Iterable[ColumnFacts], planned: PlannedDataset) -> Facet:
    """From which source column each delivered one was made and through what; and which columns chose the rows.

    origin: namespace and name of the source relation.
    """
    fields = {c.name: {"inputFields": [_made_from(origin, c)]} for c in columns}
    chosen_by = [_field(origin, c.name, "INDIRECT", "FILTER", "chooses rows") for c in planned.filter_columns]
    return facet("ColumnLineageDatasetFacet", fields=fields, dataset=chosen_by)


def _made_from(origin: Mapping[str, str], column: ColumnFacts) -> dict[str, Any]:
    kept = column.treatment.startswith("keep@")
    words = f"{column.treatment}({', '.join(column.parameters)})" if column.parameters else column.treatment
    subtype = "IDENTITY" if kept else "TRANSFORMATION"
    return _field(origin, column.source, "DIRECT", subtype, words, masking=not kept)


def _field(
    origin: Mapping[str, str], column: str, kind: str, subtype: str, words: str, *, masking: bool = False
) -> dict[str, Any]:
    transformation = {"type": kind, "subtype": subtype, "description": words, "masking": masking}
    return {**origin, "field": column, "transformations": [transformation]}
