"""What people are told, and when: one table, from which the steps, the outbox and the reference page are made.

Rules:
1. A notice holds ids, declared words (of the policy and of this software), dates and counts. What a person typed, such
   as a title or a reason, is read where one has signed in: so no notice can hold anything about a claimant.
2. It is raised once per cause and audience: `cause` names what happened, so raising it again tells nobody twice.
3. Each says what happened, to which id, and what to do or where to look.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Audience(StrEnum):
    """Who is told. Who that is, by name and address, is looked up when the notice is sent."""

    BOARD = "board"
    CONTROLLER = "controller"
    ENGINEER = "engineer"
    REQUESTER = "requester"
    RECIPIENT = "recipient"
    OWNER = "owner"


class NoticeKind(StrEnum):
    """What a notice is about."""

    AWAITED = "awaited"
    OVERDUE = "overdue"
    RETURNED = "returned"
    REFUSED = "refused"
    APPROVED = "approved"
    DELIVERED = "delivered"
    RENEWAL_DUE = "renewal due"
    STOPPED = "stopped"
    RECEIPT_REFUSED = "receipt refused"
    NOT_ACKNOWLEDGED = "not acknowledged"
    TAKEN_BACK = "taken back"
    TO_BE_DESTROYED = "to be destroyed"
    NOT_DESTROYED = "not destroyed"
    ENDS_ELSEWHERE = "ends elsewhere"
    REHEARSAL = "rehearsal"
    NO_DELIVERY = "no delivery"


_A = Audience
WHOM_TO_ASK = (
    "Whom to ask: the contact that you were given when the agreement was set up; README.txt of a delivery names them."
)


@dataclass(frozen=True)
class Telling:
    """One row: who is told when, and the words. `{...}` are facts that the step hands in.

    `for_recipient`: the words for a recipient, who has none of our commands, where those of the others do not serve.
    """

    when: str
    audiences: tuple[Audience, ...]
    subject: str
    body: str
    for_recipient: str = ""

    def words(self, audience: Audience) -> str:
        """The words for whom it is told. A recipient is always told whom to ask."""
        if audience is not Audience.RECIPIENT:
            return self.body
        return f"{self.for_recipient or self.body}\n{WHOM_TO_ASK}"


TELLINGS: Mapping[NoticeKind, Telling] = {
    NoticeKind.AWAITED: Telling(
        "a request is submitted (Board, Controller), one of the two has signed (the other), or a counter-offer is made "
        "(requester)",
        (_A.BOARD, _A.CONTROLLER),
        "you are awaited",
        "{what}\nRead it with `extracts request show {id}`.",
    ),
    NoticeKind.OVERDUE: Telling(
        "a stage took longer than its target days; once per version and stage",
        (_A.BOARD, _A.CONTROLLER, _A.REQUESTER),
        "overdue",
        "It has been {stage} for {days} working days; the target is {target}. It was due on {due_by}.\n"
        "See `extracts request show {id}`.",
    ),
    NoticeKind.RETURNED: Telling(
        "a request is returned",
        (_A.REQUESTER,),
        "returned to you",
        "The Board or the Controller asks for more before it can be decided. {comments} of its fields have a comment.\n"
        "Nothing is closed: the clock stands still until you answer with a new version.\n"
        "Read what is asked with `extracts request show {id}`.",
    ),
    NoticeKind.REFUSED: Telling(
        "a request is refused",
        (_A.REQUESTER,),
        "refused",
        "Reason: {reason}.\nThis need not be the end of the matter. {escalation}\n"
        "Read the clause, and what would be acceptable, with `extracts request show {id}`.",
    ),
    NoticeKind.APPROVED: Telling(
        "a request is approved, in whole or in part",
        (_A.REQUESTER, _A.RECIPIENT, _A.ENGINEER),
        "approved",
        "Both have signed: {outcome}. {granted} of {asked} columns were granted. It is in force from {valid_from} "
        "until {valid_until}.\nRead what will be delivered with `extracts plan {id}`.",
        "Both have signed: {outcome}. {granted} of {asked} columns were granted. It is in force from {valid_from} "
        "until {valid_until}.\nBefore the first delivery you are sent a rehearsal: collect it with `extracts collect`, "
        "which acknowledges it.",
    ),
    NoticeKind.DELIVERED: Telling(
        "a delivery can be collected",
        (_A.RECIPIENT,),
        "delivered",
        "{delivery} can be collected from the drop zone.\nVerify it before you use it: `extracts verify`.",
    ),
    NoticeKind.REHEARSAL: Telling(
        "a rehearsal can be collected",
        (_A.RECIPIENT,),
        "a rehearsal waits for you",
        "{rehearsal} can be collected from the drop zone. It is a test: its rows are made up, and it is no delivery.\n"
        "Collect it with `extracts collect`, which acknowledges it, or follow its README.txt. The first delivery comes "
        "only once it is acknowledged.",
    ),
    NoticeKind.NO_DELIVERY: Telling(
        "a delivery that was due did not come; once per period",
        (_A.RECIPIENT,),
        "no delivery for {period}",
        "The delivery for {period}, due on {due_on}, did not come. {why} {do}\n{next}\n"
        "The same lies in the transfer area, signed, until the delivery comes: `extracts verify`.",
    ),
    NoticeKind.RENEWAL_DUE: Telling(
        "an agreement ends in 60, 30 and 7 days, and no renewal waits for a decision",
        (_A.REQUESTER, _A.RECIPIENT),
        "ends on {ends_on}",
        "It ends in {days} days. Delivered: {delivered} periods. Due and never delivered: {never} periods.\n"
        "To go on, submit a new version under the same id: history and pseudonyms are kept. "
        "See `extracts why {id}`.",
        "It ends in {days} days. Delivered: {delivered} periods. Due and never delivered: {never} periods.\n"
        "To go on, ask whoever made the request in your body to submit a new version. After its end nothing is "
        "delivered, and what you have is to be destroyed by the day that its README.txt says.",
    ),
    NoticeKind.STOPPED: Telling(
        "a run ends without a delivery that was due (engineer), or an agreement is suspended, revoked, withdrawn or "
        "over (requester, recipient, engineer)",
        (_A.REQUESTER, _A.RECIPIENT, _A.ENGINEER),
        "stopped",
        "{what}\nSee `extracts why {id}`.",
        "{what}\nNothing is needed from you now. What you have may be kept no longer, and used for nothing else, than "
        "its README.txt says.",
    ),
    NoticeKind.RECEIPT_REFUSED: Telling(
        "a receipt or a certificate of destruction is refused; once per document and reason",
        (_A.RECIPIENT, _A.ENGINEER),
        "a receipt was not taken",
        "What was put into the recipient's inbox was not taken{about}. Its SHA-256 is {digest}.\n{why}\n"
        "Until it is right, the delivery counts as not acknowledged.",
    ),
    NoticeKind.NOT_ACKNOWLEDGED: Telling(
        "a delivery was not acknowledged, as many working days after it was published as the policy says",
        (_A.RECIPIENT,),
        "{delivery} is not acknowledged",
        "{delivery} was published on {published} and is not acknowledged. Collect it with `extracts collect`, which "
        "writes the receipt, or follow its README.txt.\n"
        "Unless it is acknowledged, it is taken out of the transfer area after {last_day}.",
    ),
    NoticeKind.TAKEN_BACK: Telling(
        "a delivery is taken out of the transfer area: it was not acknowledged in time, or it was withdrawn",
        (_A.RECIPIENT, _A.REQUESTER, _A.ENGINEER),
        "{delivery} was taken back",
        "{delivery} is no longer in the transfer area: {why}.\n{then}",
    ),
    NoticeKind.TO_BE_DESTROYED: Telling(
        "copies of a delivery must be destroyed: in 30 days, in 7 days, today, or at once if it was withdrawn",
        (_A.RECIPIENT,),
        "destroy {delivery} by {by}",
        "Every copy of {delivery}, backups included, must be destroyed by {by}. Then certify it: "
        "`extracts attest-destroyed`; one certificate may cover many deliveries.",
    ),
    NoticeKind.NOT_DESTROYED: Telling(
        "a certificate of destruction is overdue",
        (_A.RECIPIENT, _A.CONTROLLER),
        "{delivery}: no certificate of destruction",
        "Every copy of {delivery} had to be destroyed by {by}, and no certificate says that it was.\n{then}",
    ),
    NoticeKind.ENDS_ELSEWHERE: Telling(
        "an agreement that runs elsewhere ends in 60, 30 and 7 days, and nobody has ended it",
        (_A.OWNER,),
        "ends on {ends_on}",
        "It runs elsewhere, you own it, and it ends in {days} days.\nIf it goes on, register its new last day with "
        "`extracts elsewhere correct {id}`; if not, end it with `extracts elsewhere end {id}`.",
    ),
}


@dataclass(frozen=True)
class Notice:
    """One notice for one audience, as it is kept and sent.

    `request_id` and `version` are of the request; of an agreement that runs elsewhere, its id and revision.
    `recipient`: whom of several it is for; empty for whomever the request is for.
    """

    kind: NoticeKind
    audience: Audience
    cause: str
    request_id: str
    version: int
    subject: str
    body: str
    recipient: str = ""

    @property
    def notice_id(self) -> str:
        """The same for the same cause and audience, for ever: the stable part of a mail's Message-ID."""
        return hashlib.sha256(f"{self.cause}\n{self.audience}".encode()).hexdigest()[:32]


def notices(
    kind: NoticeKind,
    request_id: str,
    version: int,
    cause: str,
    to: tuple[Audience, ...] = (),
    recipient: str = "",
    **facts: object,
) -> tuple[Notice, ...]:
    """The notices of one cause. `to`: whom to tell, if not all that the table names; `recipient`: which of several.

    Raises KeyError without a fact.
    """
    telling = TELLINGS[kind]
    known = {"id": request_id, **{name: str(value) for name, value in facts.items()}}
    subject = f"{request_id}: {telling.subject.format_map(known)}"
    about = _about(kind, request_id, version)
    bodies = {a: f"{about}.\n{telling.words(a).format_map(known)}" for a in to or telling.audiences}
    full_cause = f"{kind}:{request_id}.v{version}:{cause}"
    if kind is NoticeKind.ENDS_ELSEWHERE:  # a corrected title is no reason to tell again
        full_cause = f"{kind}:{request_id}:{cause}"
    return tuple(
        Notice(kind, a, full_cause, request_id, version, subject, body, recipient) for a, body in bodies.items()
    )


def _about(kind: NoticeKind, id_: str, version: int) -> str:
    if kind is NoticeKind.ENDS_ELSEWHERE:
        return f"Agreement {id_}, which runs elsewhere, revision {version}"
    return f"Request {id_}, version {version}"
