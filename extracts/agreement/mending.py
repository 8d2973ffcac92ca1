"""Makes a request smaller until no rule of the policy stops it: the part of a counter-offer that needs no counting.

Rules:
1. A column that a finding names gets the finest treatment under which the rule no longer names it; if there is none,
   it is left out.
2. Some rules limit the request as a whole (form, rows, numbers, time); the table says how each is met by asking less.
3. Nothing is ever added for the requester: not a reason, not a power, not a date. What only they can mend stays.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from extracts.agreement.asking_less import ASKING_LESS
from extracts.agreement.assessment import Finding
from extracts.agreement.changes import LEFT_OUT, Change, Governance, treated_as, with_change
from extracts.agreement.ladders import alternatives, step_of
from extracts.agreement.request import Request
from extracts.errors import UsageError


@dataclass(frozen=True)
class Mended:
    """The smaller request, how it differs, and what nobody but the requester or a register's keeper can mend."""

    request: Request
    changes: tuple[Change, ...]
    remaining: tuple[Finding, ...]


def mend(request: Request, judged_by: Governance) -> Mended:
    """The nearest smaller request. Deterministic; each step asks for less, so it ends."""
    changes: tuple[Change, ...] = ()
    while failed := judged_by.failed(request):
        step = next(_steps(request, failed, judged_by), None)
        if step is None:
            return Mended(request, changes, failed)
        request, change = step
        changes = with_change(changes, change)
    return Mended(request, changes, ())


def _steps(request: Request, failed: tuple[Finding, ...], judged_by: Governance) -> Iterator[tuple[Request, Change]]:
    # Last: once no address is left to ask for, nobody has to be left out for the sake of theirs.
    last = [f for f in failed if judged_by.rule(f).check == "safe_address_planned"]
    for findings in ([f for f in failed if f not in last], last):
        yield from _whole_steps(request, findings, judged_by)
        for finding in findings:
            found = (_column_step(request, name, finding, judged_by) for name in finding.columns)
            yield from (step for step in found if step)


def _whole_steps(request: Request, findings: list[Finding], judged_by: Governance) -> Iterator[tuple[Request, Change]]:
    for finding in findings:
        rule = judged_by.rule(finding)
        if (ask_less := ASKING_LESS.get(rule.check)) and (less := ask_less(request, finding, rule, judged_by)):
            smaller, subject, asked, offered = less
            yield smaller, Change(subject, asked, offered, finding.message, finding.clause)


def _column_step(request: Request, name: str, finding: Finding, judged_by: Governance) -> tuple[Request, Change] | None:
    dataset, column = name.split(".", 1)
    asked = next((c for d in request.datasets if d.dataset == dataset for c in d.columns if c.name == column), None)
    if asked is None:
        return None
    step, source = step_of(asked.treatment), judged_by.datasets.get(dataset)
    declared = source.column(column) if source else None
    offers = alternatives(step, declared, request.identifiability) if declared else ()
    for offer in (*offers, None):
        try:
            smaller = treated_as(request, dataset, column, offer)
        except UsageError:
            return None  # nothing would be left to ask for
        if offer is None or not _named(name, finding.rule, judged_by.failed(smaller)):
            told = str(offer) if offer else LEFT_OUT
            return smaller, Change(name, str(step), told, finding.message, finding.clause)
    return None


def _named(name: str, rule: str, failed: tuple[Finding, ...]) -> bool:
    return any(f.rule == rule and name in f.columns for f in failed)
