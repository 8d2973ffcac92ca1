"""Last: how did the run end, in one of five words, and why; then everything that was staged is removed.

Rules:
1. The first gate that did not pass gives the word. A gate without any note was killed: a technical failure.
2. What the recipient can see decides about `delivered`: a process killed right after publishing did deliver.
3. Where there are several recipients, `delivered` means: to each that may be sent something; the reason names the
   others. What was delivered before something went wrong is named too, and a later run delivers the rest.
4. The end of a run is also when the clock's step is taken: what has passed its last day expires.
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
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
from extracts.steps.recipients_now import WAITING
from extracts.steps.reconcile import reconcile_delivery
from extracts.steps.run_folder import GATES
from extracts.steps.state import noted_states

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    made = _deliveries(work, key, folder)
    done = [d for d in made if d.state in _DONE and d.run_id == key.name]
    waiting = _waiting(folder)
    if done and all(d in done or d.recipient in waiting for d in made):
        return _outcome(Outcome.DELIVERED, "", _why_not_all(waiting), done)
    so_far = f"Delivered before that: {', '.join(d.delivery_id for d in done)}. " if done else ""
    for gate in GATES:
        note = folder.read(f"gate-{gate}")
        if not note:
            reason = f"{gate} was ended from outside before it could say why."
            return _outcome(Outcome.FAILED, gate, f"{so_far}{reason}", done)
        if not note["passed"]:
            why = f"{note['message']} {note['advice']}".strip()
            return _outcome(Outcome(note["outcome"]), gate, f"{so_far}{why}", done)
    return _outcome(Outcome.FAILED, GATES[-1], f"{so_far}Every gate passed, but nothing was published.", done)


def _outcome(outcome: Outcome, gate: str, reason: str, done: Sequence[DeliveryEntry]) -> dict[str, Any]:
    rows = Counter[str]()
    for delivery in done:
        rows.update({f.dataset: f.rows for f in delivery.files})
    ids = ", ".join(d.delivery_id for d in done)
    return {"outcome": outcome, "gate": gate, "reason": reason, "delivery": ids, "rows": dict(rows)}


def _waiting(folder: RunFolder) -> dict[str, str]:
    """By recipient, why it gets nothing now, as the gates noted that ask each of several recipients."""
    found: dict[str, str] = {}
    for gate in (GATES[0], GATES[-1]):
        found |= folder.read(f"gate-{gate}").get("found", {}).get(WAITING, {})
    return found


def _why_not_all(waiting: dict[str, str]) -> str:
    return " ".join(f"Not to {recipient}: {why}" for recipient, why in sorted(waiting.items()))


def _deliveries(work: Workplace, key: RunKey, folder: RunFolder) -> list[DeliveryEntry]:
    states = noted_states(folder)
    if not states:
        return []
    with period_lock(work.register, key.request_id, states[0].period):
        reconcile_delivery(work, key.request_id, states[0].period, key.actor)
    found = []
    with reading(work.register) as view:
        for state in states:
            with suppress(NotFound):
                found.append(register.get_delivery(view, state.delivery_id))
    return found


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
    delivered = found["delivery"].split(", ")
    for state in noted_states(folder):
        if state.delivery_id in delivered:
            continue
        delivery = register.get_delivery(unit, state.delivery_id)
        if delivery.run_id == key.name:
            with suppress(IllegalTransition):
                register.stop_delivery(unit, delivery.delivery_id)
