"""What the register holds of runs and deliveries, as plain frozen values; the one table of a delivery's states.

Times are aware and in UTC, dates inclusive. Digests are `sha256:...`, empty where there is nothing to name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from extracts.errors import Outcome


@dataclass(frozen=True)
class RunEntry:
    """One run. `gate` is the step that stopped it, `reason` why; `outcome` is None while it runs.

    `counts` and `snapshot` are plain JSON values: counts, names, digests and positions, never a person's value.
    """

    run_id: str
    request_id: str
    version: int
    period: str
    started_by: str
    started_at: datetime
    attempt: int = 1
    ended_at: datetime | None = None
    outcome: Outcome | None = None
    gate: str = ""
    reason: str = ""
    counts: Mapping[str, Any] = field(default_factory=dict)
    snapshot: Mapping[str, Any] = field(default_factory=dict)
    delivery_id: str = ""


class DeliveryState(StrEnum):
    """Where a delivery is in its life. What its recipient does with it is its custody (`agreement.custody`)."""

    BUILDING = "building"
    STOPPED = "stopped"
    PUBLISHING = "publishing"
    PUBLISHED = "published"
    SUPERSEDED = "superseded"
    WITHDRAWN = "withdrawn"


_S = DeliveryState
DELIVERY_TRANSITIONS: Mapping[DeliveryState, frozenset[DeliveryState]] = {
    _S.BUILDING: frozenset({_S.BUILDING, _S.STOPPED, _S.PUBLISHING}),
    _S.STOPPED: frozenset({_S.STOPPED, _S.BUILDING}),
    _S.PUBLISHING: frozenset({_S.BUILDING, _S.STOPPED, _S.PUBLISHED}),
    _S.PUBLISHED: frozenset({_S.SUPERSEDED, _S.WITHDRAWN}),
    _S.SUPERSEDED: frozenset({_S.WITHDRAWN}),
    _S.WITHDRAWN: frozenset(),
}
LEFT_THE_HOUSE = frozenset({_S.PUBLISHED, _S.SUPERSEDED, _S.WITHDRAWN})
del _S


@dataclass(frozen=True)
class DeliveredFile:
    """A file of a delivery as it left; `sha256` is `sha256:...` of those (encrypted) bytes, `rows` of its content."""

    name: str
    dataset: str
    rows: int
    bytes: int
    sha256: str


def delivery_id_of(request_id: str, period: str, revision: int, part: str = "") -> str:
    """`SDDSB-2026-014.2026-11.r1`; where there are several recipients, `SDDSB-2026-041.2026-11.fife-council.r1`."""
    return ".".join([request_id, period, *([part] if part else []), f"r{revision}"])


@dataclass(frozen=True)
class DeliveryEntry:
    """One delivery: unique per request, period, revision and recipient. `path` is relative to the drop zone.

    `supersedes` names the delivery that a revision corrects, `reason` says why; `run_id` is the run that makes it.
    `part` is the recipient where its agreement has several, and empty where it has one.
    """

    request_id: str
    version: int
    period: str
    period_first: date
    period_last: date
    revision: int
    recipient: str
    decision_digest: str
    run_id: str
    created_at: datetime
    supersedes: str = ""
    reason: str = ""
    state: DeliveryState = DeliveryState.BUILDING
    path: str = ""
    manifest_digest: str = ""
    previous_manifest_digest: str = ""
    files: tuple[DeliveredFile, ...] = ()
    published_at: datetime | None = None
    destroy_by: date | None = None
    part: str = ""

    @property
    def delivery_id(self) -> str:
        """Its one name, as `delivery_id_of` makes it."""
        return delivery_id_of(self.request_id, self.period, self.revision, self.part)

    @property
    def rows(self) -> int:
        """Rows of all files together."""
        return sum(f.rows for f in self.files)

    @property
    def bytes(self) -> int:
        """Bytes of all files together."""
        return sum(f.bytes for f in self.files)
