"""The rules by which a recipient's receipt is taken or refused, without any reading or writing.

In this order; each rule stands on those before it:
1. It is signed, in its namespace, by a key that its recipient declared for receipts and that counts today. A file
   whose name begins with `TEST-` is about a rehearsal, and signed as such.
2. It can be read (the caller hands in what was read).
3. It was not taken before: the same receipt put there again proves nothing new.
4. It is for the recipient in whose inbox it lies.
5. It names a delivery that was published to that recipient.
6. Manifest and files have the digests that left.
7. It was made after the delivery was published (last published, if it was published again), and not in the future.

A receipt that is refused says nothing about the delivery. Why is told to the recipient in the words of `OBJECTIONS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from extracts.handover.manifest import CLOCKS_DIFFER_BY
from extracts.handover.receipt import Receipt


class Objection(StrEnum):
    """Why a receipt or certificate is refused."""

    FORGED = "not signed by a key of yours"
    UNREADABLE = "cannot be read"
    REPLAYED = "taken before"
    FOREIGN = "for another recipient"
    UNKNOWN = "no such delivery"
    MISMATCHED = "other digests"
    TOO_OLD = "made before the delivery was published"
    FUTURE = "made in the future"
    MIXED = "rehearsal and delivery mixed up"
    OVER = "the rehearsal is over"


OBJECTIONS: Mapping[Objection, str] = {
    Objection.FORGED: "It is not signed, for this kind of document, by a key that you declared for receipts and that "
    "counts today. Sign it with your receipt key. If you did, the key may not be confirmed yet: ask the contact to "
    "compare the fingerprint that they hold with yours.",
    Objection.MIXED: "It is signed as for a delivery and about a rehearsal, or the other way round; or it certifies "
    "the destruction of a rehearsal, which nobody asks for. The receipt of a rehearsal has a file name that begins "
    "with TEST- and is signed in `extract-receipt-test`. Run `extracts collect` again, or use the commands in the "
    "README.txt of what you acknowledge.",
    Objection.OVER: "The rehearsal that it names was given up, or another one took its place. Collect the one that is "
    "there now; if there is none, ask the contact for another.",
    Objection.UNREADABLE: "It is not in the form that a receipt or certificate has. Write it with the tool, or with "
    "the command in the delivery's README.txt, and sign it again.",
    Objection.REPLAYED: "It was taken before. It needs nothing more from you.",
    Objection.FOREIGN: "It is made out for another recipient. If you did not put it there, tell the contact at once: "
    "somebody else can write into your inbox.",
    Objection.UNKNOWN: "It names a delivery that was not published to you. Read the id again in the delivery's "
    "README.txt.",
    Objection.MISMATCHED: "Its digests are not those of the delivery that left. Do not use the files: collect them "
    "again and verify them. If they differ again, tell the contact at once.",
    Objection.TOO_OLD: "It was made before the delivery was last published, or your machine's clock is slow. Collect "
    "the delivery as it is there now, and write a new one.",
    Objection.FUTURE: "It was made in the future, by our clock. Set your machine's clock, and write a new one.",
}


@dataclass(frozen=True)
class Left:
    """What is known of a delivery that left. `files`: name -> digest; `published_at`: when it was last published."""

    delivery_id: str
    recipient: str
    manifest_digest: str
    files: Mapping[str, str]
    published_at: datetime


def receipt_objection(receipt: Receipt, recipient: str, left: Left | None, now: datetime) -> Objection | None:
    """Rules 4 to 7. `recipient`: whose inbox it lies in; `left`: the delivery that it names, if there is one."""
    if receipt.recipient != recipient:
        return Objection.FOREIGN
    if left is None or left.recipient != recipient:
        return Objection.UNKNOWN
    told = {f.name: f.sha256 for f in receipt.files}
    if receipt.manifest_digest != left.manifest_digest or told != dict(left.files) or len(told) != len(receipt.files):
        return Objection.MISMATCHED
    return time_objection(receipt.at, left.published_at, now)


def time_objection(at: datetime, published_at: datetime, now: datetime) -> Objection | None:
    """Rule 7: clocks of two organisations differ by a few minutes."""
    if at + CLOCKS_DIFFER_BY < published_at:
        return Objection.TOO_OLD
    return Objection.FUTURE if at > now + CLOCKS_DIFFER_BY else None
