"""Says a plan in plain English: the page that a board member reads before signing. The plan's digest is on it.

It is written from the plan, not from the request, so that what is read is what would be done. Names and reasons, which
steer nothing, come from the facts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from extracts.agreement.periods import period_for
from extracts.agreement.plain_words import (
    checks_in_words,
    division_in_words,
    limits_in_words,
    rows_in_words,
    schedule_in_words,
    treatment_in_words,
)
from extracts.agreement.plan import ExtractPlan, PlannedColumn, PlannedDataset
from extracts.agreement.schedule import due_dates
from extracts.catalogue.contract import Identifiability

_FORM = {
    Identifiability.IDENTIFIED: "identified: rows name people",
    Identifiability.PSEUDONYMISED: "pseudonymised: rows name nobody, and stay personal data",
    Identifiability.AGGREGATED: "aggregated: counts only",
}


def explain(plan: ExtractPlan, facts: Mapping[str, Any], after: date, decided: Mapping[str, Any] | None = None) -> str:
    """The plan as a Markdown page. `facts` as `facts_of` gives them; next dates are those later than `after`.

    `decided`: the terms of the decision that binds it, as `decision_in_words` gives them.
    """
    parts = (
        [f"# {plan.request_id}: {markdown(facts['title'])}", "", f"Plan {plan.digest}", ""],
        _section("For whom and why", _for_whom(plan, facts)),
        _section("Under which power", _power(plan, facts)),
        *([_section("Whose rows are whose", [markdown(w) for w in division_in_words(plan)])] if plan.division else []),
        *(_dataset_page(d, facts) for d in plan.datasets),
        _section("Within which limits", limits_in_words(plan)),
        _section("When", _when(plan, after)),
        _section("Where it goes, and for how long", _where(plan, facts)),
        _section("What is checked before anything leaves", checks_in_words(plan)),
        _section("What was decided", _decided(decided)) if decided else [],
    )
    return "\n".join(line for part in parts for line in part)


def explanation_data(plan: ExtractPlan, facts: Mapping[str, Any], after: date) -> dict[str, Any]:
    """The same as JSON values: the plan, its digest, and each part in words."""
    return {
        "digest": plan.digest,
        "request": dict(facts),
        "plan": plan.document(),
        "rows": {d.dataset: rows_in_words(d) for d in plan.datasets},
        "columns": {d.dataset: [_column_data(c) for c in d.columns] for d in plan.datasets},
        **({"recipients": division_in_words(plan)} if plan.division else {}),
        "limits": limits_in_words(plan),
        "schedule": schedule_in_words(plan),
        "next": [{"on": d.isoformat(), "period": _label(plan, d)} for d in due_dates(plan, after)],
        "checks": checks_in_words(plan),
    }


def _decided(terms: Mapping[str, Any]) -> list[str]:
    listed = {name: "; ".join(value) if isinstance(value, list) else str(value) for name, value in terms.items()}
    return [f"{name.capitalize()}: {markdown(value)}" for name, value in listed.items()]


def _for_whom(plan: ExtractPlan, facts: Mapping[str, Any]) -> list[str]:
    requester = facts["requester"]
    return [
        *(
            f"For {markdown(r['name'])} ({r['id']}), {markdown(r['organisation'])}."
            for r in facts.get("recipients", [facts["recipient"]])
        ),
        f"Asked for by {markdown(requester['name'])}, {markdown(requester['organisation'])}.",
        f"Purpose ({plan.purpose_code}): {markdown(facts['purpose'])}",
        f"Why it is necessary: {markdown(facts['necessity'])}",
        f"Whose data: {markdown(facts['data_subjects'])}.",
        f"Form: {_FORM[plan.identifiability]}.",
    ]


def _power(plan: ExtractPlan, facts: Mapping[str, Any]) -> list[str]:
    basis = facts["lawful_basis"]
    further = "".join(f"; {word} {basis[key]}" for key, word in _BASIS if basis.get(key))
    said = [
        f"Gateway: {markdown(facts['gateway']['title'])} ({plan.gateway}).",
        f"Lawful basis: UK GDPR article {basis['article_6']}{further}.",
        f"Passing on: {markdown(facts['onward_sharing'])}",
    ]
    return [*said, markdown(facts["gateway"]["warning"])] if facts["gateway"]["warning"] else said


_BASIS = (("article_9", "article"), ("schedule_1", "Data Protection Act 2018, Schedule 1,"))


def _dataset_page(dataset: PlannedDataset, facts: Mapping[str, Any]) -> list[str]:
    title = facts["datasets"].get(dataset.dataset, {}).get("title", dataset.dataset)
    rows = [markdown(line) for line in rows_in_words(dataset)]
    lines = _section(f"Which rows: {markdown(title)} ({dataset.dataset})", rows)
    lines += ["## Which columns", "", "| Column in the file | Meaning | Class | Treatment |", "|---|---|---|---|"]
    for column in dataset.columns:
        cells = (column.meaning, column.classification.value, treatment_in_words(column))
        lines.append(f"| `{column.name}` | " + " | ".join(markdown(cell) for cell in cells) + " |")
    return [*lines, "", f"{len(dataset.columns)} columns; no other column leaves the source.", ""]


def _when(plan: ExtractPlan, after: date) -> list[str]:
    days = [f"{day:%A %-d %B %Y} (delivers {_label(plan, day)})" for day in due_dates(plan, after)]
    return [
        f"Delivered {schedule_in_words(plan)}.",
        f"From {plan.start_on} until {plan.end_on}, reviewed by {plan.review_on}.",
        f"Next: {', '.join(days)}." if days else "No further date: it has ended.",
    ]


def _where(plan: ExtractPlan, facts: Mapping[str, Any]) -> list[str]:
    folder = facts["recipient"].get("folder") or ", ".join(plan.recipients)
    return [
        f"Into the recipient's own folder of the drop zone ({markdown(folder)}).",
        f"As {plan.format} files, encrypted to the recipient's keys.",
        f"Kept for {plan.retention_days} days from each delivery, then: {markdown(facts['disposal_method'])}.",
        *(markdown(condition) for condition in facts["special_conditions"]),
    ]


def _column_data(column: PlannedColumn) -> dict[str, Any]:
    return {
        "name": column.name,
        "meaning": column.meaning,
        "class": column.classification.value,
        "treatment": column.treatment,
        "in_words": treatment_in_words(column),
        "type": column.delivered_type.value,
        "unit": column.unit,
    }


def _label(plan: ExtractPlan, day: date) -> str:
    return period_for(plan, day, day).label


def _section(title: str, lines: list[str]) -> list[str]:
    return [f"## {title}", "", *(f"- {line}" for line in lines), ""]


def markdown(text: str) -> str:
    """Text of a requester inside Markdown: one line that is neither markup nor a new table cell."""
    line = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"[\\`*\[\]|#]|(?<!\w)_|_(?!\w)", r"\\\g<0>", line)
