"""`make bench`: speed and memory as ratios to a raw COPY in the same run; a Markdown table and JSON.

python -m benchmarks --rows 1000000 5000000 --runs 3
python -m benchmarks --quick

Ratios count; seconds are of one machine. On a busy one, processor seconds (of the measured process, without the
server's) say more than the clock's.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.measures import MEASURES
from benchmarks.source import DATABASE, make_source, write_passfile
from extracts.local.people import age_key
from extracts.local.postgres import EmbeddedPostgres

MOST_MB, SAME_WITHIN = 800, 1.2
RESULTS = Path(__file__).parent / "results"


def main() -> None:
    """Measure, and write `results/speed.md` and `results/speed.json`."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000, 5_000_000])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="100,000 and 300,000 rows, once: does it work at all?")
    asked = parser.parse_args()
    if asked.quick:
        asked.rows, asked.runs = [100_000, 300_000], 1
    found = []
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedPostgres(Path(folder))
        server.start()
        try:
            for rows in asked.rows:
                found += _measure(server, Path(folder), rows, asked.runs)
        finally:
            server.stop()
    if not asked.quick:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "speed.json").write_text(json.dumps(found, indent=1) + "\n")
        (RESULTS / "speed.md").write_text(table(found))
    sys.stdout.write(table(found))


def table(found: list[dict[str, Any]]) -> str:
    """The results for people; ratios are to the raw copy of the same number of rows."""
    lines = ["| rows | measure | seconds | ratio | processor seconds | peak MB |", "|---:|---|---:|---:|---:|---:|"]
    lines += [
        f"| {f['rows']:,} | {f['measure']} | {f['seconds']:.1f} | {f['ratio']:.2f} | {f['processor']:.1f} | "
        f"{f['peak_mb']:.0f} |"
        for f in found
    ]
    return "\n".join([*lines, "", *_memory(found)]) + "\n"


def _memory(found: list[dict[str, Any]]) -> list[str]:
    """Whether memory is bounded, and whether it depends on the number of rows."""
    said = []
    for measure in dict.fromkeys(f["measure"] for f in found):
        peaks = [f["peak_mb"] for f in found if f["measure"] == measure]
        same = "the same" if max(peaks) <= SAME_WITHIN * min(peaks) else "NOT the same"
        if len(peaks) > 1:
            said.append(
                f"- {measure}: {min(peaks):.0f} to {max(peaks):.0f} MB: {same} within {SAME_WITHIN - 1:.0%}, "
                f"{'at most' if max(peaks) <= MOST_MB else 'MORE THAN'} {MOST_MB} MB"
            )
    return said


def _measure(server: EmbeddedPostgres, folder: Path, rows: int, runs: int) -> list[dict[str, Any]]:
    name = f"people_{rows}"
    sys.stderr.write(f"making {rows:,} rows ...\n")
    plan, contract = make_source(server, name, rows)
    job = {
        "table": name,
        "deployed": contract.deployed_view_digest,
        "owner": server.conninfo(DATABASE),
        "address": f"host=127.0.0.1 port={server.current_port()} dbname={DATABASE}",
        "passfile": str(write_passfile(server, (plan,), folder / f"{name}.pgpass")),
        "recipient": age_key(folder / "recipient.key"),
    }
    times: dict[str, list[dict[str, float]]] = {measure: [] for measure in MEASURES}
    for _ in range(runs):  # in turn, so that a drift of the machine touches all alike
        for measure in MEASURES:
            times[measure].append(_run({**job, "measure": measure}))
            sys.stderr.write(f"  {measure}: {times[measure][-1]['seconds']:.1f} s\n")
    raw = statistics.median(t["seconds"] for t in times["raw copy"])
    return [_row(rows, measure, seen, raw) for measure, seen in times.items()]


def _row(rows: int, measure: str, seen: list[dict[str, float]], raw: float) -> dict[str, Any]:
    seconds = statistics.median(t["seconds"] for t in seen)
    peak = max(t["peak_mb"] for t in seen)
    processor = statistics.median(t["processor"] for t in seen)
    ratio = seconds / raw
    return {
        "rows": rows,
        "measure": measure,
        "seconds": seconds,
        "ratio": ratio,
        "processor": processor,
        "peak_mb": peak,
    }


def _run(job: dict[str, Any]) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.measures"],
        input=json.dumps(job),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        sys.exit(f"{job['measure']} failed:\n{done.stderr[-3000:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    main()
