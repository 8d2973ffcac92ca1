"""How long Airflow needs to parse: everything, as its DAG processor does, and one agreement, as every worker does.

A worker's process is new, so the first parse pays for imports too; "parse" alone is what depends on the number of
agreements, or must not. Processor seconds beside the clock's: on a busy machine only those can be compared.

    python -m benchmarks.dag_parse
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from extracts.settings import PROJECT
from tests.dags.agreements import publish_many

COUNTS = (10, 100, 1_000)
REPEATS = 3
TARGET_WORKER_MS = 10
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
    bag = BundleDagBag(dag_folder=sys.argv[1], bundle_path=Path(sys.argv[1]).parent, bundle_name="benchmark",
                       safe_mode=False, load_op_links=False)
    assert not bag.import_errors, bag.import_errors
    after = time.perf_counter(), time.process_time()
    return [1000 * (b - a) for a, b in zip(before, after)], len(bag.dags)

first, count = parse()
start = [1000 * (b - a) for a, b in zip(clock, (time.perf_counter(), time.process_time()))]
again = [parse()[0] for _ in range(int(sys.argv[2]))]
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
    """One row for each number of agreements."""
    rows = []
    for count in counts:
        with tempfile.TemporaryDirectory() as folder:
            home = Path(folder)
            (home / "published").mkdir()
            publish_many(home / "published", count)
            rows.append(_row(home, count, repeats))
    return rows


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


def _row(home: Path, count: int, repeats: int) -> Parse:
    whole = [_child(home, "", again=1) for _ in range(repeats)]
    worker = [_child(home, _WANTED, again=20) for _ in range(repeats)]
    assert {found["count"] for found in whole} == {count}
    assert {found["count"] for found in worker} == {1}

    def of(found: list[dict[str, list[float]]], name: str) -> tuple[float, float]:
        clock, processor = (median(one[name][i] for one in found) for i in (0, 1))
        return round(clock, 2), round(processor, 2)

    parts = (of(whole, "again"), of(worker, "first"), of(worker, "again"), of(worker, "start"))
    return Parse(count, *(value for part in parts for value in part))


def _child(home: Path, dag_id: str, *, again: int) -> dict[str, list[float]]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("EXTRACTS_", "AIRFLOW_"))}
    environment |= {"EXTRACTS_HOME": str(home), "AIRFLOW_HOME": str(home), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    if dag_id:
        environment["_AIRFLOW_PARSING_CONTEXT_DAG_ID"] = dag_id
    command = [sys.executable, "-c", _CHILD, str(PROJECT / "dags" / "agreements.py"), str(again)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, cwd=home)
    found: dict[str, list[float]] = json.loads(done.stdout.splitlines()[-1])
    return found


def _pair(clock: float, processor: float) -> str:
    return f"{clock:,.1f} ({processor:,.1f})"


def main() -> None:
    """Measures, and prints the table and the JSON."""
    rows = measure()
    print(markdown(rows))
    print(json.dumps([asdict(row) for row in rows]))


if __name__ == "__main__":
    main()
