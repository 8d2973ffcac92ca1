"""`make demo`, as a newcomer sees it: one command, a summary, deliveries, nothing left running.

The home is one in which a demo was killed while its Airflow started, so servers and half of everything lie about.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from extracts.local.home import DemoHome
from extracts.local.processes import processes_in, wait_until
from extracts.settings import PROJECT
from tests.support.world import AGREEMENTS, REFUSED

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """The home of a demo that has ended, and what it said."""
    home = tmp_path_factory.mktemp("demo") / "home"
    environ = {k: v for k, v in os.environ.items() if not k.startswith("EXTRACTS_")}
    environ |= {"EXTRACTS_HOME": str(home)}
    command = [str(Path(sys.executable).with_name("extracts")), "demo"]
    with subprocess.Popen(command, cwd=PROJECT, env=environ, stderr=subprocess.PIPE, text=True) as first:
        assert first.stderr
        assert any("starting Airflow on" in line for line in first.stderr)
        assert wait_until(lambda: processes_in(home / "airflow"), 60)
        first.kill()
    done = subprocess.run(command, cwd=PROJECT, env=environ, capture_output=True, text=True, timeout=850, check=False)
    return home, done


def _said(demo: tuple[Path, subprocess.CompletedProcess[str]]) -> str:
    return demo[1].stdout + demo[1].stderr[-3000:]


def test_it_ends_well_and_says_what_happened(demo: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    assert demo[1].returncode == 0, _said(demo)
    for request_id in (*AGREEMENTS, REFUSED):
        assert request_id in demo[1].stdout
    for word in ("source", "filtered", "on hold", "withheld", "delivered", "verified"):
        assert word in demo[1].stdout
    for step in ("[  0.", "ending what a killed command left running", f"{AGREEMENTS[0]}: validate_extract passed"):
        assert step in demo[1].stderr  # progress, while it works


def test_every_command_that_it_prints_works_as_printed(
    demo: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    alone, _, with_servers = demo[1].stdout.partition("while `make up` runs")
    assert [_run(line) for line in _commands(alone)] == [0, 1]  # the second says why a request is refused
    server = DemoHome.at(demo[0]).postgres
    server.start()
    try:
        assert [_run(line) for line in _commands(with_servers)] == [0, 0]
    finally:
        server.stop()


def _commands(text: str) -> list[str]:
    return [line for line in text.splitlines() if "bin/extracts " in line]


def _run(command: str) -> int:
    done = subprocess.run(command, shell=True, cwd=PROJECT, capture_output=True, text=True, check=False, timeout=120)
    assert done.stdout, done.stderr
    return done.returncode


def test_every_approved_agreement_is_delivered_and_the_refused_one_is_not(
    demo: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    delivered = {path.parent.parent.name for path in (demo[0] / "dropzone").glob("*/*/*/manifest.json")}
    assert delivered == set(AGREEMENTS)


def test_nothing_is_left_running_or_staged(demo: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    home = str(demo[0])
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            assert home not in process.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue  # it ended while we looked
    assert not [p for p in (demo[0] / "staging").rglob("*") if p.is_file()]


def test_no_person_and_no_password_is_in_airflow_s_logs(
    demo: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    passwords = [line.rpartition(":")[2] for line in (demo[0] / "keys-source.pgpass").read_text().splitlines()]
    assert passwords
    for log in (demo[0] / "airflow").rglob("*.log"):
        text = log.read_text(errors="replace")
        assert not re.search(r"QQ *[0-9]{2} *[0-9]{2}", text), log
        assert not [p for p in passwords if p in text], log
