"""The demo's home: made once, made good after a kill, held by one command, and ended with whatever failed.

Airflow is left out here, and with it most of the time; tests/journey/test_demo.py runs the whole.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from extracts import signing
from extracts.errors import TechnicalFailure
from extracts.local import demo
from extracts.local.demo import running
from extracts.local.home import MARK, DemoHome
from extracts.local.people import BOARD, People
from extracts.local.processes import processes_in, wait_until
from extracts.settings import PROJECT
from tests.support.command_line import extracts
from tests.support.world import AGREEMENTS, REFUSED

# Where the demo is killed, one after the other in one home; no clean-up runs, as in a power cut.
PLACES = [
    "extracts.signing:generate_key:after",
    "extracts.local.postgres:EmbeddedPostgres.create_database:after",
    "extracts.local.sample:apply_schema:after",
    "extracts.local.world:draw_up_decision:after",
    "extracts.local.world:sign_decision:after",
    "extracts.steps.decisions:publish_in_force:before",
    "extracts.local.home:DemoHome.apply_roles:before",
]
_KILLED_EVERYWHERE = textwrap.dedent(
    """
    import atexit, importlib, json, os, signal, sys
    from pathlib import Path
    from extracts.local.airflow import LocalAirflow
    from extracts.local.demo import running, stop
    from extracts.record import ledger, register
    from extracts.record.transaction import reading

    home, places = Path(sys.argv[1]), sys.argv[2:]
    atexit.register(stop, home)  # whatever this test finds
    LocalAirflow.start = LocalAirflow.stop = lambda *_: None

    def kill(place):
        module, name, when = place.split(":")
        owner = importlib.import_module(module)
        *path, last = name.split(".")
        for part in path:
            owner = getattr(owner, part)
        function = getattr(owner, last)

        def deadly(*arguments, **keywords):
            if when == "after":
                function(*arguments, **keywords)
            os.kill(os.getpid(), signal.SIGKILL)

        setattr(owner, last, deadly)

    def told(world):
        with reading(world.work.register) as view:
            return {
                "status": {d.request_id: d.status for d in world.decided},
                "decisions": {d.request_id: len(register.list_decisions(view, d.request_id)) for d in world.decided},
                "events": [e.kind for e in ledger.events(view.connection, limit=1000)],
                "published": sorted(p.stem for p in world.work.places.published.glob("*.json")),
                "people": world.source_rows["person"],
            }

    for place in places:
        child = os.fork()
        if child == 0:
            kill(place)
            with running(home, 1_000, lambda _: None):
                os._exit(0)
        assert os.waitpid(child, 0)[1] == signal.SIGKILL, place
    for _ in range(2):
        with running(home, 1_000, lambda _: None) as world:
            print(json.dumps(told(world)))
    """
)


@pytest.mark.slow
def test_a_demo_that_was_killed_anywhere_is_made_good_by_the_next_and_a_further_one_changes_nothing(
    tmp_path: Path,
) -> None:
    home = tmp_path / "home"
    done = subprocess.run(
        [sys.executable, "-c", _KILLED_EVERYWHERE, str(home), *PLACES],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    good, again = (json.loads(line) for line in done.stdout.splitlines())
    assert good["status"] == {**dict.fromkeys(AGREEMENTS, "approved"), REFUSED: "refused"}
    assert set(good["decisions"].values()) == {1}  # what was drawn up and not yet signed was signed, not drawn up again
    assert good["published"] == sorted(AGREEMENTS)
    assert good["people"] == 1_000
    for kind, times in {"request.submitted": 4, "decision.signed": 8, "agreement.published": 3, "key.made": 2}.items():
        assert good["events"].count(kind) == times, kind
    assert again == good
    assert not processes_in(home / "postgres" / "data")


def test_a_key_pair_of_which_a_killed_demo_made_a_half_is_made_whole(tmp_path: Path, monkeypatch) -> None:
    people = People(tmp_path)
    with monkeypatch.context() as patched:
        renamed = []
        rename = Path.rename
        patched.setattr(Path, "rename", lambda *paths: _once(rename, paths, renamed))
        with pytest.raises(KeyboardInterrupt):
            people.make()
    people.make()
    assert signing.sign(b"data", people.key(BOARD), signing.DECISION_BOARD)


def _once(rename, paths: tuple[Path, ...], renamed: list[Path]) -> None:
    if renamed:
        raise KeyboardInterrupt
    renamed.append(rename(*paths))


# --- failures: exit code 1, the reason, and nothing left running -----------------------------------------------------


@pytest.mark.parametrize("command", ["demo", "up"])
def test_a_home_that_cannot_be_written_is_named(tmp_path: Path, command: str) -> None:
    (tmp_path / "file").touch()
    said = extracts(None, command, EXTRACTS_HOME=str(tmp_path / "file" / "home"))
    assert said.code == 1
    assert f"The folder {tmp_path}/file/home cannot be used" in said.text


def test_a_folder_that_no_demo_made_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "trust").mkdir()
    for command in ("demo", "down"):
        said = extracts(None, command, EXTRACTS_HOME=str(tmp_path))
        assert said.code == (1 if command == "demo" else 0)
        assert [p.name for p in tmp_path.iterdir()] == ["trust"]
    assert "holds what no demo made" in extracts(None, "demo", EXTRACTS_HOME=str(tmp_path)).text


def test_a_taken_port_is_told_before_anything_is_started(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        said = extracts(None, "up", "--port", port, EXTRACTS_HOME=str(tmp_path / "home"))
    assert said.code == 1
    assert f"Port {port} on 127.0.0.1 is taken." in said.text
    assert "make up PORT=" in said.text
    assert not (tmp_path / "home" / "postgres" / "data").exists()


def test_a_second_command_in_one_home_is_refused_and_ends_nothing_of_the_first(tmp_path: Path) -> None:
    home = DemoHome.at(tmp_path / "home")
    with home.held():
        home.postgres.start()
        try:
            said = extracts(None, "demo", EXTRACTS_HOME=str(home.home))
            assert said.code == 1
            assert "Another command runs the demo" in said.text
            assert home.postgres.is_running()
        finally:
            home.postgres.stop()


@pytest.mark.parametrize("failing", ["airflow", "source"])
def test_whatever_fails_every_process_is_ended(tmp_path: Path, monkeypatch, failing: str) -> None:
    # Airflow's parts are stand-ins that never become healthy: if the source fails, nobody may wait for them.
    migrated = 3 if failing == "airflow" else 0
    code = f"import sys, time; sys.exit({migrated}) if 'db' in sys.argv else time.sleep(99)"
    monkeypatch.setattr("extracts.local.airflow._command", lambda arguments: [sys.executable, "-c", code, *arguments])
    home = tmp_path / "home"
    monkeypatch.setattr(demo, "fill_source", lambda *_: _fail_once(home) if failing == "source" else {})
    monkeypatch.setattr(demo, "decide_all", lambda *_: [])
    monkeypatch.setattr(demo, "apply_scripts", lambda *_: None)
    with pytest.raises(TechnicalFailure) as failure, running(home, 1_000, lambda _: None):
        pytest.fail("it must not come so far")
    expected = {"airflow": "could not prepare its database (exit code 3)", "source": "no source"}
    assert expected[failing] in failure.value.message
    assert not processes_in(home / "postgres" / "data")
    assert not processes_in(home / "airflow")


def _fail_once(home: Path) -> None:
    assert wait_until(lambda: len(processes_in(home / "airflow")) >= 4, 60)
    raise TechnicalFailure("There is no source.")


# --- make -----------------------------------------------------------------------------------------------------------


def make(folder: Path, *arguments: str, **environment: str) -> str:
    command = ["make", "-s", "-f", str(PROJECT / "Makefile"), *arguments]
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("EXTRACTS_", "MAKE")) and k != "PORT"}
    done = subprocess.run(
        command, cwd=folder, env={**kept, **environment}, capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout + done.stderr


def test_make_up_takes_a_port() -> None:
    assert "extracts up --port 8080" in make(PROJECT, "-n", "up")
    assert "extracts up --port 9001" in make(PROJECT, "-n", "up", "PORT=9001")


def test_make_clean_removes_the_demo_s_home_and_no_other_folder(tmp_path: Path) -> None:
    ours, theirs, default = tmp_path / "our home", tmp_path / "theirs", tmp_path / ".extracts"
    for folder in (ours, theirs, default):
        folder.mkdir()
        (folder / "key").touch()
    (ours / MARK).touch()
    assert "theirs is left alone" in make(tmp_path, "clean", EXTRACTS_HOME=str(theirs))
    assert (theirs / "key").exists()
    assert not default.exists()
    make(tmp_path, "clean", EXTRACTS_HOME=str(ours))
    assert not ours.exists()
    make(tmp_path, "clean", EXTRACTS_HOME=str(tmp_path / "none"))
