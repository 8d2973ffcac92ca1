"""An agreement on a dataset of another kind goes the whole path, to a signed delivery that says who minimised."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from extracts.errors import Outcome, UsageError
from extracts.extraction.sources.names import role_name
from extracts.handover.manifest import read_manifest
from extracts.handover.verify import verify_delivery
from extracts.local.home import SOURCE
from extracts.local.rehearsing import rehearse_all
from extracts.steps.conditions_of_services import source_conditions
from extracts.steps.dataset_lock import lock_datasets
from extracts.steps.source_script import ended_script, source_script
from tests.support.deciding import approved
from tests.support.mariadb import MariaServer
from tests.support.mariadb_source import a_maria_copy, maria_view_of
from tests.support.parquet_source import a_parquet_copy
from tests.support.sqlite_source import SqliteSource, a_copy, view_of
from tests.support.world import World

DATASET = "benefit_cap"


def relocated(world: World, folder: Path, address: str, view: str, kind: str = "sqlalchemy") -> None:
    """The world's contract says that the dataset lies in a system of its own, `archive`, and what its view is there."""
    places = world.work.places
    for name in ("expectations", "sql"):
        shutil.copytree(getattr(places, name), folder / name)
    contract = folder / "expectations" / DATASET / "contract.yaml"
    text = contract.read_text().replace("  - server: sample\n", "  - server: archive\n")
    said = f"customProperties:\n  - {{property: sourceKind, value: {kind}}}\n"
    contract.write_text(text.replace("customProperties:\n", said, 1))
    contract.with_name("view.lock.json").unlink()
    there = folder / "sql" / DATASET / "view.sql"
    there.write_text(view) if view else there.unlink()
    world.work = replace(
        world.work,
        places=replace(places, expectations=folder / "expectations", sql=folder / "sql"),
        sources={**world.work.sources, "archive": address},
    )


@contextmanager
def shown(world: World) -> Iterator[Callable[[str], list[Any]]]:
    """What a query of the world's PostgreSQL gives."""
    with world.home.postgres.superuser(SOURCE) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield lambda query: connection.execute(query.encode()).fetchall()


def moved(world: World, folder: Path) -> SqliteSource:
    """The dataset in an SQLite file."""
    with shown(world) as ask:
        copy = a_copy(world.work.dataset(DATASET), folder / "archive.sqlite", ask)
    relocated(world, folder, copy.address, view_of(world.work.dataset(DATASET)))
    return copy


def delivered(world: World, request_id: str) -> Any:
    """The manifest of the one delivery, verified as its recipient would."""
    found: dict[str, Any] = world.run(request_id)
    assert found["outcome"] == Outcome.DELIVERED, found
    (folder,) = world.deliveries(request_id)
    people = world.home.people
    verified = verify_delivery(folder, people.allowed_signers, datetime.now(UTC), people.identity(folder.parts[-3]))
    assert verified.passed, verified.sentences()
    manifest, _ = read_manifest((folder / "manifest.json").read_bytes())
    (counted,) = manifest.reconciliation
    assert counted.source > counted.delivered > 0
    return manifest, " ".join((folder / "README.txt").read_text().split())


def rehearsed(world: World, folder: Path) -> str:
    """A request that was approved, and tried with its recipient."""
    request_id = approved(world, folder)
    decided: Any = SimpleNamespace(request_id=request_id, approved=True)
    assert rehearse_all(world.work, world.home, [decided], lambda _: None) == (request_id,)
    return request_id


def test_a_dataset_in_a_mariadb_is_delivered_through_a_role_of_the_agreements_own(
    world: World, maria: MariaServer, tmp_path: Path
) -> None:
    dataset = world.work.dataset(DATASET)
    with shown(world) as ask:
        a_maria_copy(dataset, maria, ask)
    relocated(world, tmp_path, maria.address, maria_view_of(dataset))
    assert lock_datasets(world.work, maria.address_of("root"), "archive") == {DATASET: dataset.version}
    world.work = world.work.afresh()
    request_id = rehearsed(world, tmp_path)
    assert world.run(request_id)["outcome"] == Outcome.FAILED, "nobody made its role yet"
    maria.run_script(source_script(world.work, request_id))
    maria.execute(f"ALTER USER {role_name(request_id)}@'%' IDENTIFIED BY 'open-sesame' ACCOUNT UNLOCK")
    maria.let_in(role_name(request_id), "open-sesame")
    manifest, readme = delivered(world, request_id)
    (source,) = manifest.sources
    assert (source.system, source.enforced_by, source.server_version.split()[0]) == ("archive", "view", "mariadb")
    assert source.agreement_view_digest
    assert "views of its own" in readme
    maria.run_script(ended_script(world.work, request_id))
    assert not maria.execute("SELECT 1 FROM information_schema.views WHERE table_schema = 'extract_views'")


def test_a_dataset_in_a_folder_of_parquet_files_is_delivered(world: World, tmp_path: Path) -> None:
    dataset = world.work.dataset(DATASET)
    with shown(world) as ask:
        copy = a_parquet_copy(dataset, tmp_path / "archive", ask, by="council_code")
    relocated(world, tmp_path, copy.address, "", "parquet")
    request_id = rehearsed(world, tmp_path)
    stopped = world.run(request_id)
    assert (stopped["outcome"], stopped["gate"]) == (Outcome.STOPPED, "check_source")
    assert "EXTRACTS_ALLOW_QUERY_ENFORCEMENT" in stopped["reason"]
    world.work = replace(world.work, limits=replace(world.work.limits, allow_query=True))
    manifest, readme = delivered(world, request_id)
    (source,) = manifest.sources
    assert (source.system, source.enforced_by, source.server_version.split()[0]) == ("archive", "scan", "parquet")
    assert " files, sha256:" in source.snapshot
    assert "our reader took the approved columns and rows alone out of files that hold more" in readme
    with pytest.raises(UsageError, match="no role of the agreement"):
        source_script(world.work, request_id)
    assert {c.subject: c.passed for c in source_conditions(world.work)} == {
        "source archive": True,
        "source sample": True,
    }


def test_a_dataset_in_another_kind_of_database_is_delivered(world: World, tmp_path: Path) -> None:
    moved(world, tmp_path)
    request_id = rehearsed(world, tmp_path)
    stopped = world.run(request_id)
    assert (stopped["outcome"], stopped["gate"]) == (Outcome.STOPPED, "check_source")
    assert "EXTRACTS_ALLOW_QUERY_ENFORCEMENT" in stopped["reason"]
    world.work = replace(world.work, limits=replace(world.work.limits, allow_query=True))
    manifest, readme = delivered(world, request_id)
    (source,) = manifest.sources
    assert (source.system, source.enforced_by, source.server_version.split()[0]) == ("archive", "select", "sqlite")
    assert "the database was asked for the approved columns and rows alone" in readme
    with pytest.raises(UsageError, match="no role of the agreement"):
        source_script(world.work, request_id)
    assert {c.subject: c.passed for c in source_conditions(world.work)} == {
        "source archive": True,
        "source sample": True,
    }
