"""Who may use an agreement's staging folder: one run at a time, in whatever process or thread it is."""

from __future__ import annotations

import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from extracts.errors import Busy
from extracts.steps.claim import check_staging, claim_staging, release_staging
from extracts.steps.run import RunKey
from extracts.steps.run_folder import RunFolder

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
ONE, TWO = RunKey("SDDSB-2026-014", "one"), RunKey("SDDSB-2026-014", "two")


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """The folders of a run; the record is of no matter here."""
    return RunFolder(tmp_path / "runs", tmp_path / "staging" / "SDDSB-2026-014")


def claim_of(folder: RunFolder) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder.staging / "run.json").read_text())
    return found


def rewritten(folder: RunFolder, **changes: Any) -> None:
    (folder.staging / "run.json").write_text(json.dumps(claim_of(folder) | changes))


def test_two_runs_as_threads_of_one_process_do_not_take_each_others_staging(folder: RunFolder) -> None:
    together = Barrier(2)

    def claim(key: RunKey) -> str:
        together.wait(10)
        try:
            claim_staging(folder, key, NOW)
        except Busy:
            return "busy"
        (folder.staging / f"rows of {key.run_id}").touch()
        return key.run_id

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(claim, (ONE, TWO)))
    (winner,) = set(found) - {"busy"}
    assert found.count("busy") == 1
    assert (folder.staging / f"rows of {winner}").exists()
    loser = TWO if winner == "one" else ONE
    release_staging(folder, loser, NOW)
    assert (folder.staging / f"rows of {winner}").exists(), "whoever came second removes nothing at its end either"


def test_the_same_run_goes_on_where_it_was(folder: RunFolder) -> None:
    (claim_staging(folder, ONE, NOW) / "rows").touch()
    assert (claim_staging(folder, ONE, NOW) / "rows").exists()
    assert check_staging(folder, ONE) == folder.staging
    release_staging(folder, ONE, NOW)
    assert not folder.staging.exists()


def test_a_dead_process_holds_nothing(folder: RunFolder) -> None:
    (claim_staging(folder, ONE, NOW) / "rows").touch()
    dead = subprocess.Popen(["true"])
    dead.wait()
    rewritten(folder, pid=dead.pid)
    assert not (claim_staging(folder, TWO, NOW) / "rows").exists()


def test_another_process_that_got_the_number_of_a_dead_one_is_not_the_run(folder: RunFolder) -> None:
    (claim_staging(folder, ONE, NOW) / "rows").touch()
    assert claim_of(folder)["pid"] == os.getpid()
    rewritten(folder, started="1")
    assert not (claim_staging(folder, TWO, NOW) / "rows").exists()


def test_a_further_try_of_the_same_run_does_not_build_upon_what_a_killed_one_left(folder: RunFolder) -> None:
    (claim_staging(folder, ONE, NOW) / "rows").touch()
    rewritten(folder, started="1")
    assert not (claim_staging(folder, ONE, NOW) / "rows").exists()


@pytest.mark.parametrize("where", [{"host": "elsewhere"}, {"dag": "extract__SDDSB-2026-014"}])
def test_where_no_process_can_be_seen_only_the_time_decides(folder: RunFolder, where: dict[str, str]) -> None:
    claim_staging(folder, ONE, NOW)
    rewritten(folder, pid=1, started="never", **where)
    with pytest.raises(Busy, match="one"):
        claim_staging(folder, TWO, NOW + timedelta(hours=11))
    claim_staging(folder, TWO, NOW + timedelta(hours=12))
    assert claim_of(folder)["run"] == TWO.name
