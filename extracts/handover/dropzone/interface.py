"""The drop zone (transfer area): where a recipient collects deliveries. One file per kind of transfer area.

Rules that every kind keeps:
1. A delivery becomes visible whole, in one act, or not at all; before that it was read back and compared with its
   manifest. Inside it the manifest is written last.
2. Write-once: what is there is never overwritten. The same delivery again changes nothing; another under the same id
   is refused.
3. The index, signed, lists every delivery of an agreement with its status. It follows the delivery: a reader may see
   a delivery that the index does not name yet, never the other way round.
4. What a killed publisher left is removed by the next one; a delivery that became visible is completed, not redone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePath
from typing import Protocol

from extracts.handover.dropzone.index import Index, IndexSigner

# Called with the name of each point that publishing passes; tests end the process there.
Passing = Callable[[str], None]
OVERWRITTEN = "Published deliveries never change. Use `extracts redeliver` for a correction."
INCIDENT = "Nothing was changed. Compare both manifests and report it as an incident."


@dataclass(frozen=True)
class Place:
    """Where a delivery lies: <recipient>/<request id>/<delivery id>."""

    recipient: str
    request_id: str
    delivery_id: str


@dataclass(frozen=True)
class Published:
    """A delivery that the recipient can see. `path`: its folder, as the publisher names it there.

    `already_there` if this call did not make it.
    """

    place: Place
    path: PurePath
    manifest_digest: str
    already_there: bool = False


class DropZone(Protocol):
    """What steps ask of a transfer area. All raise DropZoneUnreachable when it cannot be reached or written."""

    def check(self) -> None:
        """Returns if deliveries could be published now."""
        ...

    def find(self, place: Place) -> Published | None:
        """The delivery of this id, if it is visible."""
        ...

    def manifest(self, place: Place) -> bytes | None:
        """The manifest of a delivery as its recipient sees it; None if there is no such delivery."""
        ...

    def index(self, recipient: str, request_id: str, signer: IndexSigner) -> Index | None:
        """The agreement's index, if there is one. Raises VerificationFailed if it is not ours."""
        ...

    def publish(self, folder: Path, signer: IndexSigner, now: datetime) -> Published:
        """Makes the assembled delivery in `folder` visible. Raises AlreadyDelivered, Busy, DiskFull."""
        ...

    def complete(self, place: Place, manifest_digest: str, signer: IndexSigner, now: datetime) -> Published | None:
        """After a crash: the delivery, with its index entry, if it became visible; else None, and nothing is left."""
        ...

    def withdraw(self, place: Place, reason: str, signer: IndexSigner, now: datetime) -> Index:
        """Marks a delivery as withdrawn in the index; its files stay until they are removed."""
        ...

    def remove(self, place: Place, into: Path | None) -> bool:
        """Takes a delivery's files out of the recipient's sight, at once; whether they were there.

        `into`: a new folder of the controller's that holds them afterwards; without one, nobody keeps them.
        """
        ...

    def put_notice(self, place: Place, data: bytes, signature: bytes) -> None:
        """A small document and its signature (`<name>.sig`, which comes first) in the agreement's folder.

        `place.delivery_id` is the document's name. One that is there is replaced.
        """
        ...

    def remove_notice(self, place: Place) -> None:
        """Takes both out again, the document first. Returns if they are gone already."""
        ...

    def relist(self, place: Place, signer: IndexSigner, now: datetime) -> Index:
        """Marks a delivery that is visible again as what it was before it was withdrawn. Raises NotFound."""
        ...
