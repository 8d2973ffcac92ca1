"""What one gate hands to the next: ids, counts and digests in the run's record, paths of treated files in staging."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from extracts.agreement.plan import Period
from extracts.errors import ApprovalMissing, Refused, TechnicalFailure

if TYPE_CHECKING:
    from extracts.extraction.values import Extract
    from extracts.steps.run_folder import RunFolder

_EXTRACT = "extract.json"


@dataclass(frozen=True)
class RunState:
    """What `check_approval` settled. A later gate that finds another plan or decision in force stops."""

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
    supersedes: str = ""
    reason: str = ""

    def as_period(self) -> Period:
        """The period as a value."""
        return Period(self.period, self.first, self.last)


def save_state(folder: RunFolder, state: RunState) -> None:
    """Keep what was settled."""
    folder.write("state", asdict(state))


def load_state(folder: RunFolder) -> RunState:
    """What `check_approval` settled. Raises Refused if it never did: a gate was walked around."""
    found = folder.read("state")
    if not found:
        raise Refused("This run has no approved state: check_approval did not pass.", advice="Start a new run.")
    return RunState(**{**found, "first": date.fromisoformat(found["first"]), "last": date.fromisoformat(found["last"])})


def save_extract(staging: Path, extract: Extract) -> None:
    """Keep the extract's facts beside its files."""
    from pydantic import TypeAdapter

    from extracts.extraction.values import Extract

    (staging / _EXTRACT).write_bytes(TypeAdapter(Extract).dump_json(extract))


def load_extract(staging: Path) -> Extract:
    """The extract as it was built. Raises Refused if there is none, TechnicalFailure if it is damaged."""
    from pydantic import TypeAdapter, ValidationError

    from extracts.extraction.values import Extract

    try:
        return TypeAdapter(Extract).validate_json((staging / _EXTRACT).read_bytes())
    except FileNotFoundError:
        raise Refused("This run has no extract: build_extract did not pass.", advice="Start a new run.") from None
    except ValidationError:
        raise TechnicalFailure("The staged extract is damaged.", advice="Start a new run.") from None


def check_unchanged(state: RunState, decision_digest: str, plan_digest: str) -> None:
    """Raises ApprovalMissing if the agreement now in force is another than the one that this run began under."""
    if (state.decision_digest, state.plan_digest) != (decision_digest, plan_digest):
        raise ApprovalMissing(
            f"The decision on {state.request_id} changed while this run was under way: what was built is not covered.",
            advice="Start a new run.",
        )
