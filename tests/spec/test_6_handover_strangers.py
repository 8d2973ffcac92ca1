"""Stage 6, handing over: what a person can tell who has a delivery's folder and the public keys, and nothing else."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.deliveries import MadeDelivery, a_delivery
from tests.support.keys import Keys

# No address can be reached, and none is asked for.
_OFFLINE = """
import socket, sys
def refuse(*a, **k): raise RuntimeError("the network was asked for")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
from extracts.cli import main
sys.argv[0] = "extracts"
main()
"""


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory, keys: Keys) -> tuple[Path, Path, MadeDelivery]:
    """A folder that holds a delivery and the public keys: all that the stranger has."""
    made = a_delivery(tmp_path_factory.mktemp("made"), keys)
    alone = tmp_path_factory.mktemp("stranger")
    shutil.copytree(made.folder, alone / made.id)
    shutil.copy(keys.allowed_signers, alone / "allowed_signers")
    return alone / made.id, alone / "allowed_signers", made


@pytest.fixture(scope="module")
def readme(given: tuple[Path, Path, MadeDelivery]) -> str:
    return " ".join((given[0] / "README.txt").read_text().split())


def verify(folder: Path, signers: Path) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "HOME": str(signers.parent), "COLUMNS": "500"}
    command = [sys.executable, "-c", _OFFLINE, "verify", str(folder), "--signers", str(signers)]
    return subprocess.run(command, cwd=signers.parent, env=environment, capture_output=True, text=True, timeout=90)


def test_they_can_tell_offline_that_two_people_approved_it_and_that_no_byte_has_changed(
    given: tuple[Path, Path, MadeDelivery], keys: Keys
) -> None:
    folder, signers, _ = given
    done = verify(folder, signers)
    assert done.returncode == 0, done.stdout + done.stderr
    for role in ("board", "controller", "service"):
        assert f"signed by {keys.principal(role)}" in done.stdout
    assert "is the plan that the decision binds, byte for byte" in done.stdout
    assert "Every byte of 8 files, and SHA256SUMS, is as it was signed" in done.stdout


@pytest.mark.parametrize("name", ["README.txt", "openlineage.json", "plan.json", "pension_credit_award.parquet.age"])
def test_they_can_tell_that_a_byte_has_changed(
    given: tuple[Path, Path, MadeDelivery], tmp_path: Path, name: str
) -> None:
    folder, signers, made = given
    copy = shutil.copytree(folder, tmp_path / made.id)
    data = bytearray((copy / name).read_bytes())
    data[len(data) // 2] ^= 1
    (copy / name).write_bytes(data)
    done = verify(copy, signers)
    assert done.returncode != 0
    assert name in done.stdout


def test_they_can_tell_who_approved_it_and_until_when_it_may_be_kept(
    given: tuple[Path, Path, MadeDelivery], readme: str, keys: Keys
) -> None:
    manifest = given[2].assembled.manifest
    for role, words in (("board", "the Board"), ("controller", "the Controller")):
        assert f"{keys.principal(role)} for {words} (recorded 2026-01-06)" in readme
    assert f"Destroy by: {manifest.handling.destroy_by} (every copy)" in readme


def test_they_can_tell_from_which_source_at_which_moment(given: tuple[Path, Path, MadeDelivery], readme: str) -> None:
    [source] = given[2].assembled.manifest.sources
    assert (
        f"From {source.relation} of {source.system}, as it was at 2026-11-23 09:00:00 UTC "
        f"(snapshot {source.snapshot}), "
        "loaded 2026-11-23 05:00 UTC; the database let this agreement read its own view and nothing else." in readme
    )
    assert "Rows: 26 in the source = 3 not asked for + 2 on hold + 1 withheld + 20 delivered." in readme


def test_they_can_tell_what_was_done_to_each_column(given: tuple[Path, Path, MadeDelivery], readme: str) -> None:
    columns = given[2].plan.datasets[0].columns
    assert len(columns) == 7
    for column in columns:
        parameters = f" ({', '.join(column.parameters)})" if column.parameters else ""
        assert f"{column.name}: {column.source}, {column.treatment}{parameters}" in readme


def test_they_can_tell_what_was_checked(given: tuple[Path, Path, MadeDelivery], readme: str) -> None:
    checks = [c for r in given[2].assembled.manifest.reports for c in r.checks]
    assert checks
    for check in checks:
        assert f"passed: {check.target}: {check.name}" in readme
