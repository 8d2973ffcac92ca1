"""One run of an agreement, gate by gate, the same for Airflow and the command line.

Rules:
1. Each gate reads the signed documents and the register itself; none trusts that an earlier one ran.
2. What a gate found is written down before the next begins: counts, names and digests only.
3. `record_outcome` always runs last: it says how the run ended and removes everything that was staged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from extracts.errors import ApprovalMissing, ExtractsError, TechnicalFailure, UsageError
from extracts.steps.interruption import begin_step, end_step
from extracts.steps.run_folder import GATES, RunFolder, folder_name

if TYPE_CHECKING:
    from extracts.steps.workplace import Workplace

OUTCOME = "record_outcome"
Progress = Callable[[str], None]


@dataclass(frozen=True)
class RunKey:
    """Which run. `period` None: the one due at `scheduled_for`, or now. `reason` makes it a correcting revision.

    `started_by` is empty for a scheduled run; else who started it by hand: never one of the signers. `signed_in_as` is
    the operating system's user of whoever started it at the command line, whatever name was given: nor that one.
    `host` is the worker that runs a step; empty: this machine. `recipient`: only what one of several recipients gets.
    """

    request_id: str
    run_id: str
    period: str | None = None
    started_by: str = ""
    signed_in_as: str = ""
    scheduled_for: datetime | None = None
    reason: str = ""
    dag_id: str = ""
    try_number: int = 1
    host: str = ""
    recipient: str = ""

    @property
    def name(self) -> str:
        """The run's id in the register: unique over all agreements."""
        return f"{self.request_id}/{self.run_id}"

    @property
    def starters(self) -> tuple[str, ...]:
        """Whoever started it by hand, by every name."""
        return tuple(name for name in dict.fromkeys((self.started_by, self.signed_in_as)) if name)

    @property
    def actor(self) -> str:
        """Who acts, for the ledger."""
        return " as ".join(reversed(self.starters)) or "scheduler"


def run_folder(work: Workplace, key: RunKey) -> RunFolder:
    """Where this run keeps its record and stages its rows."""
    agreement, run = folder_name(key.request_id), folder_name(key.run_id)
    return RunFolder(work.places.runs / agreement / run, work.places.staging / agreement)


def run_step(work: Workplace, step: str, key: RunKey) -> dict[str, Any]:
    """One step of a run; what it found, as plain JSON. Raises an ExtractsError that holds no person's value."""
    folder, work = run_folder(work, key), work.afresh()
    try:
        begin_step(work, key, folder, step)
        if step == GATES[0]:
            _tell_of_the_start(work, key)
        found = _step(step)(work, key, folder)
    except ExtractsError as error:
        _note(work, folder, step, _failure(error))
        end_step(key, folder, step)
        raise
    except OSError as error:
        failure = _disk(error)
        _note(work, folder, step, _failure(failure))
        end_step(key, folder, step)
        raise failure from None
    except Exception as error:
        failure = TechnicalFailure(
            f"{key.request_id}: {step} failed ({type(error).__name__}).",
            advice="This is a fault in the program; its message is withheld, for it may hold a person's value.",
        )
        _note(work, folder, step, _failure(failure))
        end_step(key, folder, step)
        raise failure from None
    if step != OUTCOME:
        _note(work, folder, step, {"passed": True, "found": found})
    end_step(key, folder, step)
    return found


def check_asked(work: Workplace, request_id: str, period: str = "", recipient: str = "") -> None:
    """Raises UsageError for a request that nobody submitted, or a period or recipient as this agreement has none.

    Asked before a run by hand begins: a slip of the keyboard is no run, and leaves nothing on record.
    """
    from extracts.agreement.periods import Frequency, read_label
    from extracts.steps.approval_file import load_published
    from extracts.steps.requests import stored_request

    stored_request(work, request_id)
    if not period and not recipient:
        return
    try:
        plan = load_published(work, request_id).plan
    except ApprovalMissing:
        return  # the first gate says so, on record
    if recipient and recipient not in plan.recipients:
        there = ", ".join(plan.recipients)
        raise UsageError(f"{request_id} is not for {recipient}.", advice=f"It is for: {there}.")
    if period:
        read_label(period, Frequency(plan.frequency))


def run_all(work: Workplace, key: RunKey, progress: Progress = lambda _: None) -> dict[str, Any]:
    """All steps in order, without Airflow; how it ended, and as `error` the class of what stopped it."""
    stopped = ""
    try:
        for step in GATES:
            progress(step)
            run_step(work, step, key)
    except ExtractsError as error:
        stopped = type(error).__name__  # noted by run_step; the outcome tells why
    finally:
        found = run_step(work, OUTCOME, key)
    return {**found, "error": stopped}


def _tell_of_the_start(work: Workplace, key: RunKey) -> None:
    from extracts.steps.lineage import run_began

    run_began(work, key)


def _step(name: str) -> Callable[[Workplace, RunKey, RunFolder], dict[str, Any]]:
    """The function of a step, imported when needed: no task imports what it does not use."""
    if name == "check_approval":
        from extracts.steps.gate_approval import check_approval as step
    elif name == "check_source":
        from extracts.steps.gate_source import check_source as step
    elif name == "build_extract":
        from extracts.steps.gate_build import build_extract as step
    elif name == "validate_extract":
        from extracts.steps.gate_validate import validate_extract as step
    elif name == "sign_manifest":
        from extracts.steps.gate_sign import sign_manifest as step
    elif name == "release":
        from extracts.steps.gate_release import release as step
    elif name == OUTCOME:
        from extracts.steps.outcome import record_outcome as step
    else:
        raise TechnicalFailure(f"There is no step {name!r}.")
    return step


def _note(work: Workplace, folder: RunFolder, step: str, found: Mapping[str, Any]) -> None:
    try:
        folder.write(f"gate-{step}", {"step": step, "at": work.now(), **found})
    except OSError as error:
        # A gate whose note cannot be kept has not passed; and a failure is told by its own error, not by this one.
        if found["passed"]:
            raise _disk(error) from None


def _failure(error: ExtractsError) -> dict[str, Any]:
    return {
        "passed": False,
        "outcome": error.outcome.value,
        "error": type(error).__name__,
        "message": error.message,
        "advice": error.advice,
    }


def _disk(error: OSError) -> ExtractsError:
    import errno

    from extracts.errors import DiskFull

    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return DiskFull(
            "No space is left for staging or delivery.", advice="Free some and run again; nothing was lost."
        )
    code = errno.errorcode.get(error.errno or 0, "unknown")
    return TechnicalFailure(f"A file could not be read or written ({code}).", advice="See `extracts doctor`.")
