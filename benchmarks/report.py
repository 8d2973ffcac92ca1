"""The figures for people: a Markdown page out of `figures.json`, with every target beside what was measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks import dag_parse
from benchmarks.measures import MEASURES

RESULTS = Path(__file__).parent / "results"
FIGURES, PAGE = RESULTS / "figures.json", RESULTS / "figures.md"
MOST_RATIO, MOST_MB, SAME_WITHIN = 2.8, 800, 1.2
_AIMED_AT = "whole path"


def page(found: Mapping[str, Any]) -> str:
    """All figures: speed and memory of one extract, then what Airflow pays per agreement."""
    speed = found["speed"]
    lines = [*_machine(found), "", *_rows(speed), "", *_targets(speed), ""]
    lines += [f"- **{name}**: {' '.join((run.__doc__ or '').split())}" for name, run in MEASURES.items()]
    parsed = dag_parse.markdown([dag_parse.Parse(**row) for row in found["parse"]])
    return "\n".join([*lines, "", "## Parsing and starting, by number of agreements", "", parsed]) + "\n"


def _machine(found: Mapping[str, Any]) -> Iterator[str]:
    machine = found["machine"]
    programs = ", ".join(f"{name} {machine[name]}" for name in ("PostgreSQL", "DuckDB", "Python", "governed-extracts"))
    yield "## One extract, 13 columns"
    yield ""
    yield (
        f"Medians of {found['runs']}; peaks are the highest. {machine['measured_on']}, {machine['cores']} cores "
        f"({machine['processor']}), {machine['memory_mb']:,} MB of memory; {programs}."
    )


def _rows(speed: list[dict[str, Any]]) -> Iterator[str]:
    yield "| rows | measure | seconds | ratio | target | processor seconds | peak MB | target |"
    yield "|---:|---|---:|---:|---:|---:|---:|---:|"
    for row in speed:
        aimed = row["measure"] == _AIMED_AT
        ratio, memory = (f"at most {MOST_RATIO}", f"at most {MOST_MB}") if aimed else ("", "")
        yield (
            f"| {row['rows']:,} | {row['measure']} | {row['seconds']:.1f} | {row['ratio']:.2f} | {ratio} | "
            f"{row['processor']:.1f} | {row['peak_mb']:.0f} | {memory} |"
        )


def _targets(speed: list[dict[str, Any]]) -> Iterator[str]:
    """Whether each target was met, in words: a table alone lets the eye pass over a miss."""
    largest = max(row["rows"] for row in speed)
    aimed = [row for row in speed if row["measure"] == _AIMED_AT]
    ratio = next(row["ratio"] for row in aimed if row["rows"] == largest)
    peaks = [row["peak_mb"] for row in aimed]
    spread = max(peaks) / min(peaks) - 1
    yield f"- Speed, {_AIMED_AT} at {largest:,} rows: {ratio:.2f} of a raw copy; {_met(ratio <= MOST_RATIO)}."
    yield f"- Memory, {_AIMED_AT}: {max(peaks)} MB at most; {_met(max(peaks) <= MOST_MB)}."
    if len(peaks) > 1:
        met = _met(spread <= SAME_WITHIN - 1)
        yield f"- Memory at any number of rows: {spread:.0%} more at most; target {SAME_WITHIN - 1:.0%}, {met}."


def _met(well: bool) -> str:
    return "met" if well else "NOT met"
