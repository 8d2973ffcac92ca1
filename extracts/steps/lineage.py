"""Tells a catalogue of lineage, in OpenLineage's words, that a run began and how it ended.

Rules:
1. Every run gets a START event and one of COMPLETE (delivered, or nothing was due) and FAIL (stopped, late, failed: the
   tag `outcome` says which, in our words). They share their run's id with openlineage.json in the delivery.
2. Events say what is delivered and signed anyway; of a run that delivered nothing, what was checked until then.
3. Lineage is told, never asked: what cannot be told stops no run. It waits, and is told before the next event.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from extracts.errors import ExtractsError, Outcome
from extracts.handover import lineage_facets as facets
from extracts.handover import openlineage
from extracts.handover.facts import CheckFacts
from extracts.steps.lineage_sending import tell
from extracts.steps.state import noted_states

if TYPE_CHECKING:
    from pathlib import Path

    from extracts.agreement.published import Published
    from extracts.steps.run import RunKey
    from extracts.steps.run_folder import RunFolder
    from extracts.steps.state import RunState
    from extracts.steps.workplace import Workplace

DELIVERED = "lineage"
_REPORTS = ("reports", "source-reports")
_QUIET = {Outcome.DELIVERED, Outcome.NOTHING_DUE}
_log = logging.getLogger(__name__)


def run_began(work: Workplace, key: RunKey) -> None:
    """Tell that a run began. Never raises."""
    _try(work, key, lambda: _event(work, key, "START", {}, {}))


def delivery_signed(folder: RunFolder, state: RunState, delivered: Path) -> None:
    """Keep the delivery's own event, to be told once it is released."""
    folder.write(state.note(DELIVERED), json.loads(delivered.read_bytes()))


def run_ended(work: Workplace, key: RunKey, folder: RunFolder, found: Mapping[str, Any]) -> None:
    """Tell how a run ended; `found` is its outcome as it was recorded. Never raises."""
    _try(work, key, lambda: _ended(work, key, folder, found))


def _ended(work: Workplace, key: RunKey, folder: RunFolder, found: Mapping[str, Any]) -> dict[str, Any]:
    outcome = Outcome(found["outcome"])
    states = noted_states(folder)
    ids = found["delivery"] or ", ".join(s.delivery_id for s in states)
    tags = {"delivery": ids, "outcome": outcome.value, "gate": found["gate"]}
    if outcome is Outcome.DELIVERED and (event := _delivered(folder, states, ids.split(", "))):
        event["run"]["facets"] |= facets.run_facets(tags)
        return {**event, "eventTime": _now(work)}
    run: dict[str, Any] = {}
    if states:
        run["nominalTime"] = facets.nominal_time(states[0].first.isoformat(), states[0].last.isoformat())
    if outcome not in _QUIET:
        run["errorMessage"] = facets.error_message(found["reason"])
    kind = openlineage.COMPLETE if outcome in _QUIET else "FAIL"
    return _event(work, key, kind, tags, run, _checks(folder))


def _delivered(folder: RunFolder, states: Sequence[RunState], released: Collection[str]) -> dict[str, Any]:
    """One event for a run, with the files of every recipient to whom it delivered; empty if none is known."""
    events = [e for s in states if s.delivery_id in released and (e := folder.read(s.note(DELIVERED)))]
    return {**events[0], "outputs": [o for e in events for o in e["outputs"]]} if events else {}


def _event(
    work: Workplace,
    key: RunKey,
    kind: str,
    tags: Mapping[str, str],
    run: Mapping[str, Any],
    checks: tuple[CheckFacts, ...] = (),
) -> dict[str, Any]:
    published = _published(work, key.request_id)
    return openlineage.run_event(
        kind,
        work.now(),
        openlineage.run_id(key.request_id, key.run_id),
        key.request_id,
        run={**facets.run_facets(tags), **run},
        job=_job(published) if published else {},
        inputs=_inputs(work, published, checks) if published else (),
    )


def _job(published: Published) -> dict[str, Any]:
    request = published.request
    controllers = [c["name"] for c in request["controllers"]]
    return facets.job_facets(
        request["title"], request["purpose"], controllers, openlineage.agreement_tags(published.plan)
    )


def _inputs(work: Workplace, published: Published, checks: tuple[CheckFacts, ...]) -> list[dict[str, Any]]:
    return [
        openlineage.source_input(openlineage.source_name(work.datasets[d.dataset].system, d.relation), d, checks)
        for d in published.plan.datasets
        if d.dataset in work.datasets
    ]


def _published(work: Workplace, request_id: str) -> Published | None:
    """The published agreement, if there is one that can be read: whether it is in force is the first gate's matter."""
    from extracts.steps.approval_file import load_published

    try:
        return load_published(work, request_id)
    except ExtractsError:
        return None


def _checks(folder: RunFolder) -> tuple[CheckFacts, ...]:
    """What was checked of the source, as the furthest gate noted it."""
    documents: list[Any] = next((d for name in _REPORTS if (d := folder.read(name).get("reports"))), [])
    source = (r for r in documents if r["title"] == openlineage.SOURCE_REPORT)
    return tuple(
        CheckFacts(c["name"], c["target"], c["passed"] and not c["not_checked"], c["detail"], c["not_applicable"])
        for r in source
        for c in r["checks"]
    )


def _now(work: Workplace) -> str:
    from extracts.canonical import timestamp_text

    return timestamp_text(work.now())


def _try(work: Workplace, key: RunKey, make: Any) -> None:
    try:
        tell(work.places.lineage, work.lineage, make())
    except Exception as error:  # of whatever kind: a run must not fail for want of a picture of it
        _log.warning("%s: lineage was not told (%s).", key.name, type(error).__name__)
