"""Gate 3: draw, treat and order the approved rows into staging; encrypt the controller's membership index.

Several recipients are one reading of the source: each has its own files, its own index, and its own pseudonym key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extracts.extraction.engine import EngineSettings, Keys, Part, build
from extracts.extraction.giving_way import again_if_ended
from extracts.steps import evidence, keys, membership, source
from extracts.steps.approval import approved_now
from extracts.steps.claim import claim_staging
from extracts.steps.part_keys import pseudonym_key
from extracts.steps.state import RunState, check_unchanged, save_extract, settled_states

PARTS = "recipients"

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from extracts.extraction.values import Drawn, Extract, Funnel
    from extracts.steps.approval import Approved
    from extracts.steps.run import RunKey
    from extracts.steps.run_folder import RunFolder
    from extracts.steps.workplace import Workplace


def build_extract(work: Workplace, key: RunKey, folder: RunFolder) -> dict[str, Any]:
    """The finished clear files in staging, all under one snapshot.

    Raises what `extraction.engine.build` raises, and KeyLost, ApprovalMissing.
    """
    states = settled_states(work, key, folder)
    approved = approved_now(work, key.request_id, *key.starters)
    for state in states:
        check_unchanged(state, approved.decision.digest, approved.signed_plan.digest)
    staging = claim_staging(folder, key, work.now())
    parts = tuple(_part(work, approved.part(state.recipient), state, staging) for state in states)
    drawn = again_if_ended(
        lambda: build(
            approved.plan,
            parts,
            states[0].as_period(),
            source.source_of(work, approved.plan),
            staging,
            datasets=work.datasets,
            settings=EngineSettings(work.limits.memory_limit_mb),
            now=work.now,
            hold_max_age_hours=work.limits.hold_max_age_hours,
        ),
        f"reading {key.request_id}",
    )
    for state, part, extract in zip(states, parts, drawn.parts, strict=True):
        membership.seal(work, extract, part.staging)
        rows = {f.dataset: f.rows for f in extract.files}
        proved = {"extract": save_extract(part.staging, extract), "rows": rows}
        evidence.remember(work, key, state.delivery_id, evidence.EXTRACT_BUILT, proved)
    return _found(drawn, states)


def _part(work: Workplace, approved: Approved, state: RunState, staging: Path) -> Part:
    folder = state.staging(staging)
    folder.parent.mkdir(mode=0o700, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    return Part(approved.plan, folder, _keys(work, approved))


def _found(drawn: Drawn, states: Sequence[RunState]) -> dict[str, Any]:
    first = drawn.parts[0]
    found = {
        "rows": {name: funnel.delivered for name, funnel in drawn.whole.items()},
        "funnel": {name: _funnel(funnel) for name, funnel in drawn.whole.items()},
        "snapshot": {"visible": first.snapshot.visible, "at": first.snapshot.at},
        "source_age_hours": {s.dataset: s.age_hours for s in first.sources},
    }
    told = [_of_files(extract) for extract in drawn.parts]
    if not states[0].part:
        return found | told[0]
    return found | {PARTS: {state.part: one for state, one in zip(states, told, strict=True)}}


def _of_files(extract: Extract) -> dict[str, Any]:
    return {
        "rows": {f.dataset: f.rows for f in extract.files},
        "funnel": {f.dataset: _funnel(f.funnel) for f in extract.files},
        "smallest_group": {f.dataset: f.smallest_group for f in extract.files if f.smallest_group is not None},
        "sha256": {f.dataset: f.sha256 for f in extract.files},
    }


def _keys(work: Workplace, approved: Approved) -> Keys:
    index = keys.load_key(work.places.keys, keys.MEMBERSHIP).secret
    found = pseudonym_key(work, approved)
    return Keys(pseudonym=found.secret if found else "", membership=index)


def _funnel(funnel: Funnel) -> dict[str, int]:
    found = {
        "source": funnel.source,
        "filtered": funnel.filtered,
        "held": funnel.held,
        "withheld": funnel.withheld,
        "unassigned": funnel.unassigned,
        "waiting": funnel.waiting,
        "delivered": funnel.delivered,
    }
    return {name: n for name, n in found.items() if n or name not in ("unassigned", "waiting")}
