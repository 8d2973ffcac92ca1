"""Airflow on this machine: the scheduler really runs a DAG, and when it is over nothing is left behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from extracts.errors import NotFound, NotPermitted, TechnicalFailure
from extracts.local.airflow import LocalAirflow, stop_airflow
from extracts.local.airflow_config import PARTS, AirflowConfig, User
from extracts.local.processes import wait_until
from extracts.local.sessions import Session, end, launch, load, members, save

SLEEPER = textwrap.dedent("""
    import subprocess, sys, time, os
    if os.fork() == 0:
        os.setpgid(0, 0)  # as Airflow's task runners do
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
        time.sleep(600)
    time.sleep(600)
""")
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
)


# --- sessions: what is started can be ended, and only that ----------------------------------------------------------


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def start(folder: Path, code: str = SLEEPER, environment: dict[str, str] | None = None) -> Session:
    return launch("sleeper", python(code), folder, environment or dict(os.environ), folder / "log")


def alive(processes: set[psutil.Process]) -> set[int]:
    """Those that run; whoever ended and only waits to be collected by its parent does not."""
    return {p.pid for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE}


def test_a_program_ends_with_its_children_in_other_groups_and_other_sessions(tmp_path):
    session = start(tmp_path)
    assert wait_until(lambda: len(members([session])) == 3, 60)
    family = members([session])
    assert len({os.getpgid(process.pid) for process in family}) == 3
    assert len({os.getsid(process.pid) for process in family}) == 2
    end([session])
    assert members([session]) == set()
    assert not alive(family)
    assert not session.is_alive()


def test_children_are_ended_though_the_program_itself_was_killed(tmp_path):
    session = start(tmp_path)
    assert wait_until(lambda: len(members([session])) == 3, 60)
    os.kill(session.pid, signal.SIGKILL)
    assert wait_until(lambda: not session.is_alive(), 60)
    orphans = members([session])
    assert len(orphans) == 2
    end([session])
    assert not alive(orphans)


def test_who_does_not_listen_is_made_to_end(tmp_path):
    session = start(tmp_path, STUBBORN)
    assert wait_until(lambda: (tmp_path / "log").read_text() == "deaf\n", 60)
    end([session], patience_s=0.3)
    assert not session.is_alive()


def test_another_command_ends_what_a_killed_one_started(tmp_path):
    code = f"""
import os
from pathlib import Path
from tests.integration.test_airflow_processes import start, save
save([start(Path({str(tmp_path)!r}))], Path({str(tmp_path)!r}, "run", "record.json"))
os.kill(os.getpid(), 9)
"""
    assert subprocess.run(python(code), check=False).returncode == -signal.SIGKILL
    sessions = load(tmp_path / "run" / "record.json")
    assert sessions[0].is_alive()
    end(sessions)
    assert not sessions[0].is_alive()


def test_a_process_that_was_given_a_recorded_number_later_is_left_alone(tmp_path):
    stranger = start(tmp_path, "import time; time.sleep(600)")
    recorded = replace(stranger, started=stranger.started - 3600)
    assert not recorded.is_alive()
    end([recorded])
    assert stranger.is_alive()
    end([stranger])


def test_the_record_and_the_log_are_for_their_owner_only(tmp_path):
    session = start(tmp_path, "print('hello')")
    save([session], tmp_path / "run" / "record.json")
    assert load(tmp_path / "run" / "record.json") == [session]
    assert load(tmp_path / "run" / "none.json") == []
    end([session])
    assert stat.S_IMODE((tmp_path / "log").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "run" / "record.json").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "run").stat().st_mode) == 0o700


# --- configuration -------------------------------------------------------------------------------------------------


def a_config(home: Path, **changes) -> AirflowConfig:
    facts = {
        "home": home,
        "database_url": "postgresql+psycopg2://airflow@127.0.0.1:1/airflow?passfile=%2Fa%20b",
        "dags_folder": home / "dags",
        "users": (User("admin", "admin"), User("forum", "viewer")),
        "environment": {"PATH": os.environ["PATH"], "AIRFLOW__CORE__LOAD_EXAMPLES": "True", "LANG": "C.UTF-8"},
    }
    return AirflowConfig(**(facts | changes))


def test_secrets_are_kept_from_start_to_start_and_differ_between_homes(tmp_path):
    one, other = a_config(tmp_path / "one"), a_config(tmp_path / "other")
    texts = []
    for config in (one, one, other):
        config.write(8080)
        texts.append((config.folder / "airflow.cfg").read_text())
    assert texts[0] == texts[1]
    key = [line for line in texts[0].splitlines() if line.startswith("fernet_key")]
    assert len(key) == 1
    assert key[0] not in texts[2]
    assert set(one.passwords()) == {"admin", "forum"}
    assert not set(one.passwords().values()) & set(other.passwords().values())


def test_secrets_lie_in_0600_files_and_in_no_environment(tmp_path):
    config = a_config(tmp_path / "home")
    config.write(8080)
    for file in (config.folder / "airflow.cfg", config.passwords_file):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(config.folder.stat().st_mode) == 0o700
    environment = config.child_environment()
    assert not [n for n in environment if n.startswith("AIRFLOW__")]
    assert not [v for v in environment.values() for secret in config.passwords().values() if secret in v]


def test_the_end_of_a_log_is_shown_without_secrets(tmp_path):
    config = a_config(tmp_path / "home")
    config.write(8080)
    key = next(
        line for line in (config.folder / "airflow.cfg").read_text().splitlines() if line.startswith("jwt_secret")
    )
    secret = key.partition(" = ")[2]
    shown = config.blank_out(f"a {secret} b postgresql://u:hush@h/d {config.passwords()['admin']}")
    assert shown == "a *** b postgresql://u:***@h/d ***"


def test_a_port_that_is_taken_is_said_before_anything_starts(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(TechnicalFailure, match=f"Port {port} .* is taken"):
            LocalAirflow(a_config(tmp_path / "home"), port).start()
    assert not (tmp_path / "home" / "run" / "airflow.json").exists()


def test_an_unreachable_database_is_said_with_the_end_of_the_log_and_nothing_is_left(tmp_path):
    airflow = LocalAirflow(a_config(tmp_path / "home"))
    with pytest.raises(TechnicalFailure, match=r"(?s)could not prepare its database .*migrate.log"):
        airflow.start()
    assert load(tmp_path / "home" / "run" / "airflow.json") == []


# --- the real thing ------------------------------------------------------------------------------------------------

DAG = """
from datetime import datetime
from airflow.sdk import dag, task

@dag(schedule=None, start_date=datetime(2026, 1, 1))
def greeting():
    @task
    def make(**context):
        print("making for", context["params"].get("who"), context["dag_run"].conf)
        return {"rows": 3}

    @task
    def use(made):
        return made["rows"] + 1

    use(make())

@dag(schedule=None, start_date=datetime(2026, 1, 1))
def endless():
    @task
    def wait():
        import subprocess, sys, time
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
        time.sleep(600)

    wait()

@dag(schedule=None, start_date=datetime(2026, 1, 1))
def broken():
    @task
    def fail():
        raise RuntimeError("on purpose")

    fail()

greeting(), endless(), broken()
"""


@pytest.fixture(scope="module")
def airflow(pg, tmp_path_factory) -> Iterator[LocalAirflow]:
    """An Airflow whose home has a space in its path."""
    home = tmp_path_factory.mktemp("air flow") / "home"
    dags = tmp_path_factory.mktemp("dags")
    (dags / "trivial.py").write_text(DAG)
    (dags / "unreadable.py").write_text("from airflow.sdk import dag\nraise ValueError('cannot be read')\n")
    pg.create_role("airflow_metadata")
    pg.create_database("airflow_metadata", "airflow_metadata")
    url = pg.url("airflow_metadata", "airflow_metadata", driver="psycopg2")
    config = a_config(home, database_url=url, dags_folder=dags, dags_start_paused=False, environment=dict(os.environ))
    running = LocalAirflow(config)
    said: list[str] = []
    running.start(said.append)
    running.said = said
    try:
        yield running
    finally:
        running.stop()
        pg.drop_database("airflow_metadata")


def readable(processes: set[psutil.Process]) -> set[psutil.Process]:
    """Those whose details their owner may read: Airflow closes its task runners to everybody but root."""
    return {process for process in processes if os.access(f"/proc/{process.pid}/environ", os.R_OK)}


def sessions(airflow: LocalAirflow) -> list[Session]:
    return load(airflow.config.home / "run" / "airflow.json")


@pytest.mark.airflow
def test_every_part_becomes_healthy_and_says_so(airflow):
    airflow.check()
    assert {session.name for session in sessions(airflow)} == set(PARTS)
    for part in ("scheduler", "dag-processor", "triggerer", "metadatabase"):
        assert f"Airflow's {part} is healthy" in airflow.said


@pytest.mark.airflow
def test_the_scheduler_runs_a_dag_and_its_results_can_be_read(airflow):
    with airflow.client("admin") as client:
        client.wait_for_dags({"greeting", "endless", "broken"})
        run_id = client.trigger("greeting", conf={"who": "you"}, run_id="one:run+here")
        run = client.wait_for_run("greeting", run_id, 240, airflow.check)
        assert run["state"] == "success"
        assert {task["task_id"]: task["state"] for task in client.task_instances("greeting", run_id)} == {
            "make": "success",
            "use": "success",
        }
        assert client.xcom("greeting", run_id, "use") == 4
        assert "{'who': 'you'}" in client.log("greeting", run_id, "make")
        assert [found["dag_run_id"] for found in client.runs("greeting")] == [run_id]


@pytest.mark.airflow
def test_a_failing_task_makes_a_failed_run(airflow):
    with airflow.client("admin") as client:
        client.wait_for_dags({"broken"})
        run_id = client.trigger("broken")
        assert client.wait_for_run("broken", run_id, 240)["state"] == "failed"
        assert "on purpose" in client.log("broken", run_id, "fail")


@pytest.mark.airflow
def test_broken_files_and_missing_dags_are_named(airflow):
    with airflow.client("admin") as client:
        assert wait_until(lambda: bool(client.import_errors()), 120, 0.5)
        assert [Path(error["filename"]).name for error in client.import_errors()] == ["unreadable.py"]
        with pytest.raises(TechnicalFailure, match=r"absent.*unreadable\.py"):
            client.wait_for_dags({"absent", "greeting"}, patience_s=0.5)


@pytest.mark.airflow
def test_a_wrong_password_and_a_viewer_who_triggers_are_refused(airflow):
    with pytest.raises(NotPermitted):
        type(airflow.client("admin"))(airflow.url, "admin", "wrong")
    with airflow.client("forum") as viewer:
        assert viewer.dags()
        with pytest.raises(NotPermitted):
            viewer.trigger("greeting")
        with pytest.raises(NotFound):
            viewer.run("greeting", "never")


@pytest.mark.airflow
def test_it_listens_on_the_loopback_address_only(airflow):
    addresses = {
        (connection.laddr.ip, connection.laddr.port)
        for process in readable(members(sessions(airflow)))
        for connection in process.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert addresses == {("127.0.0.1", int(airflow.url.rpartition(":")[2]))}


@pytest.mark.airflow
def test_no_secret_is_in_a_command_line_an_environment_or_a_log(airflow, pg):
    config = airflow.config
    kept = (config.folder / "airflow.cfg").read_text().splitlines()
    secrets = [line.partition(" = ")[2] for line in kept if line.startswith(("fernet_key", "secret_key", "jwt_secret"))]
    secrets += config.passwords().values()
    secrets.append(pg.passfile("airflow_metadata").read_text().strip().rpartition(":")[2])
    assert len(secrets) == 6
    seen = {path: path.read_bytes() for path in airflow.logs.rglob("*.log")}
    for process in readable(members(sessions(airflow))):
        for name in ("cmdline", "environ"):
            seen[Path(f"/proc/{process.pid}/{name}")] = Path(f"/proc/{process.pid}/{name}").read_bytes()
    assert len(seen) > 8
    assert not [path for path, text in seen.items() for secret in secrets if secret.encode() in text]


@pytest.mark.airflow
def test_folders_and_logs_are_for_their_owner_only(airflow):
    open_to_others = [path for path in airflow.config.home.rglob("*") if path.stat().st_mode & 0o077]
    assert open_to_others == []


@pytest.mark.airflow
def test_a_second_command_may_not_start_another_one_in_the_same_home(airflow):
    with pytest.raises(TechnicalFailure, match="Another command runs Airflow"):
        LocalAirflow(airflow.config).start()
    airflow.check()


@pytest.mark.airflow
@pytest.mark.slow
def test_stopping_ends_a_running_task_and_its_children_and_a_dead_part_is_named(airflow):
    with airflow.client("admin") as client:
        client.wait_for_dags({"endless"})
        before = len(members(sessions(airflow)))
        run_id = client.trigger("endless")
        assert wait_until(lambda: client.task_instances("endless", run_id)[0]["state"] == "running", 240, 0.5)
        assert wait_until(lambda: len(members(sessions(airflow))) >= before + 2, 60, 0.2)
    everybody = members(sessions(airflow))
    scheduler = next(session for session in sessions(airflow) if session.name == "scheduler")
    os.kill(scheduler.pid, signal.SIGKILL)
    assert wait_until(lambda: not scheduler.is_alive(), 60)
    with pytest.raises(TechnicalFailure, match=r"(?s)Airflow's scheduler ended.*scheduler\.log"):
        airflow.check()
    stop_airflow(airflow.config.home)  # as another command would
    assert not alive(everybody)
    assert not (airflow.config.home / "run" / "airflow.json").exists()
    airflow.stop()


@pytest.mark.airflow
@pytest.mark.slow
def test_it_starts_again_with_the_same_users_and_history(airflow):
    assert json.loads(airflow.config.passwords_file.read_text()) == airflow.config.passwords()
    airflow.start()
    with airflow.client("admin") as client:
        assert [run["dag_run_id"] for run in client.runs("greeting")] == ["one:run+here"]
    airflow.stop()
    assert members(sessions(airflow)) == set()
