"""What a recipient installs is small, and it is enough: verify and open a delivery with `pip install .[recipient]`."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from extracts import signing
from tests.support.collection import a_true_plan, an_area
from tests.support.deliveries import MadeDelivery, a_delivery
from tests.support.keys import Keys

PROJECT = Path(__file__).parents[2]
# By the names that installers know them by.
PIPELINE = (
    "airflow",
    "great-expectations",
    "great_expectations",
    "sqlalchemy",
    "psycopg",
    "asyncpg",
    "pandas",
    "numpy",
    "pyarrow",
    "polars",
    "pglast",
    "celery",
    "pgserver",
)


def run(*command: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, cwd=cwd)


@pytest.fixture(scope="module")
def recipients_environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with nothing but the recipient's extra, of the locked versions."""
    folder = tmp_path_factory.mktemp("recipient")
    source = folder / "source"
    source.mkdir()
    shutil.copytree(PROJECT / "extracts", source / "extracts", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(PROJECT / name, source / name)
    uv = Path(sys.executable).parent / "uv"
    environment = folder / "environment"
    made = run(uv, "venv", "-q", "--python", sys.executable, environment)
    assert made.returncode == 0, made.stderr
    locked = PROJECT / "requirements" / "lock.txt"
    python = environment / "bin" / "python"
    done = run(uv, "pip", "install", "-q", "--python", python, "--constraint", locked, ".[recipient]", cwd=source)
    assert done.returncode == 0, done.stderr
    return environment


@pytest.fixture(scope="module")
def delivery(tmp_path_factory: pytest.TempPathFactory, keys: Keys) -> MadeDelivery:
    return a_delivery(tmp_path_factory.mktemp("delivery"), keys)


def verify(environment: Path, delivery: Path, keys: Keys, *more: str | Path) -> subprocess.CompletedProcess[str]:
    # Elsewhere, so that nothing of the project is found by chance.
    return run(
        environment / "bin" / "extracts", "verify", delivery, "--signers", keys.allowed_signers, *more, cwd=Path("/")
    )


def test_nothing_of_the_pipeline_is_installed_with_it(recipients_environment: Path) -> None:
    uv = Path(sys.executable).parent / "uv"
    listed = run(uv, "pip", "list", "--format", "json", "--python", recipients_environment / "bin" / "python")
    names = {p["name"].lower() for p in json.loads(listed.stdout)}
    assert {"governed-extracts", "pyrage", "pydantic", "typer"} <= names
    assert not {n for n in names if any(heavy in n for heavy in PIPELINE)}
    assert len(names) < 25, sorted(names)


def test_a_delivery_is_verified_and_opened_with_it(
    recipients_environment: Path, delivery: MadeDelivery, keys: Keys
) -> None:
    done = verify(recipients_environment, delivery.folder, keys, "--identity", delivery.identity, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    [found] = json.loads(done.stdout)
    assert found["passed"] is True
    checked = " ".join(f["what"] for f in found["findings"] if f["result"] == "checked")
    assert "opens to the file that was inspected" in checked
    assert "Board and Controller are two people" in checked
    not_checked = " ".join(f["what"] for f in found["findings"] if f["result"] == "not checked")
    assert "pyarrow is not installed" in not_checked
    assert "PyYAML is not installed" in not_checked


def test_a_changed_file_is_named_by_it_and_fails(
    recipients_environment: Path, delivery: MadeDelivery, keys: Keys, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(delivery.folder, tmp_path / "delivery"))
    readme = folder / "README.txt"
    readme.write_bytes(readme.read_bytes().replace(b"Power", b"power", 1))
    done = verify(recipients_environment, folder, keys)
    assert done.returncode == 1
    assert "README.txt: was changed: its SHA-256 is not the one that was signed" in " ".join(done.stdout.split())


def test_one_command_collects_with_it_without_anything_that_only_posix_has(
    recipients_environment: Path, keys: Keys, tmp_path: Path
) -> None:
    made = a_delivery(tmp_path / "made", keys, plan=a_true_plan())
    area = an_area(tmp_path, keys, made)
    script = Path(shutil.copy(PROJECT / "tests" / "support" / "without_posix.py", tmp_path))
    given = ["--signers", keys.allowed_signers, "--into", tmp_path / "here", "--identity", made.identity]
    given += ["--receipt-key", keys.private("recipient"), "--csv", "--json"]
    done = run(recipients_environment / "bin" / "python", script, "collect", area, *given, cwd=Path("/"))
    assert done.returncode == 0, done.stdout + done.stderr
    (found,) = json.loads(done.stdout)["collected"]
    assert found["delivery"] == made.id
    assert [Path(p).name for p in found["opened"]] == ["benefit_cap.parquet", "benefit_cap.csv"]
    receipt = area / "inbox" / f"{made.id}.receipt.json"
    signature = receipt.with_name(f"{receipt.name}.sig").read_text()
    now = datetime.now(UTC)
    signed = signing.verify(receipt.read_bytes(), signature, signing.RECEIPT, keys.allowed_signers, now)
    assert signed.principal == keys.principal("recipient")
