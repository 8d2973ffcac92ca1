"""Reopens the finished clear file, the very bytes that will be encrypted, and proves what is in it.

Rules, all of them, in constant memory, and only counts come out:
1. Exactly the planned columns, in order, of the planned types; no metadata of ours or of any tool; ordered as promised.
2. Pseudonyms have the exact shape of pseudonyms. Other text is searched with the loose patterns of `patterns`, since a
   loose shape finds what a valid one misses; where the plan delivers that very identifier, it is not a leak.
3. Canaries, values that must never leave, are in no cell and nowhere in the bytes.
4. Rows are as many as were built and add up with the source's count; digests are the ones that were recorded.
5. Where the plan asks for k, it is counted again in the finished file.
A check that could not be made says why, and stops.
"""

from __future__ import annotations

from collections.abc import Sequence

from extracts.agreement.plan import ExtractPlan, PlannedDataset
from extracts.canonical import digest_file
from extracts.catalogue.contract import ColumnType
from extracts.catalogue.treatments import PSEUDONYM_PATTERN
from extracts.errors import CheckFailed, ExtractsError
from extracts.extraction.duckdb_session import EngineSettings, engine_errors, text, treated_session
from extracts.extraction.finishing import order_columns, schema_digest
from extracts.extraction.footer import footer_problems
from extracts.extraction.patterns import patterns_for
from extracts.extraction.small_cells import asks_for_k
from extracts.extraction.values import CheckResult, Extract, ExtractFile, Report

SUITE = "inspection@1"
_CHUNK_BYTES = 1 << 22


def inspect(
    plan: ExtractPlan,
    extract: Extract,
    *,
    memory_limit_mb: int = 400,
    threads: int = 2,
    canaries: Sequence[str] = (),
) -> Report:
    """The report on every file of an extract; it says nothing about any person. What it finds does not raise.

    canaries: values planted in the source, or known to be left out, that must not be found.
    """
    planned = {d.dataset: d for d in plan.datasets}
    settings = EngineSettings(memory_limit_mb=memory_limit_mb, threads=threads)
    checks = [c for f in extract.files for c in _inspect(plan, planned[f.dataset], f, settings, canaries)]
    missing = sorted(planned.keys() - {f.dataset for f in extract.files})
    checks += [CheckResult("there is a file", dataset, False, harm="A delivery is incomplete.") for dataset in missing]
    return Report(f"Inspection of {plan.request_id}, {extract.period.label}", SUITE, tuple(checks))


def _inspect(
    plan: ExtractPlan,
    planned: PlannedDataset,
    file: ExtractFile,
    settings: EngineSettings,
    canaries: Sequence[str],
) -> list[CheckResult]:
    try:
        return [
            *_footer(planned, file),
            *_digests(planned, file),
            *_reconciliation(file),
            *_contents(plan, planned, file, settings, canaries),
            *_raw_bytes(file, canaries),
        ]
    except (ExtractsError, OSError, ValueError) as error:
        reason = f"the file could not be read ({type(error).__name__})"
        harm = "What leaves was not looked at."
        return [CheckResult("the file can be inspected", file.dataset, False, not_checked=reason, harm=harm)]


def _footer(planned: PlannedDataset, file: ExtractFile) -> list[CheckResult]:
    problems = footer_problems(planned, file)
    harm = "A column that nobody approved leaves, or metadata tell what was left out."
    return [
        CheckResult(name, file.dataset, not problem, problem or "yes", harm=harm) for name, problem in problems.items()
    ]


def _digests(planned: PlannedDataset, file: ExtractFile) -> list[CheckResult]:
    same = digest_file(file.path) == file.sha256 and file.path.stat().st_size == file.bytes
    columns = schema_digest(planned) == file.schema_digest
    harm = "Another file leaves than the one that was built."
    return [
        CheckResult("size and SHA-256 are those that were recorded", file.dataset, same, harm=harm),
        CheckResult("the schema's digest is the one that was recorded", file.dataset, columns, harm=harm),
    ]


def _reconciliation(file: ExtractFile) -> list[CheckResult]:
    funnel = file.funnel
    detail = (
        f"source {funnel.source} = filtered {funnel.filtered} + held {funnel.held} + withheld {funnel.withheld} "
        f"+ delivered {funnel.delivered}"
    )
    try:
        funnel.check(file.dataset)
        passed = funnel.delivered == file.rows
    except CheckFailed:
        passed = False
    harm = "Rows were lost, or left out people got in."
    return [CheckResult("rows add up with the source's count", file.dataset, passed, detail, harm=harm)]


def _contents(
    plan: ExtractPlan,
    planned: PlannedDataset,
    file: ExtractFile,
    settings: EngineSettings,
    canaries: Sequence[str],
) -> list[CheckResult]:
    """One pass over the rows counts everything that concerns cells; a second one counts people per group."""
    counted = [*_cell_counts(plan, planned), *_canary_counts(planned, canaries)]
    rows = f"read_parquet({text(str(file.path))})"
    folder = file.path.parent
    with engine_errors(folder, f"inspecting {file.dataset}"), treated_session(settings, folder) as connection:
        selects = ["count(*)", *(f"count(*) FILTER (WHERE {test})" for _, _, test in counted)]
        found = connection.execute(f"SELECT {', '.join(selects)} FROM {rows}").fetchone() or ()
        results = [
            CheckResult("rows are as many as were built", file.dataset, found[0] == file.rows, f"{found[0]} rows")
        ]
        results += [
            CheckResult(name, target, number == 0, f"{number} rows", harm="A person's value leaves unapproved.")
            for (name, target, _), number in zip(counted, found[1:], strict=True)
        ]
        unordered = connection.execute(_unordered(planned, rows)).fetchone() or (None,)
        results.append(
            CheckResult(
                "rows are in their own order, not the source's",
                file.dataset,
                unordered[0] == 0,
                harm="Two extracts of one source could be joined by row number.",
            )
        )
        if asks_for_k(plan, planned):
            results.append(_k(connection, plan, planned, file, rows))
    return results


def _cell_counts(plan: ExtractPlan, planned: PlannedDataset) -> list[tuple[str, str, str]]:
    """(name of the check, column, condition that no row may meet)."""
    found = []
    for column in planned.columns:
        name, target = f'"{column.name}"', f"{planned.dataset}.{column.name}"
        if column.treatment_name == "pseudonymise":
            found.append(("every pseudonym has its exact shape", target, _no_match(name, PSEUDONYM_PATTERN)))
        elif column.delivered_type is ColumnType.STRING:
            found += [
                (f"no {p.name} is in it", target, f"regexp_matches({name}, {text(p.regex)})")
                for p in patterns_for(plan, column)
            ]
    return found


def _canary_counts(planned: PlannedDataset, canaries: Sequence[str]) -> list[tuple[str, str, str]]:
    texts = [f'"{c.name}"' for c in planned.columns if c.delivered_type is ColumnType.STRING]
    wanted = [c.upper() for c in canaries if c.strip()]
    if not texts or not wanted:
        return []
    tests = [f"contains(upper({column}), {text(canary)})" for column in texts for canary in wanted]
    return [("no canary is in any cell", planned.dataset, " OR ".join(tests))]


def _raw_bytes(file: ExtractFile, canaries: Sequence[str]) -> list[CheckResult]:
    wanted = [c.encode() for c in canaries if c.strip()]
    if not wanted:
        reason = "no canary is known for this source"
        return [CheckResult("no canary is in the bytes", file.dataset, True, not_applicable=reason)]
    overlap, tail, hits = max(len(w) for w in wanted), b"", 0
    with file.path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            window = tail + chunk
            hits += sum(w in window for w in wanted)
            tail = window[-overlap:]
    return [CheckResult("no canary is in the bytes", file.dataset, hits == 0, harm="A value left out is in the file.")]


def _unordered(planned: PlannedDataset, rows: str) -> str:
    first = order_columns(planned)[0]
    pairs = f'SELECT "{first}" AS value, lag("{first}") OVER () AS before FROM {rows}'
    return f"SELECT count(*) FILTER (WHERE before > value) FROM ({pairs})"


def _k(connection: object, plan: ExtractPlan, planned: PlannedDataset, file: ExtractFile, rows: str) -> CheckResult:
    import duckdb

    assert isinstance(connection, duckdb.DuckDBPyConnection)
    subject = next(
        (c.name for c in planned.columns if c.source == planned.persons[0] and c.treatment_name == "pseudonymise"), ""
    )
    people = f'count(DISTINCT "{subject}")' if subject else "count(*)"
    groups = ", ".join(f'"{q}"' for q in planned.quasi_identifiers)
    found = connection.execute(f"SELECT min(n) FROM (SELECT {people} AS n FROM {rows} GROUP BY {groups})").fetchone()
    smallest = found[0] if found and found[0] is not None else 0
    recorded = file.smallest_group or 0
    # Without the subject's pseudonym, rows are counted here: a group has at least as many rows as people.
    passed = recorded >= plan.limits.k and (smallest == recorded if subject else smallest >= recorded)
    name = f"every group of the quasi-identifiers has at least {plan.limits.k} people"
    detail = f"the smallest has {recorded}"
    return CheckResult(
        name, planned.dataset, passed, detail, harm="Somebody can be singled out by what is known of them."
    )


def _no_match(column: str, pattern: str) -> str:
    return f"{column} IS NOT NULL AND NOT regexp_full_match({column}, {text(pattern)})"
