"""An assessment: what every rule of the policy statement found in one request. Printable, and bound by its digest.

A violation breaks a rule. A gap is something that is not declared or cannot be judged. Both stop, and they are told
apart because they need different people: the requester mends a violation, whoever keeps the register fills a gap.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from extracts.agreement.reading import read_value
from extracts.canonical import Canonical


class Question(StrEnum):
    """The five questions that the Board answers."""

    LAWFUL = "lawful"
    PURPOSE = "purpose clear"
    PROPORTIONATE = "proportionate"
    RIGHTS = "rights protected"
    SOURCE = "best source"


class FindingOutcome(StrEnum):
    """What a rule found. A rule that does not apply passes, and its message says why it does not."""

    PASS = "pass"  # noqa: S105 (no password)
    VIOLATION = "violation"
    GAP = "gap"


@dataclass(frozen=True)
class Finding:
    """What one rule found. `columns` are `dataset.column` where it concerns some; `fix` is empty for a pass."""

    rule: str
    title: str
    question: Question
    outcome: FindingOutcome
    message: str
    clause: str
    fix: str = ""
    columns: tuple[str, ...] = ()
    immediate: bool = False


@dataclass(frozen=True)
class Assessment(Canonical):
    """The findings on one request. `request_digest` is of what was assessed: without the columns that were refused.

    `versions` is what the governance files call themselves, `digests` what they say (policy, parties, gateways,
    delegations), and `contracts` the contract digests that it was judged against: an edit under an unchanged version
    is told apart.
    """

    request_id: str
    request_version: int
    request_digest: str
    policy_version: str
    versions: Mapping[str, str]
    digests: Mapping[str, str]
    contracts: Mapping[str, str]
    assessed_on: date
    findings: tuple[Finding, ...]

    @property
    def violations(self) -> tuple[Finding, ...]:
        """Rules that are broken."""
        return tuple(f for f in self.findings if f.outcome is FindingOutcome.VIOLATION)

    @property
    def gaps(self) -> tuple[Finding, ...]:
        """What is not declared, or cannot be judged."""
        return tuple(f for f in self.findings if f.outcome is FindingOutcome.GAP)

    @property
    def stopping(self) -> tuple[Finding, ...]:
        """What stops even an agreement that runs already: failed rules that are marked immediate."""
        return tuple(f for f in (*self.violations, *self.gaps) if f.immediate)

    @property
    def passed(self) -> bool:
        """Whether every rule passed, and there was at least one."""
        return bool(self.findings) and all(f.outcome is FindingOutcome.PASS for f in self.findings)

    def as_text(self) -> str:
        """A page for people: what fails first, then what passed, question by question."""
        lines = [self._headline(), ""]
        for question in Question:
            found = [f for f in self.findings if f.question is question]
            if found:
                lines += [
                    f"{question.value.capitalize()}?",
                    *(line for f in _worst_first(found) for line in _lines(f)),
                    "",
                ]
        lines.append(f"Digest of this assessment: {self.digest}")
        return "\n".join(lines)

    def _headline(self) -> str:
        counts = f"{len(self.violations)} violations, {len(self.gaps)} gaps, {self._passes()} passed"
        return (
            f"{self.request_id} version {self.request_version}, assessed on {self.assessed_on} under policy "
            f"{self.policy_version}: {counts}."
        )

    def _passes(self) -> int:
        return len(self.findings) - len(self.violations) - len(self.gaps)


def assessment_from_document(document: Mapping[str, Any]) -> Assessment:
    """The assessment that `Assessment.document()` wrote. Raises InvalidDocument."""
    return read_value(Assessment, document, "assessment")


def _worst_first(findings: list[Finding]) -> list[Finding]:
    order = (FindingOutcome.VIOLATION, FindingOutcome.GAP, FindingOutcome.PASS)
    return sorted(findings, key=lambda f: order.index(f.outcome))


def _lines(finding: Finding) -> list[str]:
    if finding.outcome is FindingOutcome.PASS:
        return [f"  {'pass':<9} {finding.rule:<4} {finding.title}: {finding.message}"]
    lines = [f"  {finding.outcome.value.upper():<9} {finding.rule:<4} {finding.message}"]
    told = [f"Columns: {', '.join(finding.columns)}"] if finding.columns else []
    told += [f"Rule: {finding.title}. {finding.clause}", f"What to do: {finding.fix}"]
    return [*lines, *(f"{'':17}{text}" for text in told)]
