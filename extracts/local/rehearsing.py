"""Before the demo's first deliveries: recipients' keys are confirmed, and its agreements rehearsed, as in real life."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from extracts.handover.collection.area import FolderArea
from extracts.handover.collection.collecting import Means, collect
from extracts.handover.collection.waiting import find_waiting
from extracts.handover.dropzone.inbox import INBOX
from extracts.local.home import DemoHome
from extracts.local.people import SERVICE
from extracts.local.world import Decided
from extracts.steps.approval import approved_now
from extracts.steps.receipts import take_receipts
from extracts.steps.recipients import Channel, confirm_recipient, unconfirmed
from extracts.steps.rehearsals import clear_rehearsals, missing_rehearsal
from extracts.steps.rehearsing import rehearse
from extracts.steps.workplace import Workplace


def rehearse_all(
    work: Workplace, home: DemoHome, decided: Sequence[Decided], progress: Callable[[str], None]
) -> tuple[str, ...]:
    """Rehearse every agreement that was neither rehearsed nor delivered before; the ids of the agreements.

    Raises what rehearsing and collecting raise.
    """
    confirm_all(work)
    approved = [(d.request_id, approved_now(work, d.request_id)) for d in decided if d.approved]
    wanted = [
        (name, part.plan.recipient)
        for name, a in approved
        for part in a.parts()
        if missing_rehearsal(work, part) is not None
    ]
    for request_id, recipient in wanted:
        rehearse(work, request_id, SERVICE, recipient)
        _collected(work, home, recipient)
    if wanted:
        take_receipts(work)
        clear_rehearsals(work)
    for request_id, recipient in wanted:
        progress(f"{request_id}: rehearsed with made-up rows, which {recipient} collected and acknowledged")
    return tuple(dict.fromkeys(request_id for request_id, _ in wanted))


def confirm_all(work: Workplace) -> None:
    """Say of every recipient's keys that they were compared: here nobody had to ring anybody, for all are made up."""
    for recipient in work.parties.recipients.values():
        found = unconfirmed(work, recipient)
        if found is not None:
            person = found.people[0].name if found.people else recipient.name
            confirm_recipient(work, recipient.id, found.fingerprints, Channel.IN_PERSON, person, SERVICE)


def _collected(work: Workplace, home: DemoHome, recipient: str) -> None:
    """As the recipient does, with its own keys, into a folder that goes again."""
    area, people = FolderArea(work.places.drop_zone_folder / recipient), home.people
    (area.root / INBOX).mkdir(mode=0o750, exist_ok=True)
    with TemporaryDirectory() as folder:
        into = Path(folder)
        means = Means(people.allowed_signers, into, work.now, people.identity(recipient), people.receipt_key(recipient))
        for waiting in find_waiting(area, into, people.allowed_signers, work.now()).waiting:
            if waiting.is_rehearsal:
                collect(area, waiting, means)
