"""`extracts request show`: one request, with its clock, what a new version changed, and what was decided."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from extracts.cli.options import Json, RequestId, workplace
from extracts.cli.output import answer, out, show_facts
from extracts.cli.requests import row_of
from extracts.cli.reviews import review_in_words

if TYPE_CHECKING:
    from extracts.steps.review_standing import ReviewStanding
    from extracts.steps.standing import Standing

Changes = Annotated[
    bool, typer.Option("--changes", help="Only how this version differs from the one before, field by field.")
]


def show(request_id: RequestId, changes: Changes = False, as_json: Json = False) -> None:
    """One request, its clock, findings, reviews and history."""
    from extracts.steps.review_standing import reviews_of
    from extracts.steps.standing import standing

    work = workplace()
    found = standing(work, request_id)
    if changes:
        answer(_changes_document(found), as_json, lambda: _show_changes(found))
    else:
        reviews = reviews_of(work, request_id)
        document = _document(found) | {"reviews": [r.document() for r in reviews]}
        answer(document, as_json, lambda: _show(found, reviews))


def _document(found: Standing) -> dict[str, Any]:
    return {
        **row_of(found.entry),
        "digest": found.entry.digest,
        "clock": found.clock.document(),
        "history": _history(found),
        "request": dict(found.entry.document),
        "assessment": found.assessment.document() if found.assessment else None,
        "decisions": [
            {**d.decision.document(), "digest": d.decision.digest, "signed_by": d.signed_by} for d in found.decisions
        ],
        "orders": [dict(order) for order in found.orders],
        **_changes_document(found),
    }


def _changes_document(found: Standing) -> dict[str, Any]:
    return {
        "version": found.entry.version,
        "version_before": found.before.version if found.before else None,
        "changes": [{"field": c.field, "before": c.before, "after": c.after} for c in found.changes],
        "comments": [{"field": c.field, "comment": c.comment} for c in found.answered],
        "unanswered": [c.field for c in found.unanswered],
    }


def _show(found: Standing, reviews: tuple[ReviewStanding, ...]) -> None:
    from extracts.agreement.request_summary import request_in_words

    entry = found.entry
    facts = {"version": entry.version, "status": entry.status, "clock": found.clock.in_words(), "digest": entry.digest}
    show_facts(f"{entry.request_id}: {entry.title}", {**facts, **request_in_words(found.request)})
    out.print()
    if found.before:
        _show_changes(found)
        out.print()
    if found.assessment:
        out.print(f"[bold]What the policy finds[/bold]\n{escape(found.assessment.as_text())}\n")
    for review in reviews:
        show_facts(f"{review.review} review", review_in_words(review))
        out.print()
    for one in found.decisions:
        show_facts("What was decided", one.in_words())
        out.print()
    orders = [f"{o['ordered_at']} {o['kind']}: {o['reasons']}" for o in found.orders]
    show_facts("What became of it", {"status": _history(found), **({"orders": orders} if orders else {})})


def _show_changes(found: Standing) -> None:
    if found.before is None:
        out.print(f"{found.entry.request_id} version {found.entry.version} is the first.")
        return
    facts = {
        "changed": [str(change) for change in found.changes] or ["nothing"],
        "was asked": [f"{c.field}: {c.comment}" for c in found.answered],
        "not answered": [c.field for c in found.unanswered],
    }
    title = f"How version {found.entry.version} differs from version {found.before.version}"
    show_facts(title, {name: value for name, value in facts.items() if value})


def _history(found: Standing) -> list[str]:
    return [
        f"{h.at:%Y-%m-%d %H:%M} {f'{h.from_status} -> ' if h.from_status else ''}{h.to_status}, by {h.actor}"
        f"{f': {h.comment}' if h.comment else ''}"
        for h in found.history
    ]
