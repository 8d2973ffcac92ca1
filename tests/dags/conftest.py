"""Airflow, imported into the tests' own process, keeps its files in a folder that nobody else uses."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

import pytest

# Read when Airflow is first imported, which collecting these tests does.
os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="extracts-airflow-")
atexit.register(shutil.rmtree, os.environ["AIRFLOW_HOME"], ignore_errors=True)
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An EXTRACTS_HOME of one's own, with nothing else set."""
    for name in [name for name in os.environ if name.startswith("EXTRACTS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("EXTRACTS_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def published(home: Path) -> Path:
    """The folder of published agreements, empty."""
    folder = home / "published"
    folder.mkdir()
    return folder
