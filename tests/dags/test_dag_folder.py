"""The folder of published agreements as Airflow sees it: one DAG a file, broken ones too, and only one for a worker."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from airflow.sdk.exceptions import AirflowFailException

from extracts.agreement import published as published_module
from extracts.errors import InvalidDocument
from extracts.scheduling import dag_folder, facts
from extracts.scheduling.dag_folder import SHARD_SIZE, SHARDS, folder_dags, shard_of
from extracts.scheduling.facts import request_id_of
from extracts.settings import PROJECT
from tests.dags.agreements import a_document, publish, publish_many
from tests.support.builders import a_plan, an_identified_plan

FIFE = "extract__SDDSB-2026-021"
ANALYSTS = "extract__SDDSB-2026-027"


@pytest.fixture
def two(published):
    publish(published)
    publish(published, a_document(an_identified_plan()))
    return published


def test_every_published_agreement_has_a_dag(two):
    assert set(folder_dags()) == {FIFE, ANALYSTS}


def test_many_are_shared_out_over_the_files_and_none_is_left_out_or_there_twice():
    names = [Path(f"{n:05}.json") for n in range(SHARDS * SHARD_SIZE + 7)]
    for count in (0, 1, SHARD_SIZE, SHARD_SIZE + 1, SHARDS * SHARD_SIZE, len(names)):
        shards = [shard_of(names[:count], shard) for shard in range(1, SHARDS + 1)]
        assert [name for shard in shards for name in shard] == names[:count]
        assert all(len(shard) <= SHARD_SIZE for shard in shards[:-1])


def test_there_is_a_file_for_every_shard():
    texts = [file.read_text() for file in sorted((PROJECT / "dags").glob("agreements*.py"))]
    assert len(texts) == SHARDS
    assert all("airflow" in text.lower() and "dag" in text for text in texts)  # or Airflow would not read them
    assert [f"shard={n}" in text for n, text in enumerate(texts, start=1)] == [False, True, True, True]


def test_a_further_shard_is_empty_until_it_is_needed_and_a_worker_gets_its_dag_from_any(two, monkeypatch):
    assert folder_dags(shard=2) == {}
    monkeypatch.setattr(dag_folder, "SHARD_SIZE", 1)
    assert [set(folder_dags(shard)) for shard in (1, 2, 3)] == [{FIFE}, {ANALYSTS}, set()]
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", FIFE)
    assert set(folder_dags(shard=3)) == {FIFE}


def test_what_is_read_here_is_what_is_published():
    """The constant stands in two places, because the module that publishes is too heavy for a worker's parse."""
    assert facts.FORMAT == published_module.FORMAT


def test_without_a_folder_there_are_no_dags(home):
    assert folder_dags() == {}


def test_files_that_are_being_written_are_not_read(two):
    (two / ".SDDSB-2026-027.4711").write_text("{")
    (two / ".SDDSB-2026-099.json").write_text("{")
    (two / "README.txt").write_text("hello")
    assert set(folder_dags()) == {FIFE, ANALYSTS}


# --- a broken file --------------------------------------------------------------------------------------------------


def without(section: str, field: str) -> str:
    document = a_document()
    del document[section][field]
    return json.dumps(document)


def changed(section: str, field: str, value: object) -> str:
    document = a_document()
    document[section][field] = value
    return json.dumps(document)


BROKEN = {
    "cut off": ('{"format": "governed-extracts/agreement/1"', "is not JSON"),
    "empty": ("", "is not JSON"),
    "a list": ("[]", "is not governed-extracts/agreement/1"),
    "another format": ('{"format": "governed-extracts/agreement/9"}', "is not governed-extracts/agreement/1"),
    "nested without end": ("[" * 100_000, "is not JSON"),
    "no schedule": (without("plan", "schedule"), "schedule"),
    "no signature": (without("signatures", "board"), "board"),
    "another's name": (changed("request", "id", "SDDSB-2026-001"), "is not the name of the file"),
    "no date": (changed("plan", "end_on", "soon"), "document: is missing or not what"),
    "a schedule that is none": (changed("plan", "schedule", "now and then"), "cannot be made into a DAG (ValueError)"),
    "a plan that is none": (changed("plan", "datasets", [{}]), "plan"),
    "no purpose": (without("request", "purpose"), "cannot be made into a DAG (KeyError)"),
    "not text": (b"\xff\xfe\x00", "is not JSON"),
}


@pytest.mark.parametrize(("content", "reason"), BROKEN.values(), ids=BROKEN)
def test_a_broken_file_becomes_a_dag_that_says_why_and_hides_no_other(two, content, reason):
    path = two / "SDDSB-2026-027.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    dags = folder_dags()
    assert set(dags) == {FIFE, ANALYSTS}
    broken = dags[ANALYSTS]
    assert "broken" in broken.tags
    assert not broken.timetable.can_be_scheduled
    assert broken.is_paused_upon_creation
    assert reason in broken.description
    assert "cannot be read, so nothing runs for it" in broken.doc_md
    assert "broken" not in dags[FIFE].tags


def test_the_task_of_a_broken_agreement_fails_with_the_reason(two):
    (two / "SDDSB-2026-027.json").write_text("{")
    task = folder_dags()[ANALYSTS].get_task("explain")
    with pytest.raises(AirflowFailException, match="is not JSON"):
        task.execute({})


def test_a_reason_does_not_repeat_what_the_file_says(two):
    (two / "SDDSB-2026-027.json").write_text(changed("plan", "end_on", "QQ123456C"))
    broken = folder_dags()[ANALYSTS]
    assert "QQ123456C" not in broken.description + broken.doc_md


def test_a_file_with_a_name_that_no_dag_can_have_is_shown_too(two):
    (two / "a b;c.json").write_text("{")
    assert "extract__a_b_c" in folder_dags()


def test_a_setting_that_is_no_number_is_named(two, monkeypatch):
    monkeypatch.setenv("EXTRACTS_RETRIES", "many")
    with pytest.raises(InvalidDocument, match="EXTRACTS_RETRIES"):
        folder_dags()


# --- what a worker needs ----------------------------------------------------------------------------------------------


def as_worker(monkeypatch: pytest.MonkeyPatch, dag_id: str) -> None:
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", dag_id)


def test_a_worker_builds_its_own_dag_only(two, monkeypatch):
    (two / "SDDSB-2026-021.json").write_text("{")
    as_worker(monkeypatch, ANALYSTS)
    assert set(folder_dags()) == {ANALYSTS}


@pytest.mark.parametrize(
    "dag_id",
    ["another_dag", "extract__", "extract__../../etc/passwd", "extract__a/b", "extract__.hidden", "extract__a\x00b"],
)
def test_an_id_that_is_none_of_ours_is_never_a_path(two, monkeypatch, dag_id):
    assert request_id_of(dag_id) is None
    if "\x00" not in dag_id:
        as_worker(monkeypatch, dag_id)
        assert folder_dags() == {}


def test_a_worker_whose_agreement_is_gone_is_told_so(two, monkeypatch):
    as_worker(monkeypatch, "extract__SDDSB-2026-999")
    (broken,) = folder_dags().values()
    assert "cannot be read (No such file or directory)" in broken.description


# --- light and fast --------------------------------------------------------------------------------------------------

HEAVY = (
    "duckdb",
    "great_expectations",
    "pandas",
    "polars",
    "pyarrow",
    "pglast",
    "psycopg",
    "pyrage",
    "extracts.record",
    "extracts.extraction",
)
LATER = (
    "holidays",
    "extracts.scheduling.timetable",
    "extracts.scheduling.story",
    "extracts.steps.approval",
)


def modules_after_parsing(home: Path, dag_id: str = "") -> set[str]:
    """What a process of its own has imported once it has parsed the DAG file."""
    code = (
        "import runpy, sys, json; from airflow.sdk import DAG; "
        "found = runpy.run_path(sys.argv[1]); "
        "assert any(isinstance(v, DAG) for v in found.values()); print(json.dumps(sorted(sys.modules)))"
    )
    environment = {**os.environ, "EXTRACTS_HOME": str(home)}
    if dag_id:
        environment["_AIRFLOW_PARSING_CONTEXT_DAG_ID"] = dag_id
    command = [sys.executable, "-c", code, str(PROJECT / "dags" / "agreements.py")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_parsing_imports_no_engine_no_driver_and_no_validation(home, two):
    assert not modules_after_parsing(home) & set(HEAVY)


def test_a_worker_imports_even_less_before_its_task(home, two):
    assert not modules_after_parsing(home, ANALYSTS) & {*HEAVY, *LATER}


def test_the_dag_file_does_not_hide_the_package():
    """Airflow puts the DAG folder on the import path: a file called extracts.py there would be `import extracts`."""
    packages = {path.name for path in PROJECT.iterdir() if (path / "__init__.py").exists()}
    assert not packages & {path.stem for path in (PROJECT / "dags").glob("*.py")}


def best_of(times: int) -> float:
    """The least of several parses, in seconds of the processor: what it takes, not what else the machine was doing."""
    taken = []
    for _ in range(times):
        started = time.process_time()
        assert folder_dags()
        taken.append(time.process_time() - started)
    return min(taken)


def test_a_worker_s_parse_does_not_depend_on_the_number_of_agreements(published, monkeypatch):
    """The aim is 10 ms (benchmarks/dag_parse.py); the limit here is for slow machines."""
    publish_many(published, 300)
    as_worker(monkeypatch, "extract__SDDSB-2026-0007")
    assert best_of(10) < 0.05


def test_parsing_everything_takes_time_in_proportion(published):
    publish_many(published, 20)
    best_of(2)
    few = best_of(3)
    publish_many(published, 80)
    assert best_of(3) < few * 4 * 3


def test_one_agreement_more_costs_the_others_nothing(two):
    before = {name: dag.doc_md for name, dag in folder_dags().items()}
    publish(two, a_document(a_plan(request_id="SDDSB-2026-040")))
    after = folder_dags()
    assert {name: after[name].doc_md for name in before} == before
