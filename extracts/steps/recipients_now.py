"""Which of an agreement's recipients may be sent something now, and why the others may not.

Rules:
1. Each is asked for itself: its overdue certificates, whether it and its keys are confirmed, whether it was rehearsed,
   and whether the policy stops what it would get.
2. One that may not get anything holds up no other. Where none may, the reason of the first stops the run.
3. Why somebody waits is on record: in the gate's note, and in the reason of the run's outcome.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, TypeVar

from extracts.errors import AlreadyDelivered, ExtractsError, LimitExceeded, NotPermitted, Refused
from extracts.steps.certificates import check_certificates
from extracts.steps.policy_review import policy_stops
from extracts.steps.rehearsals import check_rehearsed
from extracts.steps.transfer import recipient_of

if TYPE_CHECKING:
    from extracts.steps.approval import Approved
    from extracts.steps.workplace import Workplace

WAITING = "waiting"
T = TypeVar("T")
_OF_ONE = (Refused, NotPermitted, LimitExceeded, AlreadyDelivered)


def recipients_now(work: Workplace, parts: Iterable[Approved]) -> tuple[list[Approved], dict[str, ExtractsError]]:
    """The parts of those who may be sent something now, and why the others wait. Raises the reason if nobody may."""
    found, waiting = each_or_none(parts, lambda part: _may_receive(work, part))
    return found, waiting


def each_or_none(
    parts: Iterable[Approved], ask: Callable[[Approved], T], *quiet: type[ExtractsError]
) -> tuple[list[T], dict[str, ExtractsError]]:
    """What `ask` gives for each part; and, by recipient, why it gives nothing. Raises the reason if it does for nobody.

    quiet: reasons that are told only if there is no other.
    """
    found, refused = [], dict[str, ExtractsError]()
    for part in parts:
        try:
            found.append(ask(part))
        except _OF_ONE as error:
            refused[part.plan.recipient] = error
    if not found and refused:
        raise min(refused.values(), key=lambda error: isinstance(error, quiet))
    return found, refused


def part_name(approved: Approved) -> str:
    """The recipient where the agreement has several, else nothing: what tells its parts apart."""
    return approved.plan.recipient if approved.signed_plan.division else ""


def in_words(waiting: Mapping[str, ExtractsError]) -> dict[str, str]:
    """By recipient, why it gets nothing now."""
    return {recipient: error.message for recipient, error in sorted(waiting.items())}


def _may_receive(work: Workplace, part: Approved) -> Approved:
    check_certificates(work, part.plan.request_id, part_name(part))
    recipient_of(work, part.plan.recipient)
    check_rehearsed(work, part)
    if stopped := policy_stops(work, part.published, part.plan.recipient):
        raise Refused(f"{part.plan.request_id} for {part.plan.recipient}: {stopped}.", advice="See the policy's rules.")
    return part
