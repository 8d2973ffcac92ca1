"""Why is there no delivery, or where does this request stand: in one answer, with whose move it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from extracts.agreement.clocks import Clock
from extracts.agreement.periods import period_for
from extracts.agreement.renewal import Renewal
from extracts.agreement.schedule import due_dates
from extracts.agreement.status import Status, next_steps
from extracts.catalogue.parties import RecipientStatus
from extracts.errors import ExtractsError, InvalidDocument, Outcome
from extracts.record import register
from extracts.record.delivery_entries import DeliveryEntry
from extracts.record.entries import RequestEntry
from extracts.record.transaction import Reading, reading
from extracts.steps.approval import Approved, approved_now
from extracts.steps.approval_file import load_published
from extracts.steps.clocks import clock_of
from extracts.steps.gate_approval import LOCAL
from extracts.steps.in_force import movable_request
from extracts.steps.last_run import LastRun, last_run
from extracts.steps.recipients import unconfirmed
from extracts.steps.rehearsals import Missing, missing_rehearsal
from extracts.steps.renewals import renewal_due
from extracts.steps.review_standing import missing_reviews, whose_move

if TYPE_CHECKING:
    from extracts.steps.workplace import Workplace


@dataclass(frozen=True)
class Why:
    """The answer. `stopped_by` is the first gate that stopped the last run; `move` says who has to act.
    `interrupted` says which of its steps were cut off from outside, and begun again or not.

    `clock` is that of the newest version, and None if the policy cannot be read: why has an answer all the same.
    `renewal` is None unless the end comes near. `waits_for`: a rehearsal, or a key to be
    confirmed, before anything is delivered.
    """

    request_id: str
    status: str
    agreement: str
    next_due: tuple[str, ...]
    last_outcome: str
    stopped_by: str
    reason: str
    interrupted: tuple[str, ...]
    last_run: str
    last_delivery: str
    move: str
    clock: Clock | None
    renewal: Renewal | None
    waits_for: str = ""

    def document(self) -> dict[str, Any]:
        """As plain JSON values."""
        renewal = self.renewal.document() if self.renewal else None
        clock = self.clock.document() if self.clock else None
        return {
            **self.__dict__,
            "next_due": list(self.next_due),
            "interrupted": list(self.interrupted),
            "clock": clock,
            "renewal": renewal,
        }

    def in_words(self) -> dict[str, Any]:
        """As names and values for people."""
        renewal = {"renewal": self.renewal.in_words()} if self.renewal else {}
        facts = {name.replace("_", " "): value for name, value in self.__dict__.items() if name != "renewal"}
        return {**facts, "clock": self.clock.in_words() if self.clock else "", **renewal}


def why(work: Workplace, request_id: str, period: str = "") -> Why:
    """Where an agreement stands, or one of its periods. Raises NotFound for an unknown request."""
    with reading(work.register) as view:
        newest, entry = register.get_request(view, request_id), movable_request(view, request_id)
        run = last_run(work, view, request_id, period)
        deliveries = register.list_deliveries(view, request_id=request_id, period=period)
        clock, renewal = _clock(work, view, newest), renewal_due(work, view, request_id)
    agreement, missing = _agreement(work, request_id)
    return Why(
        request_id=request_id,
        status=entry.status if entry == newest else f"{entry.status} (version {newest.version} is {newest.status})",
        agreement=agreement or "in force",
        next_due=() if agreement else _next_due(work, request_id),
        last_outcome=_outcome(run),
        stopped_by=run.gate if run else "",
        reason=run.reason if run else "",
        interrupted=run.interrupted if run else (),
        last_run=run.told if run else "",
        last_delivery=_last(deliveries),
        move=_reviewers(work, entry) or _move(entry, agreement, run, missing),
        clock=clock,
        renewal=renewal,
        waits_for=missing.what if missing else "",
    )


def _clock(work: Workplace, view: Reading, newest: RequestEntry) -> Clock | None:
    try:
        return clock_of(work, view, newest)
    except InvalidDocument:
        return None


def _agreement(work: Workplace, request_id: str) -> tuple[str, Missing | None]:
    """Empty if the agreement is in force, else why not; and what of its recipient the next delivery waits for."""
    try:
        approved = approved_now(work, request_id)
    except ExtractsError as error:
        return str(error), None
    found = [missing for part in approved.parts() if (missing := _missing(work, part))]
    if not found:
        return "", None
    return "", Missing(" ".join(m.what for m in found), " ".join(m.advice for m in found))


def _missing(work: Workplace, part: Approved) -> Missing | None:
    recipient = work.parties.recipients.get(part.plan.recipient)
    if recipient is None or recipient.status is not RecipientStatus.CONFIRMED:
        what = f"Recipient {part.plan.recipient} is {recipient.status if recipient else 'not declared any more'}."
        return Missing(what, "Ask the keeper of the parties' list.")
    strange = unconfirmed(work, recipient)
    return Missing(strange.what, strange.advice) if strange else missing_rehearsal(work, part)


def _next_due(work: Workplace, request_id: str) -> tuple[str, ...]:
    published = load_published(work, request_id)
    plan, last = published.plan, published.decision.valid_until or published.plan.end_on
    days = due_dates(plan, work.now().astimezone(LOCAL).date(), 3)
    return tuple(f"{day} ({period_for(plan, day, day).label})" for day in days if day <= last)


def _outcome(run: LastRun | None) -> str:
    if run is None:
        return "never run"
    return run.outcome.value if run.outcome else "under way, or ended from outside"


def _last(deliveries: tuple[DeliveryEntry, ...]) -> str:
    """The last one, or of the last period the last to each of several recipients."""
    out = sorted((d for d in deliveries if d.published_at), key=lambda d: (d.period_first, d.revision))
    newest = {d.part: d for d in out if d.period == out[-1].period}
    return "; ".join(f"{d.delivery_id} ({d.state}, {d.rows:,} rows)" for d in newest.values())


_MOVES = {
    Outcome.DELIVERED: "Nobody's: it was delivered.",
    Outcome.NOTHING_DUE: "Nobody's: nothing was due.",
    Outcome.SOURCE_LATE: "The source's owner: load it, then run again.",
    Outcome.FAILED: "The data engineer: mend it and run again.",
    Outcome.STOPPED: "Whoever the reason names; the control worked and nothing left.",
}


def _reviewers(work: Workplace, entry: RequestEntry) -> str:
    """Who has to review before anybody decides; empty if nobody has."""
    if entry.status not in (Status.SUBMITTED, Status.IN_REVIEW):
        return ""
    try:
        missing = missing_reviews(work, entry.request_id)
    except InvalidDocument:  # the policy cannot be read; what else is known is told all the same
        return ""
    steps = f"{_possible(entry)} It is approved only once it is reviewed."
    return f"The reviewers' first: {whose_move(missing)}. {steps}" if missing else ""


def _possible(entry: RequestEntry) -> str:
    steps = [f"{s.verb} ({' or '.join(map(str, s.who))})" for s in next_steps(Status(entry.status))]
    return f"Possible now: {', '.join(steps)}." if steps else "Nobody's: it is over."


def _move(entry: RequestEntry, agreement: str, run: LastRun | None, missing: Missing | None) -> str:
    if entry.status == Status.RETURNED:
        return "The requester's: answer with a new version, or withdraw it."
    if entry.status != Status.APPROVED:
        return _possible(entry)
    if agreement:
        return "The Board and the Controller: there is no agreement in force."
    if missing:
        return f"Before the next delivery: {missing.advice}"
    if run is None:
        return "Nobody's: it waits for its next due date."
    return _MOVES[run.outcome] if run.outcome else "Wait for the run, or start another."
