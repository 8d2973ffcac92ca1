"""Stage 6, handing over: what openlineage.json says, checked by OpenLineage's own model of its schemas."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from extracts.handover.facts import CheckFacts, ReportFacts
from extracts.handover.lineage_facets import VERSIONS
from extracts.handover.manifest import Manifest
from extracts.handover.openlineage import lineage_event, run_id
from tests.support.builders import a_planned_dataset
from tests.support.deliveries import MadeDelivery, a_delivery
from tests.support.keys import Keys
from tests.support.openlineage import event_problems

DATASET = "pension_credit_award"


def with_checks(manifest: Manifest) -> Manifest:
    """The manifest with checks of the source, of a column, and one that does not apply."""
    source = ReportFacts(
        "Source validation", "source 1", (CheckFacts("has no null", f"{DATASET}.nino", True, "9 rows"),)
    )
    release = ReportFacts(
        "Release validation",
        "release 1",
        (
            CheckFacts("rows are as many as were built", DATASET, True, "20 rows"),
            CheckFacts("is in its range", f"{DATASET}.award_year", True),
            CheckFacts("are different in every row", f"{DATASET}.nino, award_year", True),
            CheckFacts("holds no canary", DATASET, False, not_applicable="no canary is known"),
        ),
    )
    return replace(manifest, reports=(source, release))


@pytest.fixture(scope="module")
def delivery(tmp_path_factory: pytest.TempPathFactory, keys: Keys) -> MadeDelivery:
    return a_delivery(tmp_path_factory.mktemp("lineage"), keys, manifest=with_checks)


@pytest.fixture(scope="module")
def event(delivery: MadeDelivery) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((delivery.folder / "openlineage.json").read_text())
    return found


def test_it_conforms_to_the_current_schemas(event: dict[str, Any]) -> None:
    assert event_problems(event) == []


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (lambda e: e.pop("eventTime"), "event.eventTime: is missing"),
        (lambda e: e.update(eventType="DONE"), "event.eventType: is none of"),
        (lambda e: e["run"].update(runId="run 1"), "event.run.runId"),
        (lambda e: e["outputs"][0]["facets"]["columnLineage"].pop("fields"), "columnLineage.fields: is missing"),
        (lambda e: e["outputs"][0]["facets"].update(size={"_schemaURL": "x/SizeFacet"}), "is no facet"),
        (lambda e: e["inputs"][0]["facets"]["schema"].pop("_producer"), "schema._producer: is missing"),
        (lambda e: e["job"]["facets"]["jobType"].update(processingType=1), "is int, not str"),
    ],
)
def test_the_check_notices_what_does_not_conform(event: dict[str, Any], spoil: Any, problem: str) -> None:
    spoilt = copy.deepcopy(event)
    spoil(spoilt)
    assert any(problem in p for p in event_problems(spoilt)), event_problems(spoilt)


def test_every_facet_that_is_listed_is_of_the_current_version() -> None:
    from tests.support.openlineage import _classes

    for name, version in VERSIONS.items():
        assert f"/{version}/" in _classes()[name]._get_schema(), name  # type: ignore[attr-defined]


def test_each_delivered_column_leads_to_its_source_column_through_its_treatment(
    event: dict[str, Any], delivery: MadeDelivery
) -> None:
    lineage = event["outputs"][0]["facets"]["columnLineage"]["fields"]
    planned = delivery.plan.datasets[0].columns
    assert sorted(lineage) == sorted(c.name for c in planned)
    for column in planned:
        [origin] = lineage[column.name]["inputFields"]
        [step] = origin["transformations"]
        kept = column.treatment == "keep@1"
        assert (origin["field"], step["masking"]) == (column.source, not kept)
        assert step["description"].startswith(column.treatment)
    delivered = event["outputs"][0]["facets"]["schema"]["fields"]
    assert [f["name"] for f in delivered] == [c.name for c in planned], "in the order of the file"


def test_columns_that_choose_rows_are_an_indirect_influence(delivery: MadeDelivery) -> None:
    dataset = a_planned_dataset()
    assert dataset.filter_columns
    event = lineage_event(delivery.assembled.manifest, replace(delivery.plan, datasets=(dataset,)))
    chosen = event["outputs"][0]["facets"]["columnLineage"]["dataset"]
    assert [c["field"] for c in chosen] == [c.name for c in dataset.filter_columns]
    assert {t["type"] + " " + t["subtype"] for c in chosen for t in c["transformations"]} == {"INDIRECT FILTER"}


def test_checks_stand_with_what_they_are_about_and_those_not_made_assert_nothing(event: dict[str, Any]) -> None:
    [source], [output] = event["inputs"], event["outputs"]
    assert source["inputFacets"]["dataQualityAssertions"]["assertions"] == [
        {"assertion": "has no null", "success": True, "severity": "error", "column": "nino", "actual": "9 rows"}
    ]
    made = output["facets"]["dataQualityAssertions"]["assertions"]
    assert [(a["assertion"], a.get("column")) for a in made] == [
        ("rows are as many as were built", None),
        ("is in its range", "award_year"),
        ("are different in every row", None),
    ]
    assert made[-1]["params"] == {"columns": ["nino", "award_year"]}, "`column` is one column of the schema"
    assert source["inputFacets"]["dataQualityMetrics"]["rowCount"] == 26
    assert output["outputFacets"]["outputStatistics"]["rowCount"] == 20


def test_it_tells_nothing_of_the_source_that_manifest_and_plan_do_not(
    event: dict[str, Any], delivery: MadeDelivery
) -> None:
    beside = "".join((delivery.folder / n).read_text() for n in ("manifest.json", "plan.json"))
    [source] = event["inputs"]
    told = [source["name"], source["namespace"].removeprefix("source://")]
    told += [f["name"] for f in source["facets"]["schema"]["fields"]]
    assert not [word for word in told if f'"{word}"' not in beside]


def test_the_run_of_a_delivery_has_one_id_however_often_a_step_was_tried(delivery: MadeDelivery) -> None:
    manifest = delivery.assembled.manifest
    again = replace(manifest, made_by=replace(manifest.made_by, try_number=2))
    wanted = run_id(manifest.agreement.id, manifest.made_by.run)
    assert {lineage_event(m, delivery.plan)["run"]["runId"] for m in (manifest, again)} == {wanted}
    assert run_id(manifest.agreement.id, "another run") != wanted


def test_the_contract_that_is_delivered_is_one_by_its_standards_own_schema(delivery: MadeDelivery) -> None:
    from extracts.catalogue.odcs_document import standard_document

    path = Path(delivery.folder / "contract.yaml")
    assert standard_document(path.read_bytes(), path.name).value["kind"] == "DataContract"
