"""Last: how did the run end, in one of five words, and why; then everything that was staged is removed.

Rules:
1. The first gate that did not pass gives the word. A gate without any note was killed: a technical failure.
2. What the recipient can see decides about `delivered`: a process killed right after publishing did deliver.
3. The end of a run is also when the clock's step is taken: what has passed its last day expires.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extracts.errors import IllegalTransition, NotFound, Outcome
from extracts.record import register
from extracts.record.delivery_entries import DeliveryEntry, DeliveryState
from extracts.record.locks import period_lock
from extracts.record.transaction import reading, unit_of_work
from extracts.steps import notices
from extracts.steps.claim import release_staging
from extracts.steps.expiry import expire_ended
from extracts.steps.lineage import run_ended
from extracts.steps.reconcile import reconcile_delivery
from extracts.steps.run_folder import GATES

if TYPE_CHECKING:
    from extracts.steps.run import RunKey
    from extracts.steps.run_folder import RunFolder
    from extracts.steps.workplace import Workplace

_DONE = {DeliveryState.PUBLISHED, DeliveryState.SUPERSEDED, DeliveryState.WITHDRAWN}


def record_outcome(work: Workplace, key: RunKey, folder: RunFolder) -> dict[str, Any]:
    """Write down how the run ended, in record, register and ledger, and remove what it staged."""
    try:
        found = _judge(work, key, folder)
        _record(work, key, folder, found)  # first, for a full disk must not keep the register from knowing
        folder.write("outcome", {"at": work.now(), **found})
        run_ended(work, key, folder, found)
        expire_ended(work)
    finally:
        release_staging(folder, key, work.now())
    return found


def _judge(work: Workplace, key: RunKey, folder: RunFolder) -> dict[str, Any]:
    delivery = _delivery(work, key, folder)
    if delivery and delivery.state in _DONE and delivery.run_id == key.name:
        rows = {f.dataset: f.rows for f in delivery.files}
        return {"outcome": Outcome.DELIVERED, "gate": "", "reason": "", "delivery": delivery.delivery_id, "rows": rows}
    for gate in GATES:
        note = folder.read(f"gate-{gate}")
        if not note:
            reason = f"{gate} was ended from outside before it could say why."
            return _ended(Outcome.FAILED, gate, reason)
        if not note["passed"]:
            return _ended(Outcome(note["outcome"]), gate, f"{note['message']} {note['advice']}".strip())
    return _ended(Outcome.FAILED, GATES[-1], "Every gate passed, but nothing was published.")


def _ended(outcome: Outcome, gate: str, reason: str) -> dict[str, Any]:
    return {"outcome": outcome, "gate": gate, "reason": reason, "delivery": "", "rows": {}}


def _delivery(work: Workplace, key: RunKey, folder: RunFolder) -> DeliveryEntry | None:
    state = folder.read("state")
    if not state:
        return None
    with period_lock(work.register, key.request_id, state["period"]):
        reconcile_delivery(work, key.request_id, state["period"], key.actor)
    with reading(work.register) as view:
        try:
            return register.get_delivery(view, state["delivery_id"])
        except NotFound:
            return None


def _record(work: Workplace, key: RunKey, folder: RunFolder, found: dict[str, Any]) -> None:
    now = work.now()
    build = folder.read("gate-build_extract").get("found", {})
    told = {"run": key.name, "outcome": found["outcome"], "gate": found["gate"], "delivery": found["delivery"]}
    if control := folder.read(f"gate-{found['gate']}").get("error") if found["gate"] else "":
        told["control"] = control
    with unit_of_work(work.register) as unit:
        try:
            ended = register.end_run(
                unit,
                key.name,
                at=now,
                outcome=found["outcome"],
                gate=found["gate"],
                reason=found["reason"],
                counts=build.get("funnel", {}),
                snapshot=_snapshot(build),
                delivery_id=found["delivery"],
            )
            notices.run_ended(unit, ended, now)
        except NotFound:
            told["unregistered"] = True  # stopped before its period was known: the ledger alone tells of it
            notices.run_refused(unit, key.request_id, key.name, found["outcome"], found["gate"], now)
        _free(unit, key, folder, found)
        unit.event(now, "run.ended", key.request_id, key.actor, told)


def _snapshot(build: dict[str, Any]) -> dict[str, Any]:
    """The moment that was read, and how old the source was then, in whole minutes: documents hold no fractions."""
    ages = build.get("source_age_hours", {})
    aged = {"source_age_minutes": {name: round(hours * 60) for name, hours in ages.items()}} if ages else {}
    return {**build.get("snapshot", {}), **aged}


def _free(unit: Any, key: RunKey, folder: RunFolder, found: dict[str, Any]) -> None:
    """Let a later run reserve what this one reserved and did not deliver."""
    state = folder.read("state")
    if found["outcome"] is Outcome.DELIVERED or not state:
        return
    delivery = register.get_delivery(unit, state["delivery_id"])
    if delivery.run_id == key.name:
        try:
            register.stop_delivery(unit, delivery.delivery_id)
        except IllegalTransition:
            return
