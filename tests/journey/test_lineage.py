"""What a catalogue of lineage is told of runs: that they began, and how they ended."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from extracts.errors import Outcome
from extracts.steps.lineage_catalogue import Catalogue
from tests.support.openlineage import event_problems
from tests.support.world import FIFE, REFUSED, World


def told(world: World) -> list[dict[str, Any]]:
    """Every event so far, each of which conforms to OpenLineage's schemas."""
    lines = (world.work.places.lineage / "events.jsonl").read_text().splitlines()
    events = [json.loads(line) for line in lines]
    assert [p for e in events for p in event_problems(e)] == []
    for dataset in (d for e in events for d in (*e["inputs"], *e["outputs"])):
        named = {f["name"] for f in dataset["facets"].get("schema", {}).get("fields", [])}
        checks = (dataset["facets"] | dataset.get("inputFacets", {})).get("dataQualityAssertions", {})
        assert {a["column"] for a in checks.get("assertions", []) if "column" in a} <= named
    return events


def tags(event: dict[str, Any]) -> dict[str, str]:
    return {t["key"]: t["value"] for t in event["run"]["facets"]["tags"]["tags"]}


def test_a_delivered_run_began_and_completed_and_its_delivery_says_the_same(world: World) -> None:
    world.work = replace(world.work, lineage=Catalogue("http://127.0.0.1:1/nobody-answers"))
    assert world.run(FIFE)["outcome"] == Outcome.DELIVERED, "a catalogue that is away stops no run"
    (folder,) = world.deliveries(FIFE)
    began, ended = told(world)
    delivered = json.loads((folder / "openlineage.json").read_text())
    assert event_problems(delivered) == []
    assert (began["eventType"], ended["eventType"]) == ("START", "COMPLETE")
    assert len({e["run"]["runId"] for e in (began, ended, delivered)}) == 1
    assert ended["eventTime"] > delivered["eventTime"] > began["eventTime"]
    for same in ("job", "inputs", "outputs"):
        assert ended[same] == delivered[same]
    assert began["job"] == ended["job"]
    assert tags(ended) == {"delivery": folder.name, "outcome": "delivered"}
    for part in (ended["inputs"][0]["inputFacets"], ended["outputs"][0]["facets"]):
        made = part["dataQualityAssertions"]["assertions"]
        assert made
        assert all(a["success"] for a in made)
    addresses = [word for address in world.work.sources.values() for word in address.split()]
    assert addresses
    for internal in (*addresses, str(world.work.places.home), "127.0.0.1"):
        assert internal not in json.dumps([began, ended])


def test_a_run_that_a_control_stopped_failed_for_the_reason_that_is_on_record(world: World) -> None:
    found = world.run(REFUSED)
    began, ended = told(world)
    assert (began["eventType"], ended["eventType"]) == ("START", "FAIL")
    assert began["run"]["runId"] == ended["run"]["runId"]
    assert ended["run"]["facets"]["errorMessage"]["message"] == found["reason"]
    assert tags(ended) == {"outcome": "stopped by a control", "gate": "check_approval"}
    assert ended["outputs"] == []


def test_a_run_that_its_source_stopped_says_what_was_checked_until_then(world: World) -> None:
    stopped = replace(world.work, limits=replace(world.work.limits, hold_max_age_hours=0))
    world.work = stopped
    world.later(hours=2)
    found = world.run(FIFE)
    assert found["outcome"] != Outcome.DELIVERED
    ended = told(world)[-1]
    assert ended["eventType"] == "FAIL"
    assert [i["name"] for i in ended["inputs"]] == ["curated.benefit_cap"]
    assert ended["run"]["facets"]["nominalTime"]["nominalEndTime"].endswith("-01T00:00:00Z"), "of the next month"
    assert ended["outputs"] == []
