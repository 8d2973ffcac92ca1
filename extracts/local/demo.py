"""The demo: a synthetic source becomes signed, encrypted deliveries, run by a real Airflow scheduler.

Rules:
1. It takes the way that production takes: request, decision by two signatures, role script, DAG run, verification by
   the recipient with nothing but the folder and the list of signers.
2. Whatever happens, every process that it started is ended.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from extracts.errors import NotFound, TechnicalFailure
from extracts.local.airflow import LocalAirflow
from extracts.local.airflow_config import AirflowConfig, User
from extracts.local.home import AIRFLOW, AIRFLOW_ROLE, DemoHome
from extracts.local.world import Decided, apply_scripts, decide_all, fill_source
from extracts.settings import PROJECT, open_workplace
from extracts.steps.workplace import Workplace

Progress = Callable[[str], None]
USERS = (User("admin", "admin"), User("engineer", "op"), User("forum", "viewer"))
_RUN_WITHIN_S = 240


@dataclass(frozen=True)
class Delivered:
    """One agreement's run, seen by the forum and by the recipient."""

    request_id: str
    state: str
    outcome: dict[str, Any]
    funnel: dict[str, dict[str, int]] = field(default_factory=dict)
    verified: tuple[str, ...] = ()
    folder: Path | None = None


@dataclass(frozen=True)
class World:
    """A running demo."""

    home: DemoHome
    work: Workplace
    airflow: LocalAirflow
    decided: list[Decided]
    source_rows: dict[str, int]


@contextmanager
def running(home: Path, people: int, progress: Progress, port: int | None = None) -> Iterator[World]:
    """The demo's world, with Airflow running; ended whatever happens."""
    world = DemoHome.at(home.absolute())
    progress("starting PostgreSQL")
    world.postgres.start()
    airflow = _airflow(world, port)
    try:
        now = datetime.now(UTC)
        world.make_databases(PROJECT / "sql", now)
        world.write_settings(world.people.make())
        with _meanwhile(lambda: airflow.start(progress)):
            rows = fill_source(world, PROJECT / "sql", people, now, progress)
            work = open_workplace({"EXTRACTS_HOME": str(world.home)})
            decided = decide_all(work, world, PROJECT / "examples" / "requests", progress)
            apply_scripts(work, world, decided, progress)
        yield World(world, work, airflow, decided, rows)
    finally:
        progress("ending every process")
        try:
            airflow.stop()
        finally:
            world.postgres.stop()


def deliver_all(world: World, progress: Progress) -> list[Delivered]:
    """Let the scheduler run every approved agreement's DAG once; what came of each."""
    wanted = [d.examined.request.request_id for d in world.decided if d.approved]
    with world.airflow.client("engineer") as client:
        client.wait_for_dags({f"extract__{r}" for r in wanted})
        runs = {}
        for request_id in wanted:
            client.unpause(f"extract__{request_id}")
            runs[request_id] = client.trigger(f"extract__{request_id}")
            progress(f"{request_id}: the scheduler has its run")
        done = []
        for request_id, run_id in runs.items():
            found = client.wait_for_run(f"extract__{request_id}", run_id, _RUN_WITHIN_S, world.airflow.check)
            progress(
                f"{request_id}: {found['state']}, {(found['note'] or '').splitlines()[0] if found['note'] else ''}"
            )
            done.append(_delivered(world, client, request_id, run_id, found["state"]))
    return done


def stop(home: Path) -> None:
    """End whatever a demo or `up` left running."""
    from extracts.local.airflow import stop_airflow

    stop_airflow(home)
    DemoHome.at(home).postgres.stop()


def _delivered(world: World, client: Any, request_id: str, run_id: str, state: str) -> Delivered:
    dag_id = f"extract__{request_id}"
    outcome = _result(client, dag_id, run_id, "record_outcome")
    if not outcome:
        return Delivered(request_id, state, {"outcome": "technical failure", "reason": f"see the run {run_id}"})
    funnel = _result(client, dag_id, run_id, "build_extract").get("funnel", {})  # none if it was stopped before
    if not outcome.get("delivery"):
        return Delivered(request_id, state, outcome, funnel)
    folder, said = _collect(world, request_id, outcome["delivery"])
    return Delivered(request_id, state, outcome, funnel, said, folder)


def _result(client: Any, dag_id: str, run_id: str, task: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = client.xcom(dag_id, run_id, task)
    except NotFound:
        return {}
    return found


def _collect(world: World, request_id: str, delivery_id: str) -> tuple[Path, tuple[str, ...]]:
    """As the recipient would: with the folder, the pinned signers and the recipient's own key."""
    from extracts.handover.verify import verify_delivery

    plan = next(d.examined.plan for d in world.decided if d.examined.request.request_id == request_id)
    if plan is None:
        raise TechnicalFailure(f"{request_id} was delivered without a plan.")
    folder = world.work.places.drop_zone / plan.recipient / request_id / delivery_id
    people = world.home.people
    found = verify_delivery(folder, people.allowed_signers, datetime.now(UTC), people.identity(plan.recipient))
    found.check()
    return folder, tuple(found.sentences())


def _airflow(world: DemoHome, port: int | None) -> LocalAirflow:
    config = AirflowConfig(
        home=world.home,
        database_url=world.postgres.url(AIRFLOW, AIRFLOW_ROLE, driver="psycopg2"),
        dags_folder=PROJECT / "dags",
        users=USERS,
        environment={"EXTRACTS_HOME": str(world.home), "EXTRACTS_RETRIES": "1", "EXTRACTS_RETRY_SECONDS": "2"},
    )
    return LocalAirflow(config, port)


@contextmanager
def _meanwhile(start: Callable[[], None]) -> Iterator[None]:
    """Run `start` beside the block; both must go well."""
    failed: list[BaseException] = []

    def guarded() -> None:
        try:
            start()
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=guarded, name="airflow")
    thread.start()
    try:
        yield
    finally:
        thread.join()
    if failed:
        raise failed[0]
