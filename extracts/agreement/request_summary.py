"""Says a request in plain English: what is asked, why, and on what terms, for those who have to judge it."""

from __future__ import annotations

from typing import Any

from extracts.agreement.request import Request
from extracts.agreement.request_fields import EMERGENCY
from extracts.agreement.request_rows import ColumnAsked, DatasetAsked, RowCondition


def request_in_words(request: Request) -> dict[str, Any]:
    """The main fields of a request, as names and values for people; fields that it does not have are left out."""
    purpose, legal, schedule, limits = request.purpose, request.legal, request.schedule, request.limits
    fields: dict[str, Any] = {
        "asked by": f"{request.requester.name}, {request.requester.position} ({request.requester.organisation})",
        "for": _recipients(request),
        "expedited": f"{request.expedited.reason} {EMERGENCY}" if request.expedited else "",
        "purpose": f"{purpose.text} ({purpose.code})",
        "why necessary": purpose.necessity,
        "alternatives": purpose.alternatives_considered,
        "if refused": purpose.impact_if_refused,
        "whose data": f"{request.data_subjects} ({', '.join(request.territory)})",
        "form": f"{request.identifiability}, {request.criticality}",
        "gateway": legal.gateway,
        "own power": legal.power,
        "lawful basis": _basis(request),
        "columns": [f"{d.dataset}.{_column(c)}" for d in request.datasets for c in d.columns],
        "rows": [f"{d.dataset}: {line}" for d in request.datasets for line in _rows(d)],
        "when": f"{schedule.text()}, {schedule.frequency}, from {schedule.start_on} until {schedule.end_on}",
        "reviewed": schedule.review_on.isoformat(),
        "limits": f"{limits.min_rows:,} to {limits.max_rows:,} rows, {limits.max_deliveries:,} deliveries",
        "small groups": f"k {limits.k}: {limits.small_cells}, {limits.max_withheld_percent} % of the rows at most",
        "kept": f"{request.retention.days} days, then: {request.retention.disposal_method}",
        "other recipients": list(request.other_recipients),
        "processors": [f"{p.name}: {p.service}" for p in request.processors],
        "passing on": request.onward_sharing.authority_ref or ("asked for" if request.onward_sharing.asked else ""),
        "joined with": request.linkage.with_data,
        "DPIA": f"{request.dpia.status} {request.dpia.ref}".strip(),
        "assurance": f"{request.security_assurance.scheme}, until {request.security_assurance.expires_on}",
        "reviews": [f"{name}: {r.outcome} by {r.by} on {r.on}. {r.comment}" for name, r in request.reviews.given()],
        "conditions": list(request.special_conditions),
        "note": request.note,
    }
    return {name: value for name, value in fields.items() if value}


def _recipients(request: Request) -> str | list[str]:
    if request.divided_by is None:
        return request.recipient or ""
    column = request.divided_by.column
    shares = [f"{s.recipient}: rows whose {column} is {' or '.join(s.values)}" for s in request.recipients or ()]
    return [*shares, f"rows that belong to none: {request.divided_by.unassigned_rows}"]


def _basis(request: Request) -> str:
    legal = request.legal
    parts = [f"UK GDPR article {legal.article_6}"]
    parts += [f"article {legal.article_9}"] if legal.article_9 else []
    parts += [f"DPA 2018 Schedule 1 paragraph {legal.schedule_1_paragraph}"] if legal.schedule_1_paragraph else []
    return ", ".join(parts)


def _column(column: ColumnAsked) -> str:
    given = column.treatment
    treated = f"{given.name} {', '.join(given.parameters)}".strip()
    filled = f", filled in {column.filled_percent} % of the rows" if column.filled_percent else ""
    return f"{column.name} ({treated}{filled}): {column.justification}"


def _rows(asked: DatasetAsked) -> list[str]:
    lines = [condition_in_words(condition) for condition in asked.rows] or ["all"]
    lines += [f"safe addresses: {asked.safe_address}"]
    return [*lines, f"why addresses: {asked.address_reason}"] if asked.address_reason else lines


def condition_in_words(condition: RowCondition) -> str:
    """One condition on rows, such as `council_code equals S12000047`."""
    operator, values, negated = condition.comparison()
    return " ".join(filter(None, (condition.column, "not" if negated else "", operator.value, ", ".join(values))))
