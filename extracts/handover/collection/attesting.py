"""The recipient's certificate of destruction: written from what was collected, signed, and put into the inbox.

Rules:
1. A delivery is named by the receipt that lies where it was collected, so its digests are those that were acknowledged.
2. No certificate is written for what still lies there: the folder of the delivery, or its opened files.
3. One certificate may cover many deliveries. Nothing here deletes anything: that is done by people who know every copy.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from extracts import signing
from extracts.canonical import digest_bytes
from extracts.errors import Refused, UsageError
from extracts.handover.certificate import SUFFIX, Certificate, DestroyedDelivery, read_certificate
from extracts.handover.collection.area import Area
from extracts.handover.collection.collecting import TOOL
from extracts.handover.files import staging_errors, write_file
from extracts.handover.receipt import SUFFIX as RECEIPT
from extracts.handover.receipt import Receipt, read_receipt
from extracts.handover.rehearsal import is_marked


def attest(
    area: Area,
    into: Path,
    delivery_ids: Sequence[str],
    key: Path,
    *,
    method: str,
    by: str,
    destroyed_at: datetime,
    now: datetime,
) -> Path:
    """The certificate for these deliveries, signed, in the inbox, and beside what was collected.

    Raises UsageError (a delivery without a receipt here), InvalidDocument (unreadable words), Refused (a copy still
    lies here), DropZoneUnreachable, TechnicalFailure (the key).
    """
    if rehearsals := sorted(filter(is_marked, delivery_ids)):
        raise UsageError(
            f"No certificate is asked for {', '.join(rehearsals)}: in a rehearsal nothing is about anybody.",
            advice="Delete its files, and name deliveries only.",
        )
    receipts = [_receipt(into, delivery_id) for delivery_id in dict.fromkeys(delivery_ids)]
    _must_be_gone(into, receipts)
    data = _certificate(receipts, method, by, destroyed_at, now)
    signature = signing.sign(data, key, signing.DESTROYED).encode()
    name = f"{digest_bytes(data)[7:23]}{SUFFIX}"
    area.put(name, data)
    area.put(f"{name}.sig", signature)
    with staging_errors(name):
        write_file(into / name, data, 0o600)
        write_file(into / f"{name}.sig", signature, 0o600)
    return into / name


def _receipt(into: Path, delivery_id: str) -> Receipt:
    path = into / delivery_id.partition(".")[0] / f"{delivery_id}{RECEIPT}"
    if not path.is_file():
        raise UsageError(
            f"No receipt of {delivery_id} is in {into}, so its digests are not known here.",
            advice="Name the folder that it was collected into (--into), and the delivery by its whole id.",
        )
    return read_receipt(path.read_bytes(), path.name)


def _must_be_gone(into: Path, receipts: Sequence[Receipt]) -> None:
    left = []
    for receipt in receipts:
        folder = into / receipt.delivery_id.partition(".")[0]
        names = (receipt.delivery_id, f"{receipt.delivery_id}.opened", f".{receipt.delivery_id}.partial")
        left += [str(folder / name) for name in names if (folder / name).exists()]
    if left:
        raise Refused(
            f"Copies still lie here: {', '.join(left)}. No certificate was written.",
            advice="Destroy these, and every other copy, backups included. Then run it again.",
        )


def _certificate(receipts: Sequence[Receipt], method: str, by: str, destroyed_at: datetime, now: datetime) -> bytes:
    said = Certificate(
        recipient=receipts[0].recipient,
        deliveries=tuple(DestroyedDelivery(r.delivery_id, r.manifest_digest) for r in receipts),
        method=method,
        all_copies=True,
        by=by,
        destroyed_at=destroyed_at.replace(microsecond=0),
        at=now.replace(microsecond=0),
        tool=TOOL,
    ).text()
    read_certificate(said, "the certificate")  # what the controller could not read is not signed
    return said
