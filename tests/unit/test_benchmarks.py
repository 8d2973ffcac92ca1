"""The benchmark's pages come from its figures, its targets stand beside them, and its agreement passes the policy."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from benchmarks.dag_parse import COUNTS
from benchmarks.measures import MEASURES
from benchmarks.report import FIGURES, PAGE, page
from benchmarks.world import DATASET, REQUEST, TREATMENTS, lay_out, sample_request
from extracts.catalogue.reviewers import ReviewKind
from extracts.settings import open_workplace
from extracts.steps.requests import check_request


@pytest.fixture
def figures() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(FIGURES.read_text())
    return found


def test_the_page_is_as_the_figures_make_it(figures: dict[str, Any]) -> None:
    assert PAGE.read_text() == page(figures)


def test_the_figures_hold_every_measure_and_the_machine(figures: dict[str, Any]) -> None:
    sizes = {row["rows"] for row in figures["speed"]}
    assert {(r["rows"], r["measure"]) for r in figures["speed"]} == {(n, m) for n in sizes for m in MEASURES}
    assert tuple(row["agreements"] for row in figures["parse"]) == COUNTS
    assert {"cores", "memory_mb", "PostgreSQL", "DuckDB"} <= figures["machine"].keys()


def test_a_missed_target_is_told_in_words(figures: dict[str, Any]) -> None:
    figures["speed"] = [
        {"rows": rows, "measure": m, "seconds": 1, "ratio": 2.8, "processor": 1, "peak_mb": peak}
        for rows, peak in ((1_000_000, 700), (5_000_000, 800))
        for m in MEASURES
    ]
    assert "NOT" not in page(figures)
    for name, value in (("ratio", 2.81), ("peak_mb", 801), ("peak_mb", 850)):
        missed = deepcopy(figures)
        missed["speed"][-1][name] = value
        assert "NOT met" in page(missed)


def test_the_benchmark_s_request_passes_the_policy_and_treats_every_column_as_it_says(tmp_path: Path) -> None:
    work = open_workplace({"EXTRACTS_HOME": str(tmp_path / "home"), **lay_out(tmp_path)})
    examined = check_request(work, next(sample_request(tmp_path).iterdir()))
    assert examined.plan, examined.assessment.as_text()
    assert all(work.reviewers.who(kind, [DATASET], work.today()) for kind in ReviewKind)
    (planned,) = examined.plan.datasets
    assert (examined.plan.request_id, planned.dataset) == (REQUEST, DATASET)
    assert {c.source: c.treatment_name for c in planned.columns} == TREATMENTS
