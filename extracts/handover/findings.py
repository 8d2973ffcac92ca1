"""What a verification found, in sentences that a recipient can read out, and as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from extracts.errors import VerificationFailed
from extracts.handover.asking import WHOM_TO_ASK


class Result(StrEnum):
    """`not checked` always says why: silence would look like a check."""

    CHECKED = "checked"
    FAILED = "failed"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True)
class Finding:
    """One thing that was checked, failed, or could not be checked. `file`: which file, empty for the whole."""

    result: Result
    what: str
    file: str = ""

    def __str__(self) -> str:
        return f"{self.file}: {self.what}" if self.file else self.what


_LEAVE_IT = "What to do: open nothing, change nothing, keep it as it is, and say what is failed above."


@dataclass(frozen=True)
class Verification:
    """All findings on one delivery or index. `subject`: its id, or its folder if it could not be read."""

    subject: str
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        """True if something was checked and nothing failed."""
        return bool(self.checked) and not self.failed

    @property
    def checked(self) -> tuple[Finding, ...]:
        """What was checked and holds."""
        return self._of(Result.CHECKED)

    @property
    def failed(self) -> tuple[Finding, ...]:
        """What does not hold; the first names the cause."""
        return self._of(Result.FAILED)

    @property
    def not_checked(self) -> tuple[Finding, ...]:
        """What could not be checked, and why."""
        return self._of(Result.NOT_CHECKED)

    def sentences(self) -> list[str]:
        """The whole result in plain words, the verdict first."""
        verdict = "is what its signers approved and signed" if self.passed else "must not be used"
        lines = [f"{self.subject} {verdict}."]
        for result in (Result.FAILED, Result.CHECKED, Result.NOT_CHECKED):
            lines += [f"{result.value}: {finding}" for finding in self._of(result)]
        return lines if self.passed else [*lines, f"{_LEAVE_IT} {WHOM_TO_ASK}"]

    def document(self) -> dict[str, Any]:
        """The whole result as plain JSON values."""
        findings = [{"result": f.result.value, "file": f.file, "what": f.what} for f in self.findings]
        return {"subject": self.subject, "passed": self.passed, "findings": findings}

    def check(self) -> None:
        """Raises VerificationFailed unless it passed; its message names the first file and why."""
        if not self.passed:
            why = "; ".join(str(f) for f in self.failed) or "nothing could be checked"
            raise VerificationFailed(f"{self.subject} does not verify: {why}", advice="Do not use it; report it.")

    def _of(self, result: Result) -> tuple[Finding, ...]:
        return tuple(f for f in self.findings if f.result is result)


def checked(what: str, file: str = "") -> Finding:
    """It was checked, and holds."""
    return Finding(Result.CHECKED, what, file)


def failed(what: str, file: str = "") -> Finding:
    """It does not hold."""
    return Finding(Result.FAILED, what, file)


def not_checked(what: str, file: str = "") -> Finding:
    """It could not be checked; `what` says why."""
    return Finding(Result.NOT_CHECKED, what, file)
