"""The expectation suites in files: one per dataset for its source, one that every release must pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extracts.extraction.validation import read_release_suite, read_source_suite

if TYPE_CHECKING:
    from extracts.extraction.validation_suite import Suite
    from extracts.steps.workplace import Workplace


def source_suite(work: Workplace, dataset: str) -> Suite:
    """The source suite of a dataset. Raises InvalidDocument with file, line and field."""
    return read_source_suite(work.places.expectations / dataset / "source.yaml", work.dataset(dataset))


def release_suite(work: Workplace) -> Suite:
    """The suite that every release must pass. Raises InvalidDocument."""
    return read_release_suite(work.places.expectations / "release.yaml")
