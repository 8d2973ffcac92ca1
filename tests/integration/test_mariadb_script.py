"""tests/support/mariadb.sh: a missing MariaDB is installed or complained about, never passed over in silence."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "support" / "mariadb.sh"


def run(folder: Path, uid: int, **environment: str) -> subprocess.CompletedProcess[str]:
    """On a machine whose only programs are these."""
    folder.mkdir()
    for name in ("bash", "sh", "cat", "mktemp", "rm", "tail"):
        (folder / name).symlink_to(str(shutil.which(name)))
    (folder / "id").write_text(f"#!/bin/sh\necho {uid}\n")
    (folder / "id").chmod(0o755)
    given = {"PATH": str(folder), "MARIADBD": str(folder / "mariadbd"), **environment}
    return subprocess.run([str(shutil.which("bash")), SCRIPT], env=given, capture_output=True, text=True)


@pytest.mark.parametrize(("uid", "why"), [(1000, "you are not root"), (0, "this machine has no apt-get")])
def test_whoever_has_none_is_told_what_is_skipped_and_continuous_integration_fails(
    tmp_path: Path, uid: int, why: str
) -> None:
    done = run(tmp_path / "machine", uid)
    assert done.returncode == 0
    assert why in done.stderr
    assert "SKIPPED" in done.stderr
    assert run(tmp_path / "other", uid, CI="true").returncode == 1
