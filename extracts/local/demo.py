"""The demo: a synthetic source becomes signed, encrypted deliveries, run by a real Airflow scheduler.

Rules:
1. It takes the way that production takes: request, decision by two signatures, role script, rehearsal, DAG run,
   verification by the recipient with nothing but the folder and the list of signers.
2. Whatever happens, every process that it started is ended; what a killed one left running, the next one ends.
3. Again equals once: what was decided or delivered stays. A period that was delivered before is not due again, and then
   the delivery that the recipient sees is the one that is verified.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from extracts.errors import NotFound, Outcome, TechnicalFailure
from extracts.local.airflow import LocalAirflow, free_port, stop_airflow
from extracts.local.airflow_client import AirflowClient
from extracts.local.airflow_config import AirflowConfig, User
from extracts.local.home import AIRFLOW, AIRFLOW_ROLE, APPLICATION, DemoHome
from extracts.local.native_shape import NativeShape
from extracts.local.people import SERVICE
from extracts.local.processes import processes_in, wait_until
from extracts.local.rehearsing import rehearse_all
from extracts.local.world import Decided, apply_scripts, decide_all, fill_source
from extracts.record import register
from extracts.record.delivery_entries import DeliveryEntry, DeliveryState
from extracts.record.transaction import reading
from extracts.settings import PROJECT, open_workplace
from extracts.steps.workplace import Workplace

Progress = Callable[[str], None]
_REVIEWERS = ("legal", "legal-deputy", "dpo", "security", "owner", "board")
_READERS = ("forum", "controller", "aileen", "callum", "eilidh")  # the last three ask, each for another body
_STARTS = "consideration"
USERS = (
    User("admin", "admin"),
    User("engineer", "op"),
    *(User(name, "viewer") for name in _READERS),
    *(User(name, "user") for name in (*_REVIEWERS, _STARTS)),
)
_RUNS_WITHIN_S = 1_200  # a minute or two, where nobody else uses the machine
_TOLD = {"success": "passed", "failed": "did not pass"}
_ENDED = (*_TOLD, "skipped", "upstream_failed")


@dataclass(frozen=True)
class Delivered:
    """How one agreement's run ended, and the delivery that its recipient sees and verified; None if there is none."""

    request_id: str
    outcome: Mapping[str, Any]
    delivery: DeliveryEntry | None = None
    folder: Path | None = None
    funnel: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    verified: tuple[str, ...] = ()


@dataclass(frozen=True)
class World:
    """A running demo."""

    home: DemoHome
    work: Workplace
    airflow: LocalAirflow
    decided: list[Decided]
    source_rows: dict[str, int]


@contextmanager
def running(
    home: Path, people: int, progress: Progress, port: int | None = None, *, as_production: bool = False
) -> Iterator[World]:
    """The demo's world, with Airflow running; ended whatever happens. Raises Refused, TechnicalFailure.

    `as_production`: in the production shape, with a queue and two workers, instead of Airflow's LocalExecutor.
    """
    world, now = DemoHome.at(home.absolute()), datetime.now(UTC)
    with world.held(), ExitStack() as ending:
        _end_leftovers(world, progress)
        free_port(port)
        ending.callback(world.postgres.stop)
        progress("starting PostgreSQL")
        world.postgres.start()
        world.make_databases(PROJECT / "sql", now)
        world.write_settings(world.people.make())
        airflow = LocalAirflow(_production(world) if as_production else _four_parts(world), port)
        ending.callback(airflow.stop)
        ending.callback(progress, "ending every process")
        with _meanwhile(lambda: airflow.start(progress), airflow.stop):
            rows = fill_source(world, PROJECT / "sql", people, now, progress)
            work = open_workplace({"EXTRACTS_HOME": str(world.home)})
            decided = decide_all(work, world, PROJECT / "examples" / "requests", progress)
            apply_scripts(work, world, decided, progress)
            rehearse_all(work, world, decided, progress)
        yield World(world, work, airflow, decided, rows)


def deliver_all(world: World, progress: Progress) -> list[Delivered]:
    """Let the scheduler run every approved agreement's DAG once; what came of each."""
    wanted = [d.request_id for d in world.decided if d.approved]
    with world.airflow.client("engineer") as client:
        client.wait_for_dags({f"extract__{r}" for r in wanted})
        runs = {}
        for request_id in wanted:
            client.unpause(f"extract__{request_id}")
            runs[request_id] = client.trigger(f"extract__{request_id}")
            progress(f"{request_id}: the scheduler has its run")
        _watch(world, client, runs, progress)
        outcomes = {r: _outcome(client, f"extract__{r}", run_id) for r, run_id in runs.items()}
    return [collect(world.work, world.home, request_id, outcome) for request_id, outcome in outcomes.items()]


def _watch(world: World, client: AirflowClient, runs: Mapping[str, str], progress: Progress) -> None:
    """Tell of every task that ends, until all runs have. Raises TechnicalFailure if they do not."""
    waiting, told = dict(runs), set[tuple[str, str]]()

    def all_ended() -> bool:
        world.airflow.check()
        for request_id, run_id in list(waiting.items()):
            dag_id = f"extract__{request_id}"
            tasks = client.task_instances(dag_id, run_id)
            for task in [t for t in tasks if t["state"] in _TOLD and (request_id, t["task_id"]) not in told]:
                told.add((request_id, task["task_id"]))
                progress(f"{request_id}: {task['task_id']} {_TOLD[task['state']]}")
            if all(t["state"] in _ENDED for t in tasks) and client.run(dag_id, run_id)["state"] in _ENDED:
                del waiting[request_id]
        return not waiting

    if not wait_until(all_ended, _RUNS_WITHIN_S, every_s=0.5):
        raise TechnicalFailure(
            f"Airflow has not ended the runs of {', '.join(waiting)} within {_RUNS_WITHIN_S} s.",
            advice=f"Its logs are in {world.airflow.logs}.",
        )


def collect(work: Workplace, home: DemoHome, request_id: str, outcome: Mapping[str, Any]) -> Delivered:
    """As the recipient would: with the folder, the pinned signers and the recipient's own key.

    Raises VerificationFailed. What was stopped or failed is not looked for, though an earlier delivery may be there.
    """
    from extracts.handover.verify import verify_delivery

    delivery = _newest(work, request_id) if outcome["outcome"] in (Outcome.DELIVERED, Outcome.NOTHING_DUE) else None
    if delivery is None:
        return Delivered(request_id, outcome)
    folder, people = work.places.drop_zone_folder / delivery.path, home.people
    found = verify_delivery(folder, people.allowed_signers, datetime.now(UTC), people.identity(delivery.recipient))
    found.check()
    with reading(work.register) as view:
        funnel = register.get_run(view, delivery.run_id).counts
    return Delivered(request_id, outcome, delivery, folder, funnel, tuple(found.sentences()))


def stop(home: Path) -> None:
    """End whatever a demo or `up` left running."""
    world = DemoHome.at(home.absolute())
    if world.is_marked():
        stop_airflow(world.home)
        world.postgres.stop()


def _end_leftovers(world: DemoHome, progress: Progress) -> None:
    if world.postgres.pid() is not None or processes_in(world.home / "airflow"):
        progress("ending what a killed command left running")
    stop(world.home)


def _outcome(client: AirflowClient, dag_id: str, run_id: str) -> Mapping[str, Any]:
    try:
        found: dict[str, Any] = client.xcom(dag_id, run_id, "record_outcome")
    except NotFound:
        return {"outcome": Outcome.FAILED, "reason": f"see the run {run_id}"}
    return found


def _newest(work: Workplace, request_id: str) -> DeliveryEntry | None:
    with reading(work.register) as view:
        there = register.list_deliveries(view, request_id=request_id, states=(DeliveryState.PUBLISHED,))
    return there[-1] if there else None


def _four_parts(world: DemoHome) -> AirflowConfig:
    return AirflowConfig(
        home=world.home,
        database_url=world.postgres.url(AIRFLOW, AIRFLOW_ROLE, driver="psycopg2"),
        dags_folder=PROJECT / "dags",
        users=USERS,
        environment={"EXTRACTS_HOME": str(world.home), "EXTRACTS_RETRIES": "1", "EXTRACTS_RETRY_SECONDS": "2"},
        considers_as=_STARTS,
    )


def _production(world: DemoHome) -> NativeShape:
    given = {
        "airflow.pgpass": world.postgres.passfile(AIRFLOW_ROLE),
        "register.pgpass": world.postgres.passfile(APPLICATION),
        "service.key": world.people.key(SERVICE),
        "source.pgpass": world.passfile,
    }
    return NativeShape(world.home, world.postgres.current_port(), USERS, given)


@contextmanager
def _meanwhile(start: Callable[[], None], stop: Callable[[], None]) -> Iterator[None]:
    """Run `start` beside the block; both must go well. If the block does not, `stop` ends what was started."""
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
    except BaseException:
        stop()
        raise
    finally:
        thread.join()
    if failed:
        raise failed[0]
