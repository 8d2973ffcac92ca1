"""Gate 3: draw, treat and order the approved rows into staging; keep the controller's membership index."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from extracts.canonical import digest_file
from extracts.errors import SettingMissing
from extracts.extraction.engine import EngineSettings, Keys, build
from extracts.handover.encryption import encrypt
from extracts.steps import keys, source
from extracts.steps.approval import approved_now
from extracts.steps.claim import claim_staging
from extracts.steps.state import check_unchanged, load_state, save_extract

if TYPE_CHECKING:
    from pathlib import Path

    from extracts.agreement.plan import ExtractPlan
    from extracts.extraction.values import Extract
    from extracts.steps.run import RunKey
    from extracts.steps.run_folder import RunFolder
    from extracts.steps.workplace import Workplace

MEMBERSHIP = "membership"


def build_extract(work: Workplace, key: RunKey, folder: RunFolder) -> dict[str, Any]:
    """The finished clear files in staging, all under one snapshot.

    Raises what `extraction.engine.build` raises, and KeyLost, ApprovalMissing.
    """
    state = load_state(folder)
    approved = approved_now(work, key.request_id, key.started_by)
    check_unchanged(state, approved.decision.digest, approved.plan.digest)
    staging = claim_staging(folder, key, work.now())
    extract = build(
        approved.plan,
        state.as_period(),
        source.source_of(work, approved.plan),
        staging,
        datasets=work.datasets,
        keys=_keys(work, approved.plan),
        settings=EngineSettings(memory_limit_mb=work.limits.memory_limit_mb, threads=work.limits.threads),
        now=work.now(),
        hold_max_age_hours=work.limits.hold_max_age_hours,
    )
    _keep_membership(work, state.delivery_id, extract, staging)
    save_extract(staging, extract)
    return {
        "rows": {f.dataset: f.rows for f in extract.files},
        "funnel": {f.dataset: _funnel(f.funnel) for f in extract.files},
        "smallest_group": {f.dataset: f.smallest_group for f in extract.files if f.smallest_group is not None},
        "sha256": {f.dataset: f.sha256 for f in extract.files},
        "snapshot": {"visible": extract.snapshot.visible, "at": extract.snapshot.at},
        "source_age_hours": {s.dataset: s.age_hours for s in extract.sources},
    }


def _keys(work: Workplace, plan: ExtractPlan) -> Keys:
    membership = keys.load_key(work.places.keys, keys.MEMBERSHIP).secret
    treatments = {c.treatment_name for d in plan.datasets for c in d.columns}
    if "pseudonymise" not in treatments:
        return Keys(pseudonym="", membership=membership)
    return Keys(pseudonym=keys.load_key(work.places.keys, plan.request_id).secret, membership=membership)


def _keep_membership(work: Workplace, delivery_id: str, extract: Extract, staging: Path) -> None:
    """Encrypt the index to the recovery key and remove the clear one. It counts once the delivery is published."""
    if extract.membership is None:
        return
    if not work.recovery_recipient:
        raise SettingMissing("EXTRACTS_RECOVERY_RECIPIENT is not set: the membership index cannot be kept.")
    target = work.places.home / MEMBERSHIP
    target.mkdir(mode=0o700, exist_ok=True)
    temporary = target / f".{delivery_id}.{os.getpid()}"
    temporary.unlink(missing_ok=True)
    encrypt(extract.membership, temporary, [work.recovery_recipient], clear_sha256=digest_file(extract.membership))
    extract.membership.unlink()
    temporary.replace(target / f"{delivery_id}.parquet.age")


def _funnel(funnel: Any) -> dict[str, int]:
    return {
        "source": funnel.source,
        "filtered": funnel.filtered,
        "held": funnel.held,
        "withheld": funnel.withheld,
        "delivered": funnel.delivered,
    }
