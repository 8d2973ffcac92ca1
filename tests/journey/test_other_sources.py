"""An agreement on a dataset that lies in an SQLite file goes the whole path, to a signed delivery that says so."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from extracts.errors import Outcome, UsageError
from extracts.handover.manifest import read_manifest
from extracts.handover.verify import verify_delivery
from extracts.local.home import SOURCE
from extracts.steps.conditions_of_services import source_conditions
from extracts.steps.source_script import source_script
from tests.support.deciding import approved
from tests.support.sqlite_source import SqliteSource, a_copy, view_of
from tests.support.world import World

DATASET = "benefit_cap"


def moved(world: World, folder: Path) -> SqliteSource:
    """The dataset in an SQLite file of a system of its own; the world's contracts say so."""
    with world.home.postgres.superuser(SOURCE) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        copy = a_copy(
            world.work.dataset(DATASET), folder / "archive.sqlite", lambda q: connection.execute(q.encode()).fetchall()
        )
    places = world.work.places
    for name in ("expectations", "sql"):
        shutil.copytree(getattr(places, name), folder / name)
    contract = folder / "expectations" / DATASET / "contract.yaml"
    text = contract.read_text().replace("  - server: sample\n", "  - server: archive\n")
    kind = "customProperties:\n  - {property: sourceKind, value: sqlalchemy}\n"
    contract.write_text(text.replace("customProperties:\n", kind, 1))
    contract.with_name("view.lock.json").unlink()
    (folder / "sql" / DATASET / "view.sql").write_text(view_of(world.work.dataset(DATASET)))
    world.work = replace(
        world.work,
        places=replace(places, expectations=folder / "expectations", sql=folder / "sql"),
        sources={**world.work.sources, "archive": copy.address},
    )
    return copy


def test_a_dataset_in_another_kind_of_database_is_delivered(world: World, tmp_path: Path) -> None:
    moved(world, tmp_path)
    request_id = approved(world, tmp_path)
    stopped = world.run(request_id)
    assert (stopped["outcome"], stopped["gate"]) == (Outcome.STOPPED, "check_source")
    assert "EXTRACTS_ALLOW_QUERY_ENFORCEMENT" in stopped["reason"]
    world.work = replace(world.work, limits=replace(world.work.limits, allow_query=True))
    found: dict[str, Any] = world.run(request_id)
    assert found["outcome"] == Outcome.DELIVERED, found
    (folder,) = world.deliveries(request_id)
    people = world.home.people
    verified = verify_delivery(folder, people.allowed_signers, datetime.now(UTC), people.identity(folder.parts[-3]))
    assert verified.passed, verified.sentences()
    manifest, _ = read_manifest((folder / "manifest.json").read_bytes())
    [source], [counted] = manifest.sources, manifest.reconciliation
    assert (source.system, source.enforced_by, source.server_version.split()[0]) == ("archive", "select", "sqlite")
    assert counted.source > counted.delivered > 0
    assert "the database was asked for the approved columns and rows alone" in " ".join(
        (folder / "README.txt").read_text().split()
    )
    with pytest.raises(UsageError, match="no role of the agreement"):
        source_script(world.work, request_id)
    assert {c.subject: c.passed for c in source_conditions(world.work)} == {
        "source archive": True,
        "source sample": True,
    }
