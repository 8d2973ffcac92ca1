"""The production shape at work: two workers share the runs, and one that is killed in mid-extract loses nothing.

Slow (minutes), so not part of `make test`: `make test-cluster`.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from extracts.errors import Outcome
from extracts.handover.verify import verify_delivery
from extracts.local.demo import World, deliver_all, running
from extracts.local.processes import processes_in, wait_until
from extracts.local.sessions import Session, load, members
from extracts.local.workers import check_all_worked, tasks_by_worker
from extracts.production.airflow_settings import HEARTBEAT_TIMEOUT_S
from extracts.steps.ledger_check import check_ledger
from extracts.steps.why import why
from tests.support.world import SCP

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1_200)]
DAG = f"extract__{SCP}"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The demo's world in the production shape."""
    home = tmp_path_factory.mktemp("cluster") / "home"
    with running(home, 100_000, lambda text: print(datetime.now(UTC).time(), text), as_production=True) as made:
        yield made
    assert not processes_in(home / "airflow"), "everything ended with the world"


def staged(world: World) -> list[Path]:
    """Files with treated rows in the staging folder of the agreement that is killed."""
    folder = world.work.places.staging / SCP
    return [path for path in folder.rglob("*") if path.is_file() and path.suffix not in (".json", ".age")]


def sessions(world: World) -> list[Session]:
    return load(world.home.home / "run" / "airflow.json")


def test_both_workers_take_tasks_and_every_agreement_is_delivered(world: World) -> None:
    others = [d for d in world.decided if d.request_id != SCP]
    done = deliver_all(replace(world, decided=others), lambda text: print(datetime.now(UTC).time(), text))
    assert [d.outcome["outcome"] for d in done] == [Outcome.DELIVERED] * 2
    check_all_worked(tasks_by_worker(world))


def test_no_secret_is_in_a_command_line_an_environment_or_a_log(world: World) -> None:
    files = (world.home.home / "secrets").glob("*.*")
    values = {line.rpartition(":")[2].rpartition(" ")[2] for file in files for line in file.read_text().splitlines()}
    secrets = [value.encode() for value in values | set(world.airflow.config.passwords().values()) if len(value) > 15]
    seen = {path: path.read_bytes() for path in world.airflow.logs.rglob("*.log")}
    for process in members(sessions(world)):
        for name in ("cmdline", "environ"):
            if os.access(path := Path(f"/proc/{process.pid}/{name}"), os.R_OK):
                seen[path] = path.read_bytes()
    assert len(seen) > 20
    assert not [path for path, text in seen.items() for secret in secrets if secret in text]


def test_everything_listens_on_the_loopback_address_only(world: World) -> None:
    processes = [p for p in members(sessions(world)) if os.access(f"/proc/{p.pid}/environ", os.R_OK)]
    listening = [c.laddr for p in processes for c in p.net_connections("inet") if c.status == psutil.CONN_LISTEN]
    assert {address.ip for address in listening} == {"127.0.0.1"}
    assert len({address.port for address in listening}) == 2  # the API server and the queue


def test_a_worker_that_is_killed_in_mid_extract_loses_nothing(world: World) -> None:
    with world.airflow.client("engineer") as client:
        client.wait_for_dags({DAG})
        client.unpause(DAG)
        run_id = client.trigger(DAG)
        worker = _kill_in_mid_extract(world)
        killed_at = datetime.now(UTC)
        assert staged(world), "it left treated rows behind; or this test proves nothing"
        waiting = why(world.work, SCP)
        assert f"build_extract (try 1, on {worker}" in waiting.reason
        assert "has not ended, or was cut off" in waiting.reason

        run = client.wait_for_run(DAG, run_id, 600)
        tasks = {t["task_id"]: t for t in client.task_instances(DAG, run_id)}
        logged = client.log(DAG, run_id, "build_extract", 2)
    assert run["state"] == "success", (waiting, logged)
    assert tasks["build_extract"]["try_number"] == 2
    assert tasks["build_extract"]["hostname"] != worker
    print("from the kill to the end of the run:", datetime.now(UTC) - killed_at)
    begun_again = datetime.fromisoformat(tasks["build_extract"]["start_date"])
    assert (begun_again - killed_at).total_seconds() < HEARTBEAT_TIMEOUT_S + 90

    _assert_one_whole_delivery(world)
    assert not staged(world), "no treated row is left in staging"
    assert not list(world.home.home.rglob("*.parquet"))
    told = why(world.work, SCP)
    assert told.last_outcome == Outcome.DELIVERED
    (cut_off,) = told.interrupted
    assert cut_off.startswith(f"build_extract (try 1, on {worker}, begun ")
    assert check_ledger(world.work, (world.work.places.drop_zone,)).passed


def _kill_in_mid_extract(world: World) -> str:
    """Kills the worker that builds, with all its children, once it has written treated rows; its name."""
    assert wait_until(lambda: bool(staged(world)), 300, 0.002), "nothing was staged"
    claim = world.work.places.staging / SCP / "run.json"
    builder = int(json.loads(claim.read_text())["pid"])
    os.kill(builder, signal.SIGSTOP)  # or it might end while we look for its worker
    (worker,) = [s for s in sessions(world) if builder in {p.pid for p in members([s])}]
    family = members([worker])
    for process in family:
        process.kill()
    assert wait_until(lambda: not members([worker]), 30)
    return worker.name


def _assert_one_whole_delivery(world: World) -> None:
    (manifest,) = world.work.places.drop_zone.glob(f"*/{SCP}/*/manifest.json")
    people, folder = world.home.people, manifest.parent
    found = verify_delivery(folder, people.allowed_signers, datetime.now(UTC), people.identity(folder.parts[-3]))
    assert found.passed, found.sentences()
