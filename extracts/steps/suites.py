"""The expectation suites in files: one per dataset for its source, one that every release must pass."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from extracts.documents import read
from extracts.extraction.validation_suite import Suite, read_suite

if TYPE_CHECKING:
    from extracts.agreement.plan import ExtractPlan
    from extracts.steps.workplace import Workplace


def source_suites(work: Workplace, plan: ExtractPlan) -> Mapping[str, Suite]:
    """The source suite of every dataset of the plan. Raises InvalidDocument with file, line and field."""
    folder = work.places.expectations
    return {d.dataset: read_suite(read(folder / d.dataset / "source.yaml")) for d in plan.datasets}


def release_suite(work: Workplace) -> Suite:
    """The suite that every release must pass. Raises InvalidDocument."""
    return read_suite(read(work.places.expectations / "release.yaml"))
