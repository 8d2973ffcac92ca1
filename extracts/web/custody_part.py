"""Where deliveries are and were after they left, as pages show it: each step, when, and by whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from extracts.agreement.custody import Custody
from extracts.agreement.status import CLOCK
from extracts.record import custody
from extracts.record.custody import CustodyStep
from extracts.record.transaction import Reading
from extracts.web.desk import Names
from extracts.web.marks import Mark, custody_mark

_NOBODY = "nobody acknowledged it in time"
_DOCUMENTS = {Custody.COLLECTED: "receipt", Custody.ACKNOWLEDGED: "receipt", Custody.DESTROYED: "certificate"}


@dataclass(frozen=True)
class Left:
    """A delivery that left: when, and by whose run."""

    delivery_id: str
    published_at: datetime
    started_by: str


@dataclass(frozen=True)
class Passage:
    """One step. `document`: the receipt or certificate that says so, by the beginning of its digest."""

    mark: Mark
    at: datetime
    by: str
    document: str


@dataclass(frozen=True)
class CustodyShown:
    """One delivery: its steps, oldest first. `destroy_by`: None once a certificate says that it is destroyed."""

    passages: tuple[Passage, ...]
    superseded: bool
    destroy_by: date | None
    certificate_by: date | None

    @property
    def now(self) -> Passage:
        """Where it is."""
        return self.passages[-1]


def custody_shown(view: Reading, left: Sequence[Left], names: Names) -> Mapping[str, CustodyShown]:
    """By delivery. Two questions, however many there are."""
    ids = [each.delivery_id for each in left]
    there = {c.delivery_id: c for c in custody.custodies(view, delivery_ids=ids)}
    steps = custody.custody_steps_of(view, ids)
    found = {}
    for each in (e for e in left if e.delivery_id in there):
        now = there[each.delivery_id]
        gone = now.state is Custody.DESTROYED
        first = Passage(custody_mark(Custody.PUBLISHED), each.published_at, _run_of(each.started_by), "")
        found[each.delivery_id] = CustodyShown(
            passages=(first, *(_passage(step, names) for step in steps.get(each.delivery_id, ()))),
            superseded=now.superseded,
            destroy_by=None if gone else now.destroy_by,
            certificate_by=None if gone else now.certificate_by,
        )
    return found


def _run_of(started_by: str) -> str:
    return f"its run, started by {started_by}" if started_by else "its run"


def _passage(step: CustodyStep, names: Names) -> Passage:
    by = _NOBODY if step.actor == CLOCK else names.recipient(step.actor)
    document = f"{_DOCUMENTS[step.step]} {step.document_digest[:19]}…" if step.document_digest else ""
    return Passage(custody_mark(step.step), step.at, by, document)
