"""Reopens the finished clear file, the very bytes that will be encrypted, and proves what is in it.

Rules, all of them, in one pass and constant memory; only counts come out:
1. Exactly the planned columns, in order, of the planned types; no metadata, no statistics; rows in their own order.
2. Pseudonyms have the exact shape of pseudonyms. Other text is searched for the loose shapes of `patterns`, since a
   loose shape finds what a valid one misses; where the plan delivers that very identifier, it is not a leak.
3. Canaries, values that must never leave, are in no cell and nowhere in the bytes.
4. Rows are as many as were built and add up with the source's count; digests are the ones that were recorded.
5. Where the plan asks for k, it is counted again in the finished file.
6. Where there are several recipients, every row is its recipient's (`whose_rows`).
A check that could not be made says why, and stops.
"""

from __future__ import annotations

from collections.abc import Sequence

from extracts.agreement.plan import Division, ExtractPlan, PlannedDataset
from extracts.canonical import digest_file
from extracts.errors import CheckFailed
from extracts.extraction.finishing import schema_digest
from extracts.extraction.footer import STRUCTURE, footer_problems
from extracts.extraction.inspected_rows import InspectedRows, inspect_rows
from extracts.extraction.memory import use_system_memory
from extracts.extraction.small_cells import asks_for_k
from extracts.extraction.values import CheckResult, Extract, ExtractFile, Report
from extracts.extraction.whose_rows import whose_rows

SUITE = "inspection@1"
_CHUNK_BYTES = 1 << 22
_UNAPPROVED = "A person's value leaves unapproved."


def inspect(
    plan: ExtractPlan,
    extract: Extract,
    *,
    canaries: Sequence[str] = (),
    division: Division | None = None,
) -> Report:
    """The report on every file of an extract; it says nothing about any person. What it finds does not raise.

    plan: its recipient's part, where a `division` says among whom rows are divided; canaries: values planted in the
    source, or known to be left out, that must not be found.
    """
    use_system_memory()
    planned = {d.dataset: d for d in plan.datasets}
    checks = [c for f in extract.files for c in _inspect(plan, planned[f.dataset], f, canaries, division)]
    missing = sorted(planned.keys() - {f.dataset for f in extract.files})
    checks += [CheckResult("there is a file", dataset, False, harm="A delivery is incomplete.") for dataset in missing]
    return Report(f"Inspection of {plan.request_id}, {extract.period.label}", SUITE, tuple(checks))


def _inspect(
    plan: ExtractPlan, planned: PlannedDataset, file: ExtractFile, canaries: Sequence[str], division: Division | None
) -> list[CheckResult]:
    try:
        problems = footer_problems(planned, file)
        checks = [*_footer(file, problems), *_digests(planned, file), _reconciliation(file), _raw_bytes(file, canaries)]
        if any(problems[name] for name in STRUCTURE):
            reason = "the file does not have the planned columns"
            return [*checks, CheckResult("cells are inspected", file.dataset, False, not_checked=reason)]
        checks += [whose_rows(division, plan.recipient, planned, file)] if division else []
        return [*checks, *_cells(plan, planned, file, inspect_rows(plan, planned, file.path, canaries))]
    except Exception as error:  # whatever library it is of: its message may quote a row
        reason = f"the file could not be read ({type(error).__name__})"
        harm = "What leaves was not looked at."
        return [CheckResult("the file can be inspected", file.dataset, False, not_checked=reason, harm=harm)]


def _footer(file: ExtractFile, problems: dict[str, str]) -> list[CheckResult]:
    harm = "A column that nobody approved leaves, or metadata tell what was left out."
    return [CheckResult(name, file.dataset, not found, found, harm=harm) for name, found in problems.items()]


def _digests(planned: PlannedDataset, file: ExtractFile) -> list[CheckResult]:
    same = digest_file(file.path) == file.sha256 and file.path.stat().st_size == file.bytes
    columns = schema_digest(planned) == file.schema_digest
    harm = "Another file leaves than the one that was built."
    return [
        CheckResult("size and SHA-256 are those that were recorded", file.dataset, same, harm=harm),
        CheckResult("the schema's digest is the one that was recorded", file.dataset, columns, harm=harm),
    ]


def _reconciliation(file: ExtractFile) -> CheckResult:
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
    return CheckResult("rows add up with the source's count", file.dataset, passed, detail, harm=harm)


def _raw_bytes(file: ExtractFile, canaries: Sequence[str]) -> CheckResult:
    name, harm = "no canary is in the bytes", "A value that was left out is in the file."
    wanted = [c.encode() for c in canaries if c.strip()]
    if not wanted:
        return CheckResult(name, file.dataset, True, not_applicable="no canary is known for this source", harm=harm)
    overlap, tail, hits = max(len(w) for w in wanted), b"", 0
    with file.path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            window = tail + chunk
            hits += sum(w in window for w in wanted)
            tail = window[-overlap:]
    return CheckResult(name, file.dataset, hits == 0, f"{len(wanted)} canaries looked for", harm=harm)


def _cells(plan: ExtractPlan, planned: PlannedDataset, file: ExtractFile, rows: InspectedRows) -> list[CheckResult]:
    checks = [
        CheckResult("rows are as many as were built", file.dataset, rows.rows == file.rows, f"{rows.rows:,} rows"),
        CheckResult(
            "rows are in their own order, not the source's",
            file.dataset,
            rows.unordered == 0,
            harm="Two extracts of one source could be joined by row number.",
        ),
    ]
    checks += [
        CheckResult(f"no {what} is in it", f"{planned.dataset}.{column}", hits == 0, _told(hits), harm=_UNAPPROVED)
        for (column, what), hits in rows.found.items()
    ]
    checks += [
        CheckResult(
            "every pseudonym has its exact shape", f"{planned.dataset}.{c}", hits == 0, _told(hits), harm=_UNAPPROVED
        )
        for c, hits in rows.misshapen.items()
    ]
    return [*checks, *([_k(plan, file, rows)] if asks_for_k(plan, planned) else [])]


def _k(plan: ExtractPlan, file: ExtractFile, rows: InspectedRows) -> CheckResult:
    recorded = file.smallest_group or 0
    # Without the subject's pseudonym only rows can be counted here, and a group has at least as many rows as people.
    agrees = rows.smallest_group == recorded if rows.counts_people else rows.smallest_group >= recorded
    return CheckResult(
        f"every group of the quasi-identifiers has at least {plan.limits.k} people",
        file.dataset,
        recorded >= plan.limits.k and agrees,
        f"the smallest has {recorded}",
        harm="Somebody can be singled out by what is known of them.",
    )


def _told(hits: int) -> str:
    return "" if hits == 0 else f"{hits:,} rows"
