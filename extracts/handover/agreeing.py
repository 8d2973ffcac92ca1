"""Does the manifest say what was decided and planned? Compares the three values; reads nothing.

Each problem is the second half of a sentence that begins with the document's name.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from extracts.agreement.decision import Decision, DecisionOutcome
from extracts.agreement.parts import part_of
from extracts.agreement.plan import ExtractPlan, PlannedDataset
from extracts.catalogue.contract import Identifiability
from extracts.handover.facts import FileFacts
from extracts.handover.manifest import CLOCKS_DIFFER_BY, Manifest


def decision_problems(manifest: Manifest, decision: Decision) -> Iterator[str]:
    """In which ways `decision` is not the approval that the manifest describes."""
    agreement = manifest.agreement
    if decision.outcome not in (DecisionOutcome.APPROVE, DecisionOutcome.APPROVE_IN_PART):
        yield f"approves nothing: its outcome is {decision.outcome.value}"
    pairs = {
        "request": (agreement.id, decision.request_id),
        "request version": (agreement.request_version, decision.request_version),
        "request digest": (agreement.request_digest, decision.request_digest),
        "assessment digest": (agreement.assessment_digest, decision.assessment_digest),
        "policy version": (agreement.policy_version, decision.policy_version),
        "first day": (agreement.valid_from, decision.valid_from or agreement.valid_from),
        "last day": (agreement.valid_until, decision.valid_until or agreement.valid_until),
        "conditions": (manifest.handling.conditions, decision.conditions),
    }
    for what, (said, decided) in pairs.items():
        if said != decided:
            yield f"is not the decision that the manifest describes: its {what} differs"
    for signature in (agreement.board, agreement.controller):
        if signature.recorded_at + CLOCKS_DIFFER_BY < decision.drawn_up_at:
            yield f"was drawn up after the signature of {signature.principal} was recorded"


def plan_problems(manifest: Manifest, plan: ExtractPlan) -> Iterator[str]:
    """In which ways the delivery does not keep to the plan: for whom, why, how long, what, and how treated."""
    agreement, delivery, handling = manifest.agreement, manifest.delivery, manifest.handling
    if agreement.recipient.id not in plan.recipients:
        yield "recipient differs"
        return
    plan = part_of(plan, agreement.recipient.id)
    pairs = {
        "request": (agreement.id, plan.request_id),
        "gateway": (agreement.gateway, plan.gateway),
        "purpose": (agreement.purpose_code, plan.purpose_code),
        "identifiability": (agreement.identifiability, plan.identifiability.value),
        "criticality": (agreement.criticality, plan.criticality.value),
        "retention": (handling.retention_days, plan.retention_days),
        "datasets": ([f.dataset for f in manifest.files], [d.dataset for d in plan.datasets]),
    }
    for what, (said, planned) in pairs.items():
        if said != planned:
            yield f"{what} differs"
    if agreement.valid_until > plan.end_on:
        yield f"the approval is said to last until {agreement.valid_until}, and the plan ends on {plan.end_on}"
    if handling.destroy_by > delivery.made_at.date() + timedelta(days=plan.retention_days):
        yield "the data are to be kept longer than agreed"
    yield from _dataset_problems(manifest, plan)


def _dataset_problems(manifest: Manifest, plan: ExtractPlan) -> Iterator[str]:
    limits = plan.limits
    rows = sum(file.rows for file in manifest.files)
    if rows > limits.max_rows:
        yield f"all files together have {rows} rows, more than the plan's limit of {limits.max_rows}"
    for index, (file, planned) in enumerate(zip(manifest.files, plan.datasets, strict=False)):
        if _columns(file) != _planned_columns(planned):
            yield f"{file.name} has other columns or treatments"
        source, disclosure = manifest.sources[index], manifest.disclosure[index]
        if (source.relation, source.curated_view_digest) != (planned.relation, planned.view_digest):
            yield f"{file.name} was drawn from another view"
        asked = planned.quasi_identifiers and plan.identifiability is Identifiability.PSEUDONYMISED
        found = (disclosure.quasi_identifiers, disclosure.k, (disclosure.smallest_group or 0) >= limits.k)
        if asked and found != (planned.quasi_identifiers, limits.k, True):
            yield f"{file.name} does not keep to the smallest group of {limits.k} people"


def _columns(file: FileFacts) -> list[tuple[object, ...]]:
    return [(c.name, c.type, c.source, c.treatment, c.parameters, c.classification) for c in file.columns]


def _planned_columns(planned: PlannedDataset) -> list[tuple[object, ...]]:
    return [
        (c.name, c.delivered_type.value, c.source, c.treatment, c.parameters, c.classification.value)
        for c in planned.columns
    ]
