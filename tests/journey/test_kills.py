"""Killed, twice at once, or out of space: afterwards exactly one complete delivery, and never half of one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from extracts.errors import Outcome
from extracts.handover.verify import verify_delivery
from extracts.settings import PROJECT
from extracts.steps.doctor import examine
from extracts.steps.ledger_check import check_ledger
from extracts.steps.run import RunKey, run_step
from extracts.steps.run_folder import GATES
from tests.support.command_line import environment_of, extracts
from tests.support.dying import run_until, run_with_limit
from tests.support.warm import in_a_process
from tests.support.world import ANALYSTS, FIFE, World

# Where the process ends: before or after a function of ours; no clean-up runs, as in a power cut.
PLACES = [
    "extracts.steps.gate_approval:save_state:before",
    "extracts.steps.gate_source:_validated:before",
    "extracts.extraction.engine:_finish:before",
    pytest.param("extracts.steps.gate_build:save_extract:before", marks=pytest.mark.slow),
    "extracts.steps.gate_validate:write_report:before",
    "extracts.steps.gate_sign:assemble:after",
    "extracts.steps.gate_release:_intend:after",
    "extracts.handover.dropzone.folder:check_written:before",
    pytest.param("extracts.handover.dropzone.folder:FolderDropZone._list:before", marks=pytest.mark.slow),
    pytest.param("extracts.steps.gate_release:_tell:before", marks=pytest.mark.slow),
    "extracts.steps.outcome:release_staging:before",
]


def run_and_die(world: World, request_id: str, place: str) -> None:
    ended = in_a_process(world, world.home.home.parent / "killed", run_until, request_id, place)
    assert ended.code == -signal.SIGKILL, ended.err[-2000:]


def assert_one_whole_delivery(world: World, request_id: str) -> None:
    (folder,) = world.deliveries(request_id)
    people = world.home.people
    identity = people.identity(folder.parts[-3])
    verified = verify_delivery(folder, people.allowed_signers, datetime.now(UTC), identity)
    assert verified.passed, verified.sentences()
    index = json.loads((folder.parent / "index.json").read_text())
    assert folder.name in json.dumps(index)
    (listed,) = extracts(world, "deliveries", "list", "--request-id", request_id, "--json").json
    assert (listed["state"], listed["path"]) == ("published", str(folder))


def assert_nothing_half(world: World) -> None:
    """Nothing that a recipient could take for a delivery, unless it is a whole one; nothing clear outside staging."""
    for folder in world.deliveries():
        verified = verify_delivery(folder, world.home.people.allowed_signers, datetime.now(UTC))
        assert verified.passed, verified.sentences()
    seen = list(world.work.places.drop_zone.rglob("*.parquet"))
    assert not seen, "no clear file ever reaches the drop zone"
    for folder in world.work.places.drop_zone.glob("*/*/*"):
        if folder.is_dir() and ".publishing" not in folder.parts:
            assert (folder / "manifest.json").exists(), folder


@pytest.mark.parametrize("place", PLACES)
def test_a_run_that_is_killed_is_made_good_by_the_next(world: World, place: str) -> None:
    run_and_die(world, FIFE, place)
    assert_nothing_half(world)
    seen_before = world.deliveries(FIFE)
    found = world.run(FIFE)
    expected = Outcome.NOTHING_DUE if seen_before else Outcome.DELIVERED
    assert found["outcome"] == expected, found
    assert_one_whole_delivery(world, FIFE)
    assert not world.staged()
    assert not list(world.work.places.home.rglob("*.parquet"))
    assert check_ledger(world.work, (world.work.places.drop_zone,)).passed


def test_a_killed_run_is_told_as_what_it_was(world: World) -> None:
    run_and_die(world, FIFE, "extracts.steps.gate_build:save_extract:before")
    told = extracts(world, "why", FIFE, "--json").json
    assert told["last_outcome"].startswith("under way, or ended from outside")
    assert any(FIFE in c.detail for c in examine(world.work) if c.subject == "staging"), "the doctor sees what it left"


def test_a_step_that_was_cut_off_is_told_by_whoever_begins_after_it(world: World) -> None:
    run_and_die(world, FIFE, "extracts.steps.gate_build:save_extract:before")
    told = extracts(world, "why", FIFE, "--json").json
    assert told["reason"].startswith("build_extract (try 1, on ")
    assert told["reason"].endswith("has not ended, or was cut off.")
    assert told["interrupted"] == []
    again = RunKey(FIFE, "killed", try_number=2, host="worker-2")  # as Airflow tries it again
    for step in (*GATES[2:], "record_outcome"):
        run_step(world.work, step, again)
    told = extracts(world, "why", FIFE, "--json").json
    assert told["last_outcome"] == "delivered"
    (cut_off,) = told["interrupted"]
    assert cut_off.startswith("build_extract (try 1, on ")
    (event,) = extracts(world, "ledger", "show", "--subject", FIFE, "--kind", "run.interrupted", "--json").json
    assert (event["payload"]["step"], event["payload"]["try"]) == ("build_extract", 1)
    assert_one_whole_delivery(world, FIFE)
    assert not world.staged()
    assert "cut off" in extracts(world, "why", FIFE).text


def test_a_run_that_ends_by_itself_was_not_interrupted(world: World) -> None:
    assert world.run(FIFE)["outcome"] == Outcome.DELIVERED
    assert extracts(world, "why", FIFE, "--json").json["interrupted"] == []
    assert not list(world.work.places.runs.rglob("begun.json"))


# --- two at once ---------------------------------------------------------------------------------------------------


def _command(world: World, request_id: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "extracts.cli", "run", request_id, "--json"],
        env={**os.environ, **environment_of(world), "PYTHONPATH": str(PROJECT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_two_processes_for_one_period_make_one_delivery(world: World) -> None:
    both = [_command(world, ANALYSTS) for _ in range(2)]
    said = [process.communicate(timeout=120) for process in both]
    outcomes = sorted(json.loads(out)["outcome"] for out, _ in said)
    assert outcomes == ["delivered", "nothing due"], said
    # The later one finds the period delivered (nothing due), or the earlier one still at work (busy).
    assert sorted(process.returncode for process in both) in ([0, 0], [0, 1])
    assert_one_whole_delivery(world, ANALYSTS)
    assert not world.staged()


# --- no space, no drop zone -------------------------------------------------------------------------------------


@pytest.mark.parametrize("most_bytes", [20, 3_000])
def test_a_full_disk_delivers_nothing_and_loses_nothing(world: World, tmp_path: Path, most_bytes: int) -> None:
    ended = in_a_process(world, tmp_path / "limited", run_with_limit, FIFE, most_bytes)
    assert ended.code == 0, ended.err[-2000:]
    told = json.loads(ended.out)
    assert told["outcome"] != "delivered"
    assert "o space is left" in told["reason"], told
    assert not world.deliveries()
    assert_nothing_half(world)
    assert world.run(FIFE)["outcome"] == Outcome.DELIVERED
    assert_one_whole_delivery(world, FIFE)
    assert not world.staged()
    for line in (world.work.places.lineage / "events.jsonl").read_text().splitlines():
        json.loads(line)  # none was cut off


def test_a_drop_zone_that_is_not_there_is_told_and_made_up_for(world: World) -> None:
    zone = world.work.places.drop_zone
    zone.rename(zone.with_name("unmounted"))
    found = world.run(FIFE)
    assert (found["outcome"], found["gate"]) == (Outcome.FAILED, "release")
    assert "drop zone" in found["reason"]
    assert "mounted" in found["reason"]
    assert not zone.exists(), "an unmounted share is never replaced by a folder of our own"
    assert not world.staged()
    zone.with_name("unmounted").rename(zone)
    assert world.run(FIFE)["outcome"] == Outcome.DELIVERED
    assert_one_whole_delivery(world, FIFE)
