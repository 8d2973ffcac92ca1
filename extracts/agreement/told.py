"""Findings as people read them: what one rule says to several things under one clause is told once, with all of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from extracts.agreement.assessment import Finding


@dataclass(frozen=True)
class Told:
    """What one rule found. `messages` are in the order of the findings, none twice."""

    rule: str
    title: str
    outcome: str
    clause: str
    fix: str
    messages: tuple[str, ...]
    columns: tuple[str, ...]


def told_once(findings: Iterable[Finding]) -> list[Told]:
    """The findings, those alike but for their message joined into one."""
    groups: dict[tuple[str, ...], list[Finding]] = {}
    for f in findings:
        groups.setdefault((f.rule, f.title, f.clause, f.fix, f.outcome), []).append(f)
    return [_told(found) for found in groups.values()]


def _told(found: list[Finding]) -> Told:
    first = found[0]
    messages = tuple(dict.fromkeys(f.message for f in found))
    columns = tuple(dict.fromkeys(c for f in found for c in f.columns))
    return Told(first.rule, first.title, first.outcome.value, first.clause, first.fix, messages, columns)
