"""`make bench`: speed and memory of one extract, and what Airflow pays per agreement; JSON, and Markdown from it.

python -m benchmarks --rows 1000000 5000000 --runs 3
python -m benchmarks --quick          does it work at all? Smaller, once, and nothing is written
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import psutil

from benchmarks import dag_parse
from benchmarks.measures import MEASURES, Job
from benchmarks.report import FIGURES, PAGE, page
from benchmarks.world import Benchmark, benchmark
from extracts import __version__
from extracts.local.home import SOURCE


def main() -> None:
    """Measure, write `results/figures.json` and `results/figures.md`, and print the latter."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000, 5_000_000])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--agreements", type=int, nargs="+", default=list(dag_parse.COUNTS))
    parser.add_argument("--quick", action="store_true", help="100,000 rows, 10 agreements, once; nothing is written")
    asked = parser.parse_args()
    if asked.quick:
        asked.rows, asked.runs, asked.agreements = [100_000], 1, [10]
    found: dict[str, Any] = {"runs": asked.runs, "speed": []}
    with tempfile.TemporaryDirectory() as folder, benchmark(Path(folder)) as world:
        found["machine"] = _machine(world)
        for rows in asked.rows:
            found["speed"] += _measure(world, rows, asked.runs)
    _say(f"parsing {', '.join(f'{n:,}' for n in asked.agreements)} agreements ...")
    found["parse"] = [asdict(row) for row in dag_parse.measure(asked.agreements, asked.runs)]
    if not asked.quick:
        FIGURES.parent.mkdir(exist_ok=True)
        FIGURES.write_text(json.dumps(found, indent=1) + "\n")
        PAGE.write_text(page(found))
    sys.stdout.write(page(found))


def _machine(world: Benchmark) -> dict[str, Any]:
    return {
        "measured_on": f"{datetime.now(UTC):%Y-%m-%d}",
        "governed-extracts": __version__,
        "cores": len(os.sched_getaffinity(0)),
        "processor": _processor(),
        "memory_mb": psutil.virtual_memory().total // 2**20,
        "PostgreSQL": world.version(),
        "DuckDB": duckdb.__version__,
        "Python": platform.python_version(),
    }


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _measure(world: Benchmark, rows: int, runs: int) -> list[dict[str, Any]]:
    _say(f"making {rows:,} rows ...")
    world.fill(rows)
    times: dict[str, list[dict[str, float]]] = {measure: [] for measure in MEASURES}
    for _ in range(runs):  # in turn, so that a drift of the machine touches all alike
        for measure in MEASURES:
            times[measure].append(_run(Job(measure, world.environment, world.home.postgres.conninfo(SOURCE))))
            _say(f"  {measure}: {times[measure][-1]['seconds']:.1f} s")
    raw = statistics.median(t["seconds"] for t in times["raw copy"])
    return [_row(rows, measure, seen, raw) for measure, seen in times.items()]


def _row(rows: int, measure: str, seen: list[dict[str, float]], raw: float) -> dict[str, Any]:
    seconds = statistics.median(t["seconds"] for t in seen)
    return {
        "rows": rows,
        "measure": measure,
        "seconds": round(seconds, 3),
        "ratio": round(seconds / raw, 3),
        "processor": round(statistics.median(t["processor"] for t in seen), 3),
        "peak_mb": round(max(t["peak_mb"] for t in seen)),
    }


def _run(job: Job) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.measures"],
        input=json.dumps(asdict(job)),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        sys.exit(f"{job.measure} failed:\n{done.stderr[-3000:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    main()
