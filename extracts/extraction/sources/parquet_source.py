"""A source that is a folder of Parquet files: our reader alone minimises (`scan`), by projection and filter.

Rules:
1. Whoever can read the folder can read all of it, so a setting must allow that our reader alone keeps to what was
   approved; manifests say so.
2. One moment is one set of files, fixed when reading begins and looked at again when it ends (`parquet_files`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from extracts.agreement.plan import ExtractPlan
from extracts.catalogue.contract import Dataset
from extracts.errors import NotPermitted
from extracts.extraction.sources.handing_out import HandingOut
from extracts.extraction.sources.parquet_files import file_set, folder_of
from extracts.extraction.sources.parquet_rows import CONTROLS, FolderRows, folder_name
from extracts.extraction.sources.parquet_schema import opened

ENFORCED = "scan"


@dataclass(frozen=True, kw_only=True)
class FolderSource(HandingOut):
    """A folder. `open_folder_source` makes it."""

    root: Path = field(repr=False)
    now: Callable[[], datetime] = field(repr=False, compare=False)

    def open(self) -> FolderRows:
        """The files as they are now. Raises SourceChanged."""
        return FolderRows.open(self.root, self.datasets, self.now())

    def deployed(
        self, connection: Any, plan: ExtractPlan, datasets: Mapping[str, Dataset], /
    ) -> tuple[dict[str, str], dict[str, str]]:
        """Every declared column is there, in its type. Raises SourceChanged, CheckFailed."""
        rows: FolderRows = connection.rows
        for planned in plan.datasets:
            dataset = datasets[planned.dataset]
            opened(rows.sets[folder_name(dataset)], dataset.columns)
        return {d.dataset: datasets[d.dataset].view_digest for d in plan.datasets}, self.expected_digests(
            plan, datasets
        )


def open_folder_source(
    plan: ExtractPlan,
    datasets: Mapping[str, Dataset],
    address: str,
    *,
    allow_query: bool,
    now: Callable[[], datetime],
) -> FolderSource:
    """The source of `plan` in the folder `address`. Raises SettingMissing, NotPermitted, SourceUnreachable."""
    if not allow_query:
        raise NotPermitted(
            "This source has no role of the agreement's own: our reader alone would keep to what was approved.",
            advice="Set EXTRACTS_ALLOW_QUERY_ENFORCEMENT to yes if that is accepted; manifests say so.",
        )
    used = {d.dataset: datasets[d.dataset] for d in plan.datasets}
    return FolderSource(plan=plan, datasets=used, enforced_by=ENFORCED, root=folder_of(address), now=now)


def check_folder(address: str) -> str:
    """Whether folder and control relations are there. Raises SettingMissing, SourceUnreachable, SourceChanged."""
    root = folder_of(address)
    for control in CONTROLS:
        file_set(root, control)
    return "is there (a folder of Parquet files)"
