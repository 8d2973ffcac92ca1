"""Sends what is in the outbox: addresses, attempts, pauses. Every attempt is recorded.

Rules:
1. At least once: a notice is noted as sent after the channel took it. Killed in between, the next sender hands the same
   letter over again: the folder then holds the same file, and a mail has the same Message-ID.
2. Whoever has the role on the day of sending is told, not whoever had it when it was raised. If nobody has, it waits,
   and says so.
3. A letter that is not taken is tried again after 5 minutes, and then three times as long each time, up to 12 hours:
   for ever, since none may be lost. A channel that cannot be used costs one attempt, and the others wait for it.
4. A channel that is switched on later gets what is raised from then on, not what other channels sent long ago.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from extracts.agreement.notices import Audience, Notice
from extracts.catalogue.people import Role
from extracts.errors import ChannelUnreachable, ExtractsError, NoticeNotTaken
from extracts.mail.channel import Channel, Letter, Open
from extracts.record import notices as outbox
from extracts.record import register
from extracts.record.elsewhere import get_elsewhere
from extracts.record.locks import sender_lock
from extracts.record.notices import KeptNotice, Sending
from extracts.record.transaction import reading, unit_of_work
from extracts.steps.notices import raise_due

if TYPE_CHECKING:
    from extracts.steps.workplace import Workplace

SENDER = "notices"
_FIRST_PAUSE = timedelta(minutes=5)
_LONGEST_PAUSE = timedelta(hours=12)
_NOBODY = "nobody to tell: no address is declared for this role"
_ROLES = {Audience.BOARD: Role.BOARD, Audience.CONTROLLER: Role.CONTROLLER, Audience.ENGINEER: Role.ENGINEER}


@dataclass(frozen=True)
class Sent:
    """What one sender did. `problems`: channels, or files, that could not be used; everything else was done."""

    raised: int
    sent: int
    failed: int
    problems: tuple[str, ...]

    @property
    def counts(self) -> dict[str, int]:
        """What Airflow is told."""
        return {"raised": self.raised, "sent": self.sent, "failed": self.failed}


def send_notices(work: Workplace) -> Sent:
    """Raise what time has caused, and send what is due. Raises Busy if another sender is at work."""
    with sender_lock(work.register):
        problems: list[str] = []
        raised = 0
        try:
            raised = raise_due(work)
        except ExtractsError as error:  # a policy that cannot be read must not hold up what is in the outbox
            problems.append(str(error))
        for kept in _unaddressed(work):
            _address(work, kept)
        _look_again_for_roles(work)
        results = [_send_by(work, channel, problems) for channel in work.channels]
    return Sent(raised, sum(s for s, _ in results), sum(f for _, f in results), tuple(problems))


def pause_after(attempts: int) -> timedelta:
    """How long to wait after this many failed attempts."""
    factor: int = 3 ** min(attempts - 1, 10)
    return min(_FIRST_PAUSE * factor, _LONGEST_PAUSE)


def _unaddressed(work: Workplace) -> tuple[KeptNotice, ...]:
    with reading(work.register) as view:
        return outbox.unaddressed(view)


def _address(work: Workplace, kept: KeptNotice) -> None:
    """Give a notice to every channel at once: half of them would look like all."""
    now, notice = work.now(), kept.notice
    with unit_of_work(work.register) as unit:
        for channel in work.channels:
            for address in addresses(work, notice) if channel.name == "smtp" else ("",):
                outbox.address(unit, notice.notice_id, channel.name, address, now)
        unit.event(now, "notice.addressed", notice.request_id, SENDER, _told(notice))


def addresses(work: Workplace, notice: Notice) -> tuple[str, ...]:
    """Whom to write to today; one empty address if there is nobody."""
    if notice.audience is Audience.REQUESTER:
        with reading(work.register) as view:
            return (register.get_request(view, notice.request_id, notice.version).requester_name,)
    if notice.audience is Audience.RECIPIENT:
        return tuple(c for name in _recipients(work, notice) if (c := _contact(work, name))) or ("",)
    if notice.audience is Audience.OWNER:
        return (_owner(work, notice.request_id),)
    role, today = _ROLES[notice.audience], work.today()
    return tuple(sorted(p.id for p in work.parties.principals.values() if p.has_role(role, today))) or ("",)


def _recipients(work: Workplace, notice: Notice) -> tuple[str, ...]:
    """The one that it is for, or everybody whom the request is for."""
    if notice.recipient:
        return (notice.recipient,)
    with reading(work.register) as view:
        return register.get_request(view, notice.request_id).recipients


def _contact(work: Workplace, recipient: str) -> str:
    found = work.parties.recipients.get(recipient)
    return found.contact if found else ""


def _owner(work: Workplace, elsewhere_id: str) -> str:
    """Whoever owns it by its newest revision, while they are declared; empty for nobody."""
    with reading(work.register) as view:
        owner = get_elsewhere(view, elsewhere_id).terms.owner
    return owner if owner in work.parties.principals else ""


def _look_again_for_roles(work: Workplace) -> None:
    """Mail for a role that nobody had: somebody may have it now."""
    now = work.now()
    with reading(work.register) as view:
        waiting = [s for s in outbox.due_sendings(view, ("smtp",), now) if not s.address]
        notices = [outbox.get_notice(view, s.notice_id).notice for s in waiting]
    for sending, notice in zip(waiting, notices, strict=True):
        found = addresses(work, notice)
        with unit_of_work(work.register) as unit:
            unit.event(now, "notice.addressed", notice.request_id, SENDER, _told(notice))
            if found == ("",):
                outbox.note_failure(unit, sending, _NOBODY, now + pause_after(sending.attempts + 1))
                continue
            for address in found:
                outbox.address(unit, notice.notice_id, sending.channel, address, now)
            outbox.note_passed_on(unit, sending, now)


def _send_by(work: Workplace, channel: Channel, problems: list[str]) -> tuple[int, int]:
    """How many went by this channel, and how many did not."""
    with reading(work.register) as view:
        due = [s for s in outbox.due_sendings(view, (channel.name,), work.now()) if s.address or channel.name != "smtp"]
    if not due:
        return 0, 0
    sent = failed = 0
    try:
        with channel.open() as opened:
            for sending in due:
                went = _try(work, opened, sending)
                sent, failed = sent + went, failed + (not went)
    except ChannelUnreachable as error:
        problems.append(str(error))
        _fail(work, due[sent + failed], error)
        return sent, failed + 1
    except ExtractsError as error:  # a setting is missing: no attempt was made
        problems.append(str(error))
    return sent, failed


def _try(work: Workplace, opened: Open, sending: Sending) -> bool:
    """Whether it went. Raises ChannelUnreachable."""
    with reading(work.register) as view:
        kept = outbox.get_notice(view, sending.notice_id)
    try:
        opened.send(letter(kept, sending.address))
    except NoticeNotTaken as error:
        _fail(work, sending, error)
        return False
    now, notice = work.now(), kept.notice
    with unit_of_work(work.register) as unit:
        outbox.note_sent(unit, sending, now)
        told = {**_told(notice), "channel": sending.channel, "attempt": sending.attempts + 1}
        unit.event(now, "notice.sent", notice.request_id, SENDER, told)
    return True


def letter(kept: KeptNotice, address: str) -> Letter:
    """The notice as a channel takes it: the same whenever it is sent."""
    notice = kept.notice
    return Letter(notice.notice_id, address or str(notice.audience), notice.subject, notice.body, kept.raised_at)


def _fail(work: Workplace, sending: Sending, error: ExtractsError) -> None:
    now = work.now()
    with reading(work.register) as view:
        notice = outbox.get_notice(view, sending.notice_id).notice
    with unit_of_work(work.register) as unit:
        outbox.note_failure(unit, sending, error.message, now + pause_after(sending.attempts + 1))
        told = {**_told(notice), "channel": sending.channel, "attempt": sending.attempts + 1}
        unit.event(now, "notice.not-sent", notice.request_id, SENDER, told)


def _told(notice: Notice) -> dict[str, object]:
    return {"notice": notice.notice_id, "kind": notice.kind, "audience": notice.audience, "version": notice.version}
