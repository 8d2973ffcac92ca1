"""What the making of an extract yields: values with counts, digests and names, never a row.

These pass between steps and end in the manifest, so each can be written as plain JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from extracts.agreement.plan import Period as Period
from extracts.errors import CheckFailed


@dataclass(frozen=True)
class Snapshot:
    """One moment of the source. `exported` is usable by other readers while its holder lives, and never recorded.

    `log_position` is where the write-ahead log was *observed* (replayed position on a standby).
    """

    visible: str
    system_identifier: str
    at: datetime
    log_position: str
    server_version: str
    exported: str = ""


@dataclass(frozen=True)
class SourceCheck:
    """What was found before anything was read: who enforces minimisation, how fresh the source and hold list are."""

    dataset: str
    enforced_by: str
    loaded_at: datetime
    age_hours: float
    hold_list_loaded_at: datetime
    hold_list_entries: int
    curated_view_digest: str
    agreement_view_digest: str


@dataclass(frozen=True)
class Funnel:
    """Rows of one dataset in one snapshot: source = filtered + held + withheld + unassigned + waiting + delivered.

    filtered: left out by the plan's conditions or period; held: by a hold or restriction; withheld: by the
    safe-address rule or small cells. Where there are several recipients, and over all of them: unassigned rows belong
    to none; waiting ones to those who get nothing now. Of one recipient's part, source are the rows that are theirs.
    """

    source: int
    filtered: int
    held: int
    withheld: int
    delivered: int
    unassigned: int = 0
    waiting: int = 0

    def check(self, dataset: str) -> None:
        """Raises CheckFailed unless the numbers add up."""
        others = (self.unassigned, self.waiting)
        numbers = (self.filtered, self.held, self.withheld, self.delivered, *others)
        parts = sum(numbers)
        if parts != self.source or min(numbers) < 0:
            several = f" + unassigned {self.unassigned} + waiting {self.waiting}" if any(others) else ""
            raise CheckFailed(
                f"{dataset}: reconciliation failed: source {self.source} rows, but filtered {self.filtered} + held "
                f"{self.held} + withheld {self.withheld} + delivered {self.delivered}{several} = {parts}.",
                advice="Nothing was delivered. Ask the source's owner what changed the table while it was read.",
            )


@dataclass(frozen=True)
class ExtractFile:
    """One finished clear file in staging, and what is known about it.

    `smallest_group` is k in people over the quasi-identifiers, None where the plan asks for none.
    """

    dataset: str
    path: Path
    rows: int
    people: int
    bytes: int
    sha256: str
    schema_digest: str
    funnel: Funnel
    smallest_group: int | None = None


@dataclass(frozen=True)
class Extract:
    """All files for one recipient of a plan (`plan_digest` is the whole plan's), drawn under one snapshot.

    finished_at: when the last file was complete, by the engine's clock (the snapshot's time is by the source's).
    membership: the controller's clear index of who was in it, asked once more at release, never delivered.
    """

    plan_digest: str
    period: Period
    snapshot: Snapshot
    files: tuple[ExtractFile, ...]
    sources: tuple[SourceCheck, ...]
    finished_at: datetime
    membership: Path | None = None
    membership_sha256: str = ""


@dataclass(frozen=True)
class Drawn:
    """What one snapshot gave: an extract for each recipient, and by dataset the funnel over all of them together."""

    parts: tuple[Extract, ...]
    whole: Mapping[str, Funnel]


class CheckKind(StrEnum):
    """What a failed check means for the run: the data are wrong, a limit is passed, or the source is late."""

    QUALITY = "quality"
    LIMIT = "limit"
    FRESHNESS = "freshness"


@dataclass(frozen=True)
class CheckResult:
    """One check of a report: what was checked on which column, passed or not, in counts.

    `harm` is what the check prevents. `not_checked` (it should have run and did not: it stops) and `not_applicable`
    (it cannot concern this agreement: it does not stop) each hold their reason.
    """

    name: str
    target: str
    passed: bool
    detail: str = ""
    not_checked: str = ""
    not_applicable: str = ""
    harm: str = ""
    kind: CheckKind = CheckKind.QUALITY

    @property
    def stops(self) -> bool:
        """Whether nothing may leave because of this check."""
        return not self.not_applicable and (bool(self.not_checked) or not self.passed)


@dataclass(frozen=True)
class Report:
    """The result of validation or inspection. Passed only if every check that applies ran and passed.

    `suite` names the rules and their version; `suite_digest` is over every rule that was applied.
    """

    title: str
    suite: str
    checks: tuple[CheckResult, ...]
    suite_digest: str = ""

    @property
    def passed(self) -> bool:
        """False if any check failed or could not be made, or if there was none."""
        return any(not c.not_applicable for c in self.checks) and not self.stopping

    @property
    def stopping(self) -> tuple[CheckResult, ...]:
        """The checks that stop the release."""
        return tuple(c for c in self.checks if c.stops)
