"""The transfer area that the settings name, and whom its files are for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from extracts.catalogue.parties import Recipient, RecipientStatus
from extracts.catalogue.recipient_keys import KeyUse, RecipientKey
from extracts.errors import NotPermitted
from extracts.handover.dropzone.folder import FolderDropZone
from extracts.handover.dropzone.inbox import FolderInbox, SftpInbox
from extracts.handover.dropzone.sftp import SftpDropZone
from extracts.handover.dropzone.sftp_address import SftpAddress
from extracts.steps.recipients import check_confirmed

if TYPE_CHECKING:
    from extracts.handover.dropzone.inbox import Inbox
    from extracts.handover.dropzone.interface import DropZone
    from extracts.steps.workplace import Workplace


def drop_zone(work: Workplace) -> DropZone:
    """The transfer area that the settings name."""
    return zone_at(work.places.drop_zone)


def zone_at(place: Path | SftpAddress) -> DropZone:
    """The transfer area: behind SFTP, or a folder."""
    return SftpDropZone(place) if isinstance(place, SftpAddress) else FolderDropZone(place)


@contextmanager
def inbox(work: Workplace) -> Iterator[Inbox]:
    """Where recipients put their receipts; over one connection while the block lasts."""
    place = work.places.drop_zone
    if not isinstance(place, SftpAddress):
        yield FolderInbox(place)
        return
    with SftpInbox(place) as found:
        yield found


def recipient_of(work: Workplace, recipient: str) -> Recipient:
    """A recipient that may be sent something now. Raises NotPermitted, Refused (a key or name is not confirmed)."""
    found = work.parties.recipients.get(recipient)
    if found is None:
        raise NotPermitted(f"No recipient {recipient!r} is declared.", advice="Ask the keeper of parties.yaml.")
    if found.status is not RecipientStatus.CONFIRMED:
        raise NotPermitted(
            f"Recipient {recipient} is {found.status}: nothing is sent there.",
            advice="Confirm its identity and keys by a second channel first.",
        )
    check_confirmed(work, found)
    return found


def decryption_keys(work: Workplace, recipient: str) -> tuple[RecipientKey, ...]:
    """The public keys that files for this recipient are encrypted to. Raises NotPermitted if there is none."""
    found = recipient_of(work, recipient).keys_for(KeyUse.DECRYPT, work.today())
    if not found:
        raise NotPermitted(
            f"Recipient {recipient} has no key to encrypt to.",
            advice="Put its confirmed public key beside the allowed signers: recipients/<recipient id>.pub.",
        )
    return found
