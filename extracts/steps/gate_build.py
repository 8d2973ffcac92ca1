"""Gate 3: draw, treat and order the approved rows into staging; encrypt the controller's membership index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extracts.extraction.engine import EngineSettings, Keys, build
from extracts.extraction.giving_way import again_if_ended
from extracts.steps import evidence, keys, membership, source
from extracts.steps.approval import approved_now
from extracts.steps.claim import claim_staging
from extracts.steps.state import check_unchanged, save_extract, settled_state

if TYPE_CHECKING:
    from extracts.agreement.plan import ExtractPlan
    from extracts.steps.run import RunKey
    from extracts.steps.run_folder import RunFolder
    from extracts.steps.workplace import Workplace


def build_extract(work: Workplace, key: RunKey, folder: RunFolder) -> dict[str, Any]:
    """The finished clear files in staging, all under one snapshot.

    Raises what `extraction.engine.build` raises, and KeyLost, ApprovalMissing.
    """
    state = settled_state(work, key, folder)
    approved = approved_now(work, key.request_id, *key.starters)
    check_unchanged(state, approved.decision.digest, approved.plan.digest)
    staging = claim_staging(folder, key, work.now())
    extract = again_if_ended(
        lambda: build(
            approved.plan,
            state.as_period(),
            source.source_of(work, approved.plan),
            staging,
            datasets=work.datasets,
            keys=_keys(work, approved.plan),
            settings=EngineSettings(work.limits.memory_limit_mb),
            now=work.now,
            hold_max_age_hours=work.limits.hold_max_age_hours,
        ),
        f"reading {key.request_id}",
    )
    membership.seal(work, extract, staging)
    proved = {"extract": save_extract(staging, extract), "rows": {f.dataset: f.rows for f in extract.files}}
    evidence.remember(work, key, state.delivery_id, evidence.EXTRACT_BUILT, proved)
    return {
        "rows": {f.dataset: f.rows for f in extract.files},
        "funnel": {f.dataset: _funnel(f.funnel) for f in extract.files},
        "smallest_group": {f.dataset: f.smallest_group for f in extract.files if f.smallest_group is not None},
        "sha256": {f.dataset: f.sha256 for f in extract.files},
        "snapshot": {"visible": extract.snapshot.visible, "at": extract.snapshot.at},
        "source_age_hours": {s.dataset: s.age_hours for s in extract.sources},
    }


def _keys(work: Workplace, plan: ExtractPlan) -> Keys:
    index = keys.load_key(work.places.keys, keys.MEMBERSHIP).secret
    treatments = {c.treatment_name for d in plan.datasets for c in d.columns}
    if "pseudonymise" not in treatments:
        return Keys(pseudonym="", membership=index)
    return Keys(pseudonym=keys.load_key(work.places.keys, plan.request_id).secret, membership=index)


def _funnel(funnel: Any) -> dict[str, int]:
    return {
        "source": funnel.source,
        "filtered": funnel.filtered,
        "held": funnel.held,
        "withheld": funnel.withheld,
        "delivered": funnel.delivered,
    }
