"""Airflow, imported into the tests' own process, keeps its files in a folder that nobody else uses."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from extracts.errors import Outcome
from extracts.local.home import DemoHome
from tests.support.world import FIFE, World, copied

RUN = "manual__2026-11-23T22:36:32.965997+00:00"

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


@pytest.fixture(scope="session")
def delivered(template_world: DemoHome, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world in which the Fife agreement was delivered once, by a run of the name that Airflow gives."""
    with copied(template_world, tmp_path_factory.mktemp("delivered") / "home") as world:
        from extracts.steps.run import RunKey, run_all

        found = run_all(world.work, RunKey(FIFE, RUN))
        assert found["outcome"] == Outcome.DELIVERED, found
        yield world
