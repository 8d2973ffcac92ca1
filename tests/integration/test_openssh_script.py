"""tests/support/openssh.sh: a missing server is installed or complained about, never passed over in silence."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "support" / "openssh.sh"


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A folder of programs that stands for a whole machine; nothing of the real one is found."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("bash", "sh", "cat", "mktemp", "rm", "tail", "cp", "chmod"):
        (folder / name).symlink_to(str(shutil.which(name)))
    return folder


def install(machine: Path, name: str, text: str) -> None:
    (machine / name).write_text(text)
    (machine / name).chmod(0o755)


def run(machine: Path, uid: int, **environment: str) -> subprocess.CompletedProcess[str]:
    install(machine, "id", f"#!/bin/sh\necho {uid}\n")
    given = {"PATH": str(machine), "SSHD": str(machine / "sshd"), **environment}
    return subprocess.run([str(shutil.which("bash")), SCRIPT], env=given, capture_output=True, text=True)


def test_root_with_a_server_is_told_nothing(machine: Path) -> None:
    install(machine, "sshd", "#!/bin/sh\n")
    done = run(machine, 0, CI="true")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_an_ordinary_user_is_told_what_is_skipped_even_with_a_server(machine: Path) -> None:
    install(machine, "sshd", "#!/bin/sh\n")
    done = run(machine, 1000)
    assert done.returncode == 0
    assert "you are not root" in done.stderr
    assert "SKIPPED" in done.stderr
    assert run(machine, 1000, CI="true").returncode == 1


def test_root_gets_it_installed_without_noise(machine: Path) -> None:
    installs = f"[ $1 = update ] || cp {machine}/apt-get {machine}/sshd"
    install(machine, "apt-get", f"#!/bin/sh\necho noise\n{installs}\n")
    done = run(machine, 0, CI="true")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "Installing the OpenSSH server for the tests of the transfer area ...\n"


@pytest.mark.parametrize("apt", ["", "#!/bin/sh\necho 'no network'\nexit 100\n"])
def test_in_continuous_integration_a_missing_server_is_a_failure(machine: Path, apt: str) -> None:
    if apt:
        install(machine, "apt-get", apt)
    done = run(machine, 0, CI="true")
    assert done.returncode == 1
    assert ("no network" in done.stderr) == bool(apt)
    assert "SKIPPED" in done.stderr
