"""tests/support/system.sh: a missing browser is installed or complained about, never passed over in silence."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support import browser

SCRIPT = Path(__file__).parents[1] / "support" / "system.sh"
RUNS = "#!/bin/sh\nexit 0\n"
STUB = "#!/bin/sh\necho 'requires the chromium snap' >&2\nexit 1\n"


@pytest.fixture
def machine(tmp_path):
    """A folder of programs that stands for a whole machine; nothing of the real one is found."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("bash", "sh", "cat", "mktemp", "rm", "tail", "cp", "chmod"):
        (folder / name).symlink_to(shutil.which(name))
    return folder


def install(machine: Path, name: str, text: str) -> None:
    (machine / name).write_text(text)
    (machine / name).chmod(0o755)


def run(machine: Path, uid: int = 1000, **environment: str) -> subprocess.CompletedProcess[str]:
    install(machine, "id", f"#!/bin/sh\necho {uid}\n")
    command = [shutil.which("bash"), SCRIPT]
    return subprocess.run(
        command, env={"PATH": str(machine), **environment}, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("name", browser.NAMES)
def test_where_a_browser_is_there_nothing_is_said_or_done(machine, name):
    install(machine, name, RUNS)
    done = run(machine)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_an_ordinary_user_without_one_is_told_what_is_skipped(machine):
    done = run(machine)
    assert done.returncode == 0
    assert 'marked "browser" will be SKIPPED' in done.stderr
    assert "you are not root" in done.stderr


def test_a_program_that_does_not_run_is_no_browser(machine):
    install(machine, "chromium-browser", STUB)
    assert "SKIPPED" in run(machine).stderr


def test_in_continuous_integration_a_missing_browser_is_a_failure(machine):
    assert run(machine, CI="true").returncode == 1
    install(machine, "chromium", RUNS)
    assert run(machine, CI="true").returncode == 0


def test_root_without_apt_is_told_too(machine):
    done = run(machine, uid=0)
    assert done.returncode == 0
    assert "no apt-get" in done.stderr


def test_root_gets_it_installed_without_noise(machine):
    installs = f"[ $1 = update ] || cp {machine}/apt-get {machine}/chromium"  # which then runs, and so is a browser
    install(machine, "apt-get", f"#!/bin/sh\necho noise\n{installs}\n")
    done = run(machine, uid=0, CI="true")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "Installing Chromium for the tests that look at pages ...\n"
    assert (machine / "chromium").exists()


def test_an_installation_that_fails_is_said_with_its_reason(machine):
    install(machine, "apt-get", "#!/bin/sh\necho 'no network'\nexit 100\n")
    done = run(machine, uid=0)
    assert done.returncode == 0
    assert "no network" in done.stderr
    assert "apt-get could not install" in done.stderr
    assert run(machine, uid=0, CI="true").returncode == 1
