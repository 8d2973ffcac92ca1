"""Whatever a check meets, no person's value leaves the database: not in results, logs, output, errors or files.

Each case runs in a process of its own, with every logger wide open, and everything that it wrote is searched. The
same process is watched for files written and addresses called.
"""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.support.postgres import Database

ROOT = Path(__file__).parents[2]
CANARY = "QQ987654C"
NAME = "Zebedee-Canary"
MONEY = "7654321.09"
PLANTED = (CANARY, NAME, MONEY, "1911-11-11")
TABLE = f"""SELECT * FROM (VALUES
    ('{CANARY}', '{NAME}', CAST({MONEY} AS DECIMAL(12,2)), DATE '1911-11-11', 1),
    ('{CANARY}', '{NAME}', CAST({MONEY} AS DECIMAL(12,2)), DATE '1911-11-11', 2)) t(nino, surname, award, born, n)"""

CHILD = r"""
import json, logging, sys
written, called = [], []
def watch(event, args):
    if event == "open" and isinstance(args[0], str) and args[1] and set(args[1]) & set("wax+"):
        written.append(args[0])
    if event in ("socket.connect", "socket.getaddrinfo"):
        called.append(str(args[1] if event == "socket.connect" else args[0]))
sys.addaudithook(watch)
logging.basicConfig(level=0, stream=sys.stderr)
for name in ("sqlalchemy", "sqlalchemy.engine", "sqlalchemy.engine.Engine", "sqlalchemy.pool", "great_expectations",
             "psycopg", "py.warnings"):
    logging.getLogger(name).setLevel(logging.DEBUG)
logging.captureWarnings(True)
logging.getLogger("extracts").debug("before")

import sqlalchemy as sa
from pathlib import Path
from extracts.catalogue.contract import QualityRule
from extracts.errors import ExtractsError
from extracts.extraction.report import render_report
from extracts.extraction.validation import check_report
from extracts.extraction.validation_check import result_of, rule_check
from extracts.extraction.validation_engine import run_checks
from extracts.extraction.validation_open import file_query, open_file, open_source
from extracts.extraction.values import Report

asked = json.load(sys.stdin)

def told(rules):
    if asked["address"]:
        engine, query = open_source(asked["address"]), asked["query"]
    else:
        engine, query = open_file(Path(asked["path"]), 200, 2), file_query(Path(asked["path"]))
    checks = [rule_check(QualityRule(e, a, "a test"), "dataset") for e, a in rules]
    found = run_checks(engine, {"rows": query}, checks)
    engine.dispose()
    report = Report("Release validation", "suite 1.0.0", tuple(result_of(c, found[c]) for c in checks))
    error = ""
    try:
        check_report(report)
    except ExtractsError as raised:
        error = f"{raised} {raised!r} {raised.__cause__} {raised.__context__}"
    page = render_report("A run", {}, [report])
    return {"report": repr(report), "page": page, "error": error, "stopped": [c.stops for c in report.checks]}

cases = {name: told(rules) for name, rules in asked["cases"].items()}
logging.getLogger("extracts").debug("after")
print(json.dumps({"cases": cases, "written": written, "called": called}))
"""

ABOVE = "expect_column_pair_values_a_to_be_greater_than_b"
NO_ROWS = "unexpected_rows_expectation"
RULES = {
    "values that break a rule": [
        ("expect_column_values_to_be_in_set", {"column": "surname", "value_set": ["Smith"]}),
        ("expect_column_values_to_match_regex", {"column": "nino", "regex": "^AB"}),
        ("expect_column_values_to_not_match_regex", {"column": "nino", "regex": "^QQ"}),
        ("expect_column_values_to_be_between", {"column": "award", "max_value": 10}),
        ("expect_column_values_to_be_between", {"column": "born", "min_value": "1950-01-01"}),
        ("expect_column_values_to_be_unique", {"column": "nino"}),
        ("expect_compound_columns_to_be_unique", {"column_list": ["nino", "surname"]}),
        ("expect_column_value_lengths_to_be_between", {"column": "surname", "max_value": 3}),
        (ABOVE, {"column_A": "n", "column_B": "award"}),
    ],
    "aggregates that are a person's value": [
        ("expect_column_max_to_be_between", {"column": "award", "max_value": 10}),
        ("expect_column_min_to_be_between", {"column": "born", "min_value": "1950-01-01"}),
        ("expect_column_mean_to_be_between", {"column": "award", "max_value": 10}),
        ("expect_column_unique_value_count_to_be_between", {"column": "surname", "min_value": 5}),
    ],
    "a text compared with a number": [("expect_column_values_to_be_between", {"column": "nino", "max_value": 10})],
    "a cast that quotes the value": [
        (NO_ROWS, {"unexpected_rows_query": "SELECT 1 FROM {batch} WHERE CAST(nino AS integer) = 1"})
    ],
    "an aggregate of the wrong kind": [("expect_column_mean_to_be_between", {"column": "surname", "max_value": 10})],
    "a query that hands out rows": [(NO_ROWS, {"unexpected_rows_query": "SELECT * FROM {batch}"})],
    "a column that is not there": [("expect_column_values_to_not_be_null", {"column": "nowhere"})],
}


@dataclass(frozen=True)
class Written:
    """All that a process left: what it found per case, what it printed and logged, wrote to disk, and called."""

    cases: dict[str, dict[str, Any]]
    everything: str
    files: list[str]
    called: list[str]


def run(path: Path | None = None, address: str = "") -> Written:
    asked = {"path": str(path), "address": address, "query": TABLE, "cases": RULES}
    done = subprocess.run(
        [sys.executable, "-c", CHILD], input=json.dumps(asked), capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    left = json.loads(done.stdout.splitlines()[-1])
    files = [f for f in left["written"] if "__pycache__" not in f]
    return Written(left["cases"], done.stdout + done.stderr, files, left["called"])


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("planted") / "file.parquet"
    duckdb.connect().execute(f"COPY ({TABLE}) TO '{path}' (FORMAT parquet)")
    return path


@pytest.fixture(scope="module", params=["a file in DuckDB", "the source in PostgreSQL"])
def written(request: pytest.FixtureRequest, planted: Path) -> Written:
    if request.param == "a file in DuckDB":
        return run(path=planted)
    database: Database = request.getfixturevalue("module_database")
    return run(address=database.conninfo())


def leaks(text: str) -> list[str]:
    lines = [line for line in text.splitlines() if any(p in line for p in PLANTED)]
    return [line[:300] for line in lines[:5]]


def test_no_value_is_printed_logged_or_raised(written: Written) -> None:
    assert leaks(written.everything) == []


@pytest.mark.parametrize("case", RULES)
def test_every_planted_value_was_met_and_stopped_the_run(written: Written, case: str) -> None:
    found = written.cases[case]
    assert all(found["stopped"]), found["report"]
    assert "stop this run" in found["error"]
    assert leaks(json.dumps(found)) == []


def test_logging_is_off_only_while_it_runs(written: Written) -> None:
    assert "DEBUG:extracts:before" in written.everything
    assert "DEBUG:extracts:after" in written.everything


def test_a_validation_writes_no_file_and_calls_nobody(written: Written) -> None:
    assert written.files == []
    assert written.called == []  # libpq reaches the source by itself; nothing in Python calls anybody


def test_the_search_would_find_a_value_that_leaks(planted: Path) -> None:
    """The test of the tests: the drivers do put values into their messages."""
    with pytest.raises(duckdb.ConversionException) as error:
        duckdb.connect().execute(f"SELECT CAST(nino AS integer) FROM read_parquet('{planted}')").fetchall()
    assert leaks(str(error.value))


MODULES = (
    "extracts.extraction.engine",
    "extracts.extraction.inspection",
    "extracts.extraction.report",
    "extracts.extraction.validation",
    "extracts.extraction.validation_open",
    "extracts.steps.suites",
    "extracts.steps.gate_approval",
    "extracts.steps.gate_build",
    "extracts.steps.gate_sign",
    "extracts.steps.gate_release",
    "extracts.steps.gate_source",
    "extracts.steps.gate_validate",
    "extracts.cli",
)


def test_great_expectations_is_imported_only_when_a_validation_runs() -> None:
    code = (
        "import importlib, sys\n"
        "for name in sys.argv[1:]:\n"
        "    importlib.import_module(name)\n"
        "    assert 'great_expectations' not in sys.modules, name\n"
    )
    done = subprocess.run([sys.executable, "-c", code, *MODULES], cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-500:]


def test_great_expectations_does_not_fill_the_task_s_log_when_it_is_imported() -> None:
    code = (
        "import logging\n"
        "logging.basicConfig(level=logging.INFO)\n"
        "from extracts.extraction.validation import great_expectations_checks\n"
        "great_expectations_checks()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    assert done.stdout + done.stderr == ""
