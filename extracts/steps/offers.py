"""What recipients put into their inboxes, paired with its signature and judged by their own keys.

Rules:
1. A document counts with its signature beside it (`<name>.sig`). One without, or with a signature that is not whole, is
   still being written: it waits, and so does whatever has another name.
2. It is signed by a receipt key of the recipient in whose inbox it lies, which is confirmed and counts today; nobody
   else's.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from extracts import signing
from extracts.canonical import digest_bytes
from extracts.catalogue.parties import Recipient
from extracts.catalogue.recipient_keys import KeyUse, RecipientKey
from extracts.errors import SignatureInvalid
from extracts.handover.armour import is_exact_armour
from extracts.handover.certificate import SUFFIX as CERTIFICATE
from extracts.handover.dropzone.inbox import Inbox
from extracts.handover.receipt import SUFFIX as RECEIPT
from extracts.handover.rehearsal import is_marked
from extracts.handover.rehearsal import namespace as twin_or_real
from extracts.record.transaction import reading
from extracts.steps.recipients import confirmed_keys

if TYPE_CHECKING:
    from extracts.steps.workplace import Workplace

KINDS = {RECEIPT: signing.RECEIPT, CERTIFICATE: signing.DESTROYED}
"""How a document's name ends -> the namespace in which it must be signed, unless it is about a rehearsal."""
_SIGNED_AS = (*KINDS.values(), signing.test_namespace(signing.RECEIPT))


@dataclass(frozen=True)
class Offer:
    """A document with its signature, as it lies in an inbox. `kind` is how its name ends."""

    recipient: Recipient
    name: str
    kind: str
    data: bytes
    signature: str

    @property
    def is_test(self) -> bool:
        """Whether its name says that it is about a rehearsal."""
        return is_marked(self.name)

    @property
    def namespace(self) -> str:
        """The namespace in which it must be signed."""
        return twin_or_real(KINDS[self.kind], rehearsal=self.is_test)

    @property
    def digest(self) -> str:
        """The digest by which register and ledger name it."""
        return digest_bytes(self.data)

    def taken_from(self, inbox: Inbox) -> None:
        """Out of the inbox, the document first: what is left of a killed taker is a signature without one."""
        inbox.take(self.recipient.id, self.name)
        inbox.take(self.recipient.id, f"{self.name}.sig")


@dataclass(frozen=True)
class Offered:
    """What lies in one inbox: what can be judged, and how many files wait for their other half."""

    offers: tuple[Offer, ...]
    waiting: int


def read_offers(inbox: Inbox, recipient: Recipient) -> Offered:
    """Everything in a recipient's inbox. Raises DropZoneUnreachable."""
    files = dict(inbox.offered(recipient.id))
    offers = tuple(_paired(recipient, files))
    return Offered(offers, len(files) - 2 * len(offers))


def _paired(recipient: Recipient, files: dict[str, bytes]) -> Iterator[Offer]:
    for name, data in files.items():
        kind = next((ending for ending in KINDS if name.endswith(ending)), "")
        signature = files.get(f"{name}.sig", b"").replace(b"\r\n", b"\n")
        if kind and is_exact_armour(signature):
            yield Offer(recipient, name, kind, data, signature.decode())


def signed_by(work: Workplace, offer: Offer, signers: Path) -> signing.Signature:
    """Whose key signed it, judged now by the recipient's own list. Raises SignatureInvalid."""
    return signing.verify(
        offer.data, offer.signature, offer.namespace, signers, work.now(), principal=offer.recipient.id
    )


@contextmanager
def signers_of(work: Workplace, recipient: Recipient) -> Iterator[Path]:
    """An allowed_signers file of the recipient's confirmed receipt keys, with the days on which each counts."""
    with reading(work.register) as view:
        confirmed = confirmed_keys(work, view, recipient)
    keys = [key for key in recipient.keys_for(KeyUse.RECEIPT) if key.fingerprint in confirmed]
    lines = [_line(recipient, key) for key in keys]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"keys of {recipient.id}")
        path.write_text("".join(lines))
        yield path


def _line(recipient: Recipient, key: RecipientKey) -> str:
    # Days are inclusive, by the clock of UTC as those of allowed_signers are.
    after = _midnight(key.valid_from) if key.valid_from else None
    before = _midnight(key.valid_until + timedelta(days=1)) if key.valid_until else None
    return signing.allowed_signers_line(recipient.id, key.public_key, list(_SIGNED_AS), after, before)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def fingerprint_or_none(work: Workplace, offer: Offer, signers: Path) -> str | None:
    """The fingerprint of the key that signed it; None if no key of the recipient's did."""
    try:
        return signed_by(work, offer, signers).key_fingerprint
    except SignatureInvalid:
        return None
