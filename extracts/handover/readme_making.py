"""README.txt's last part: how a delivery was made, for whoever examines it with nothing but this folder in hand.

It says in words what manifest.json says with authority: who approved, from which source at which moment, what became of
every row and column, and each check with what it found.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from extracts.handover.facts import CheckFacts, ColumnFacts, Reconciliation, RecordedSignature, SourceFacts
from extracts.handover.manifest import Manifest

_WIDTH = 100
_ENFORCED = {
    "role": "the database let this agreement read its own view and nothing else",
    "view": "the database let this agreement read views of its own and nothing else: of rows that were left out, "
    "only what decides about them",
    "select": "the database was asked for the approved columns and rows alone, and would have given more",
    "scan": "our reader took the approved columns and rows alone out of files that hold more",
    "query": "the query alone kept to what was approved",
}


def making_lines(manifest: Manifest) -> Iterator[str]:
    """The lines of the part, without its heading."""
    agreement, delivery = manifest.agreement, manifest.delivery
    approved = f"{_signed('the Board', agreement.board)} and {_signed('the Controller', agreement.controller)}"
    yield from _wrapped(f"Approved by {approved}. The decision holds until {agreement.valid_until}.", "")
    for file, source, rows in zip(manifest.files, manifest.sources, manifest.reconciliation, strict=True):
        yield from ("", file.clear_name)
        yield from _wrapped(_source(source, f"{delivery.data_as_at:%Y-%m-%d %H:%M:%S} UTC"), "  ")
        yield from _wrapped(_rows(rows), "  ")
        for column in file.columns:
            yield from _wrapped(f"{column.name}: {_made(column)}", "    ")
    for report in manifest.reports:
        yield from ("", f"{report.title} ({report.suite})")
        for check in report.checks:
            yield from _wrapped(_check(check), "    ")


def _signed(role: str, signature: RecordedSignature) -> str:
    return f"{signature.principal} for {role} (recorded {signature.recorded_at:%Y-%m-%d})"


def _source(source: SourceFacts, moment: str) -> str:
    return (
        f"From {source.relation} of {source.system}, as it was at {moment} (snapshot {source.snapshot}), loaded "
        f"{source.loaded_at:%Y-%m-%d %H:%M} UTC; {_ENFORCED.get(source.enforced_by, source.enforced_by)}."
    )


def _rows(rows: Reconciliation) -> str:
    return (
        f"Rows: {rows.source} in the source = {rows.filtered} not asked for + {rows.held} on hold + {rows.withheld} "
        f"withheld + {rows.delivered} delivered."
    )


def _made(column: ColumnFacts) -> str:
    by = f"{column.treatment} ({', '.join(column.parameters)})" if column.parameters else column.treatment
    return f"{column.source}, {by}"


def _check(check: CheckFacts) -> str:
    if check.not_applicable:
        return f"does not apply: {check.target}: {check.name} ({check.not_applicable})"
    found = f" ({check.detail})" if check.detail else ""
    return f"passed: {check.target}: {check.name}{found}"


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=indent,
        subsequent_indent=f"{indent}  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
