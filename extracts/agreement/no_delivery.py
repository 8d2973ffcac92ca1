"""Why a delivery that was due did not come, in words that its recipient can use.

Rules:
1. One reason for each delivery, in the order of this table: what the recipient can mend comes before what we mend.
2. No gate, table, count, person or message of a program is named: what stopped a run in detail is for those who run it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from extracts.agreement.expected import Arrival


class Reason(StrEnum):
    """Why it did not come."""

    SUSPENDED = "suspended"
    NOT_REHEARSED = "not rehearsed"
    NOT_CONFIRMED = "recipient not confirmed"
    NOT_CERTIFIED = "certificate overdue"
    SOURCE_LATE = "source late"
    STOPPED = "stopped by a check"
    FAILED = "technical failure"
    NOTHING_RAN = "not started"


@dataclass(frozen=True)
class Words:
    """What a recipient is told: why, and what to do."""

    why: str
    do: str


_NOTHING = "Nothing is needed from you."
WORDS: Mapping[Reason, Words] = {
    Reason.SUSPENDED: Words("The agreement is suspended.", f"{_NOTHING} Ask the contact when it will be resumed."),
    Reason.NOT_REHEARSED: Words(
        "Nothing is delivered before you have acknowledged a rehearsal.",
        "Collect the rehearsal with `extracts collect`; if none waits for you, ask the contact to send one.",
    ),
    Reason.NOT_CONFIRMED: Words(
        "A key of yours, or your organisation's name, was changed and is not confirmed yet.",
        "Ask the contact to confirm it with you by telephone: they read the fingerprint, and you compare it.",
    ),
    Reason.NOT_CERTIFIED: Words(
        "The certificate of destruction of an earlier delivery is overdue.",
        "Destroy every copy of it and certify that: `extracts attest-destroyed`.",
    ),
    Reason.SOURCE_LATE: Words("The data were not ready at their source in time.", _NOTHING),
    Reason.STOPPED: Words(
        "A check before the release stopped it, so that nothing leaves that is not as agreed.", _NOTHING
    ),
    Reason.FAILED: Words("It failed for a technical reason on our side.", _NOTHING),
    Reason.NOTHING_RAN: Words("It was not started on our side.", _NOTHING),
}
BY_ARRIVAL: Mapping[Arrival, Reason] = {
    Arrival.SOURCE_LATE: Reason.SOURCE_LATE,
    Arrival.STOPPED: Reason.STOPPED,
    Arrival.FAILED: Reason.FAILED,
    Arrival.NOTHING_RAN: Reason.NOTHING_RAN,
}


def in_words(reason: Reason, period: str, due_at: datetime, next_due: datetime | None, contact: str) -> str:
    """The whole of it, as one paragraph."""
    told = WORDS[reason]
    return (
        f"The delivery for {period}, due on {due_at:%Y-%m-%d}, did not come. {told.why} {told.do} "
        f"{_next(reason, next_due)} Questions: {contact}."
    )


def _next(reason: Reason, next_due: datetime | None) -> str:
    missed = "This one follows once that is mended."
    if next_due is None:
        return f"{missed} No later delivery is planned."
    if reason is Reason.SUSPENDED:
        return f"The next one would be due on {next_due:%Y-%m-%d}, if it is resumed by then."
    return f"{missed} The next one is due on {next_due:%Y-%m-%d}."
