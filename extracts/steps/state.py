"""What one gate hands to the next: ids, counts and digests in the run's record, paths of treated files in staging.

There is a state for each recipient that gets something in this run; most agreements have one. The record is a file
that operators can write, so nothing in it is believed: it is held against the register, and what was built and checked
against the ledger (`evidence`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from extracts.agreement.plan import Period
from extracts.canonical import digest_file
from extracts.errors import ApprovalMissing, NotFound, Refused, TechnicalFailure

if TYPE_CHECKING:
    from extracts.extraction.values import Extract
    from extracts.record.delivery_entries import DeliveryEntry
    from extracts.steps.run import RunKey
    from extracts.steps.run_folder import RunFolder
    from extracts.steps.workplace import Workplace

_STATE = "state"
_EXTRACT = "extract.json"
PARTS = "for"


@dataclass(frozen=True)
class RunState:
    """What `check_approval` settled of one delivery. A later gate that finds another plan or decision in force stops.

    `part` is the recipient where the agreement has several, and empty where it has one.
    """

    request_id: str
    version: int
    run_name: str
    decision_digest: str
    plan_digest: str
    period: str
    first: date
    last: date
    revision: int
    delivery_id: str
    recipient: str
    part: str = ""
    supersedes: str = ""
    reason: str = ""

    def staging(self, folder: Path) -> Path:
        """Where this delivery is staged, in the run's staging folder."""
        return folder / PARTS / self.part if self.part else folder

    def note(self, name: str) -> str:
        """What a note about this delivery is called in the run's record."""
        return f"{name}.{self.part}" if self.part else name

    def as_period(self) -> Period:
        """The period as a value."""
        return Period(self.period, self.first, self.last)


def save_state(folder: RunFolder, states: Sequence[RunState]) -> None:
    """Keep what was settled."""
    folder.write(_STATE, {"deliveries": [asdict(state) for state in states]})


def noted_states(folder: RunFolder) -> tuple[RunState, ...]:
    """What `check_approval` settled, as the record tells it; none if it never did."""
    return tuple(_read(found) for found in folder.read(_STATE).get("deliveries", ()))


def load_states(folder: RunFolder) -> tuple[RunState, ...]:
    """What `check_approval` settled. Raises Refused if it never did: a gate was walked around."""
    found = noted_states(folder)
    if not found:
        raise Refused("This run has no approved state: check_approval did not pass.", advice="Start a new run.")
    return found


def settled_states(work: Workplace, key: RunKey, folder: RunFolder) -> tuple[RunState, ...]:
    """All of it, as the register has it too. Raises Refused if it differs, or is not under way."""
    return tuple(settled(work, key, state) for state in load_states(folder))


def settled(work: Workplace, key: RunKey, state: RunState) -> RunState:
    """A state that the register has too. Raises Refused if it differs, or is not under way."""
    from extracts.record import register
    from extracts.record.delivery_entries import DeliveryState
    from extracts.record.transaction import reading

    try:
        with reading(work.register) as view:
            delivery = register.get_delivery(view, state.delivery_id)
    except NotFound:
        raise _not_as_reserved(state) from None
    if state.run_name != key.name or not _is_reserved(state, delivery):
        raise _not_as_reserved(state)
    if delivery.state is not DeliveryState.BUILDING:
        raise Refused(f"{state.delivery_id} is {delivery.state}: this run cannot go on.", advice="Start a new run.")
    return state


def _read(found: dict[str, Any]) -> RunState:
    return RunState(**{**found, "first": date.fromisoformat(found["first"]), "last": date.fromisoformat(found["last"])})


def _is_reserved(state: RunState, delivery: DeliveryEntry) -> bool:
    same = ("request_id", "version", "decision_digest", "period", "revision", "supersedes", "reason")
    whose = (state.recipient, state.part) == (delivery.recipient, delivery.part)
    days = (state.first, state.last) == (delivery.period_first, delivery.period_last)
    return (
        days
        and whose
        and state.run_name == delivery.run_id
        and all(getattr(state, n) == getattr(delivery, n) for n in same)
    )


def _not_as_reserved(state: RunState) -> Refused:
    return Refused(
        f"The record of this run is not what was reserved for {state.delivery_id}.",
        advice="It was edited, or belongs to another run. Start a new one.",
    )


def save_extract(staging: Path, extract: Extract) -> str:
    """Keep the extract's facts, digests of its files among them, beside its files; their digest."""
    from pydantic import TypeAdapter

    from extracts.extraction.values import Extract

    (staging / _EXTRACT).write_bytes(TypeAdapter(Extract).dump_json(extract))
    return extract_digest(staging)


def extract_digest(staging: Path) -> str:
    """The digest of the extract's facts. Raises Refused if there are none."""
    try:
        return digest_file(staging / _EXTRACT)
    except FileNotFoundError:
        raise _no_extract() from None


def load_extract(staging: Path) -> Extract:
    """The extract as it was built. Raises Refused if there is none, TechnicalFailure if it is damaged."""
    from pydantic import TypeAdapter, ValidationError

    from extracts.extraction.values import Extract

    try:
        return TypeAdapter(Extract).validate_json((staging / _EXTRACT).read_bytes())
    except FileNotFoundError:
        raise _no_extract() from None
    except ValidationError:
        raise TechnicalFailure("The staged extract is damaged.", advice="Start a new run.") from None


def _no_extract() -> Refused:
    return Refused("This run has no extract: build_extract did not pass.", advice="Start a new run.")


def check_unchanged(state: RunState, decision_digest: str, plan_digest: str) -> None:
    """Raises ApprovalMissing if the agreement now in force is another than the one that this run began under."""
    if (state.decision_digest, state.plan_digest) != (decision_digest, plan_digest):
        raise ApprovalMissing(
            f"The decision on {state.request_id} changed while this run was under way: what was built is not covered.",
            advice="Start a new run.",
        )
