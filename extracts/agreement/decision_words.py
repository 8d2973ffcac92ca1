"""Says a decision in plain English: every term that is signed, so that nobody signs or obeys what they did not read."""

from __future__ import annotations

from typing import Any

from extracts.agreement.decision import ColumnDecision, Decision


def decision_in_words(decision: Decision) -> dict[str, Any]:
    """The terms of a decision, as names and values for people; terms that it does not have are left out."""
    terms: dict[str, Any] = {
        "decision": f"{decision.outcome} version {decision.request_version} of {decision.request_id}",
        "reasons": decision.reasons,
        "about your fields": [f"{c.field}: {c.comment}" for c in decision.comments],
        "reason code": decision.reason_code,
        "under which clause": decision.clause,
        "what would be acceptable": decision.acceptable,
        "whom to ask next": decision.escalation,
        "to be asked by": decision.escalate_until.isoformat() if decision.escalate_until else "",
        "columns granted": _granted(decision),
        "columns refused": [_refused(c) for c in decision.columns if not c.granted],
        "conditions": list(decision.conditions),
        "valid": _validity(decision),
        "to be reviewed by": decision.review_on.isoformat() if decision.review_on else "",
        "under delegation": decision.delegation,
        "policy": decision.policy_version,
        "plan": decision.plan_digest,
        "drawn up": f"{decision.drawn_up_at:%Y-%m-%d %H:%M} UTC",
        "digest": decision.digest,
    }
    return {name: value for name, value in terms.items() if value}


def _refused(column: ColumnDecision) -> str:
    clause = f" ({column.clause})" if column.clause else ""
    return f"{column.dataset}.{column.column}: {column.reason}{clause}"


def _granted(decision: Decision) -> list[str]:
    return [f"{c.dataset}.{c.column}" for c in decision.columns if c.granted]


def _validity(decision: Decision) -> str:
    if decision.valid_from is None or decision.valid_until is None:
        return ""
    return f"from {decision.valid_from} until {decision.valid_until}, both included"
