"""A recipient's folder in a drop zone, with a delivery whose made-up rows keep to their plan."""

from __future__ import annotations

from pathlib import Path

from extracts.agreement.plan import ExtractPlan
from extracts.handover.dropzone.folder import FolderDropZone
from tests.support.builders import a_dataset, a_planned_dataset, an_identified_plan
from tests.support.deliveries import NOW, MadeDelivery, an_index_signer
from tests.support.keys import Keys

COLUMNS = tuple((n, "keep", ()) for n in ("council_code", "children", "cap_reduction", "assessment_period_end"))


def a_true_plan() -> ExtractPlan:
    """A plan that the made-up rows of `a_delivery` keep to."""
    return an_identified_plan(datasets=(a_planned_dataset(a_dataset("benefit_cap"), COLUMNS, (), counted=False),))


def an_area(folder: Path, keys: Keys, made: MadeDelivery) -> Path:
    """The recipient's folder in a drop zone that holds this delivery."""
    root = folder / "dropzone"
    root.mkdir()
    FolderDropZone(root).publish(made.folder, an_index_signer(keys), NOW)
    area = root / made.plan.recipient
    (area / "inbox").mkdir()
    return area
