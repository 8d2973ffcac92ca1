"""Every way in which this software says no, on one page.

Rules:
1. A message says what happened, to which id, why, and what to do or whom to ask. It never holds a person's
   value or a credential: foreign exceptions are caught at one boundary and re-raised `from None`.
2. The class decides three things for every face (command line, DAG, page): the outcome word that the run gets,
   whether trying again can help, and the exit code. Nobody branches on a message's text.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar


class Outcome(StrEnum):
    """How a run ended; the same words in UI, notes, register and reports."""

    DELIVERED = "delivered"
    STOPPED = "stopped by a control"
    SOURCE_LATE = "source late"
    FAILED = "technical failure"
    NOTHING_DUE = "nothing due"


class ExtractsError(Exception):
    """Base of all errors of this package. `advice` says what to do next or whom to ask."""

    outcome: ClassVar[Outcome] = Outcome.FAILED
    retryable: ClassVar[bool] = False
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, advice: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice

    def __str__(self) -> str:
        return f"{self.message} {self.advice}".rstrip()


# --- what was handed in cannot be read -------------------------------------------------------------------------


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a document: where, what was found, what is allowed."""

    field: str
    message: str
    line: int | None = None
    allowed: tuple[str, ...] = ()

    def __str__(self) -> str:
        where = f"line {self.line}, " if self.line is not None else ""
        allowed = f" Allowed: {', '.join(self.allowed)}." if self.allowed else ""
        return f"{where}{self.field}: {self.message}{allowed}"


class InvalidDocument(ExtractsError):
    """A YAML or JSON document breaks its schema; carries every problem, not only the first."""

    exit_code = 2

    def __init__(self, source: str, problems: list[Problem], *, advice: str = "") -> None:
        self.source = source
        self.problems = problems
        super().__init__(f"{source}: " + "; ".join(str(p) for p in problems), advice=advice)


class UsageError(ExtractsError):
    """The command or call itself makes no sense (unknown id, a missing argument)."""

    exit_code = 2


class NotFound(UsageError):
    """No request, agreement, delivery or dataset has this id."""


class SettingMissing(ExtractsError):
    """An address or secret that has no default is not in the environment."""

    exit_code = 2


# --- a control stopped it: nothing leaves, and that is the control working ----------------------------------------


class Refused(ExtractsError):
    """A control said no. The run's outcome is `stopped by a control`; trying again does not help."""

    outcome = Outcome.STOPPED


class NotPermitted(Refused):
    """This person may not do this (role, own request, unknown signer)."""


class IllegalTransition(Refused):
    """The status of a request does not allow this step."""


class SignatureInvalid(Refused):
    """A signature is missing, by a stranger, in another namespace, expired, or over other bytes."""


class SignerUnknown(SignatureInvalid):
    """A signature by a key that the list of signers does not have, or not at that time; or by no key at all."""


class ApprovalMissing(Refused):
    """No decision in force covers this: absent, not yet valid, expired, suspended, revoked, or for another plan."""


class PlanRefused(Refused):
    """The policy finds a violation or a gap in the request: no plan can be made from it."""


class SourceChanged(Refused):
    """The source no longer is what was approved: column renamed, retyped or dropped, view edited, role too strong."""


class LimitExceeded(Refused):
    """max_rows, max_deliveries, the change band or the k rule stops the release."""


class CheckFailed(Refused):
    """An expectation, the inspection or the reconciliation failed: nothing leaves."""


class HoldStops(Refused):
    """The hold list is stale, miscounted, newer than the snapshot, or one hold says stop and ask."""


class AlreadyDelivered(Refused):
    """This (agreement, period) was delivered; a correction is a new revision through `extracts redeliver`."""

    outcome = Outcome.NOTHING_DUE


class Busy(Refused):
    """Another run of the same agreement and period holds the lock."""

    outcome = Outcome.NOTHING_DUE


class VerificationFailed(Refused):
    """A delivery, ledger or backup is not what its signatures say."""


class HostKeyRefused(Refused):
    """The transfer area's server did not show the host key that is pinned for it: it may be somebody else."""


class KeyLost(Refused):
    """A pseudonym key is missing; the message says what is lost and how to go on."""


# --- late, or broken ------------------------------------------------------------------------------------------------


class SourceLate(ExtractsError):
    """The source was loaded longer ago than the contract or the request allows."""

    outcome = Outcome.SOURCE_LATE
    retryable = True


class TechnicalFailure(ExtractsError):
    """A server, disk or program failed. Says which, with its code (SQLSTATE, errno, exit code), never its text."""

    retryable = True


class SourceUnreachable(TechnicalFailure):
    """The source database cannot be reached or dropped the connection."""


class SourceGaveWay(SourceUnreachable):
    """A standby ended what was read, for it had to replay what its primary did. Another try may get through."""


class DropZoneUnreachable(TechnicalFailure):
    """The transfer area cannot be reached or written."""


class ChannelUnreachable(TechnicalFailure):
    """Nothing can be sent by this channel for now: no mail server, no folder. The notices wait."""


class NoticeNotTaken(TechnicalFailure):
    """The channel works and would not take this one notice; it is tried again later."""


class DiskFull(TechnicalFailure):
    """No space is left for staging or delivery."""
