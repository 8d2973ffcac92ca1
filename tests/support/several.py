"""A world in which one agreement is for three councils, each of which gets its own rows."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from extracts.extraction.sources.role_sql import source_ended_sql
from extracts.local.home import DemoHome
from extracts.local.rehearsing import rehearse_all
from extracts.local.world import apply_scripts, decide_all
from extracts.settings import PROJECT
from extracts.steps.approval_file import load_published
from tests.support.world import World, copied

COUNCILS = "SDDSB-2026-041"
EDINBURGH, FIFE_COUNCIL, STIRLING = RECIPIENTS = ("city-of-edinburgh-council", "fife-council", "stirling-council")
CODES = {EDINBURGH: "S12000036", FIFE_COUNCIL: "S12000047", STIRLING: "S12000030"}
SAMPLE = PROJECT / "examples" / "requests" / "several" / "benefit-cap-councils.yaml"


@contextmanager
def councils_world(template: DemoHome, folder: Path, *, rehearsed: bool = True) -> Iterator[World]:
    """Approved by two people, its role in the source, and rehearsed with each of the three."""
    with copied(template, folder / "home") as world:
        requests = folder / "requests"
        requests.mkdir()
        shutil.copy(SAMPLE, requests)
        decided = decide_all(world.work, world.home, requests, lambda _: None)
        try:
            apply_scripts(world.work, world.home, decided, lambda _: None)
            if rehearsed:
                rehearse_all(world.work, world.home, decided, lambda _: None)
            world.work.register.dispose()
            yield world
        finally:  # the source is everybody's, and no other world knows this agreement
            plan = load_published(world.work, COUNCILS).plan
            world.source(source_ended_sql(plan, world.work.datasets, world.work.places.sql / "roles"))
