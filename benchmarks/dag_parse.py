"""How long Airflow needs to parse: everything, as its DAG processor does, and one agreement, as every worker does.

A worker's process is new, so the first parse pays for imports too; "parse" alone is what depends on the number of
agreements, or must not. Processor seconds beside the clock's: on a busy machine only those can be compared.

    python -m benchmarks.dag_parse
    python -m benchmarks.dag_parse --keep     and write them into the pages
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from extracts.settings import PROJECT
from tests.dags.agreements import publish_many

COUNTS = (10, 100, 1_000, 5_000)
REPEATS = 3
TARGET_WORKER_MS = 10
Seen = dict[str, Any]  # what one process measured: milliseconds by the clock and of the processor
_WANTED = "extract__SDDSB-2026-0001"
# A process as Airflow makes it: Airflow's own modules and the plugins first, then the DAG file, then the task.
_CHILD = """
import json, sys, time
clock = time.perf_counter(), time.process_time()
from pathlib import Path
from airflow.dag_processing.dagbag import BundleDagBag
from airflow.plugins_manager import ensure_plugins_loaded
from airflow.sdk.execution_time import task_runner
from airflow.sdk.listener import get_listener_manager
get_listener_manager()
ensure_plugins_loaded()

def parse():
    before = time.perf_counter(), time.process_time()
    bags = [BundleDagBag(dag_folder=file, bundle_path=Path(file).parent, bundle_name="benchmark",
                         safe_mode=False, load_op_links=False) for file in sys.argv[2:]]
    assert not any(bag.import_errors for bag in bags)
    after = time.perf_counter(), time.process_time()
    return [1000 * (b - a) for a, b in zip(before, after)], sum(len(bag.dags) for bag in bags)

first, count = parse()
start = [1000 * (b - a) for a, b in zip(clock, (time.perf_counter(), time.process_time()))]
again = [parse()[0] for _ in range(int(sys.argv[1]))]
print(json.dumps({"count": count, "first": first, "start": start, "again": min(again)}))
"""


@dataclass(frozen=True)
class Parse:
    """One row: milliseconds by the clock and of the processor; medians over fresh processes.

    `start_*`: from the process's beginning until its task is there, Airflow's own imports included.
    """

    agreements: int
    whole_folder_ms: float
    whole_folder_cpu_ms: float
    worker_first_ms: float
    worker_first_cpu_ms: float
    worker_parse_ms: float
    worker_parse_cpu_ms: float
    start_ms: float
    start_cpu_ms: float


def measure(counts: Sequence[int] = COUNTS, repeats: int = REPEATS) -> list[Parse]:
    """One row for each number of agreements; measured in turn, so that a drift of the machine touches all alike."""
    with tempfile.TemporaryDirectory() as folder:
        homes = {count: Path(folder) / str(count) for count in counts}
        for count, home in homes.items():
            (home / "published").mkdir(parents=True)
            publish_many(home / "published", count)
        whole, worker = ({count: [] for count in counts} for _ in range(2))
        for count in [*counts] * repeats:
            whole[count].append(_child(homes[count], "", again=1))
            worker[count].append(_child(homes[count], _WANTED, again=20))
    return [_row(count, whole[count], worker[count]) for count in counts]


def markdown(rows: Sequence[Parse]) -> str:
    """The rows as a table for people."""
    heads = ("agreements", "DAG processor, all", "per agreement", "worker, parse", "worker, imports and parse", "start")
    lines = ["| " + " | ".join(heads) + " |", "|" + "---:|" * len(heads)]
    for row in rows:
        cells = (
            f"{row.agreements:,}",
            _pair(row.whole_folder_ms, row.whole_folder_cpu_ms),
            _pair(row.whole_folder_ms / row.agreements, row.whole_folder_cpu_ms / row.agreements),
            _pair(row.worker_parse_ms, row.worker_parse_cpu_ms),
            _pair(row.worker_first_ms, row.worker_first_cpu_ms),
            _pair(row.start_ms, row.start_cpu_ms),
        )
        lines.append("| " + " | ".join(cells) + " |")
    target = f"Milliseconds by the clock (of the processor). Target: worker, parse below {TARGET_WORKER_MS} ms."
    return "\n".join([*lines, "", target])


def _row(count: int, whole: list[Seen], worker: list[Seen]) -> Parse:
    assert {found["count"] for found in whole} == {count}
    assert {found["count"] for found in worker} == {1}

    def of(found: list[Seen], name: str) -> tuple[float, float]:
        clock, processor = (median(one[name][i] for one in found) for i in (0, 1))
        return round(clock, 2), round(processor, 2)

    parts = (of(whole, "again"), of(worker, "first"), of(worker, "again"), of(worker, "start"))
    return Parse(count, *(value for part in parts for value in part))


def _child(home: Path, dag_id: str, *, again: int) -> Seen:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("EXTRACTS_", "AIRFLOW_"))}
    environment |= {"EXTRACTS_HOME": str(home), "AIRFLOW_HOME": str(home), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    environment |= {"AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "600"}  # a busy machine is to be measured, not refused
    if dag_id:
        environment["_AIRFLOW_PARSING_CONTEXT_DAG_ID"] = dag_id
    files = sorted(PROJECT.glob("dags/agreements*.py"))  # one for each shard; a worker reads only its own
    command = [sys.executable, "-c", _CHILD, str(again), *map(str, files[:1] if dag_id else files)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, cwd=home)
    found: Seen = json.loads(done.stdout.splitlines()[-1])
    return found


def _pair(clock: float, processor: float) -> str:
    return f"{clock:,.1f} ({processor:,.1f})"


def main() -> None:
    """Measures and prints the table; with `--keep` these are the figures of the pages from now on."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dag_parse")
    parser.add_argument("--runs", type=int, default=REPEATS)
    parser.add_argument("--keep", action="store_true", help="Write the figures into the pages.")
    asked = parser.parse_args()
    rows = measure(repeats=asked.runs)
    print(markdown(rows))
    if asked.keep:
        from benchmarks.report import FIGURES, PAGE, page

        found = json.loads(FIGURES.read_text()) | {"parse": [asdict(row) for row in rows]}
        FIGURES.write_text(json.dumps(found, indent=1) + "\n")
        PAGE.write_text(page(found))


if __name__ == "__main__":
    main()
