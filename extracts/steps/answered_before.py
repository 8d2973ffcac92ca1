"""What the register knows beside a request: what its recipient holds already, and how similar ones were answered."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from extracts.agreement.briefing import HeldAlready, SimilarAnswer
from extracts.agreement.decision import DecisionOutcome, decision_from_document
from extracts.agreement.plan import plan_from_document
from extracts.agreement.request import Request, request_from_document
from extracts.agreement.status import Status
from extracts.record import register
from extracts.record.delivery_entries import LEFT_THE_HOUSE
from extracts.record.entries import DecisionEntry, RequestEntry
from extracts.record.transaction import Reading
from extracts.steps.in_force import decision_in_force

if TYPE_CHECKING:
    from extracts.catalogue.parties import Parties

_RUNNING = (Status.APPROVED, Status.SUSPENDED)
_SIGNATURES = 2
_MOST = 10


def held_already(view: Reading, recipients: Collection[str]) -> tuple[HeldAlready, ...]:
    """Agreements in force for any of these recipients, with what they deliver. Raises VerificationFailed."""
    entries = [e for r in recipients for e in register.list_requests(view, statuses=_RUNNING, recipient=r)]
    newest = {e.request_id: e for e in entries}
    found = ((e, decision_in_force(view, e.request_id)) for e in newest.values())
    return tuple(_held(view, entry, decision) for entry, decision in found if decision)


def similar_answers(view: Reading, request: Request, parties: Parties) -> tuple[SimilarAnswer, ...]:
    """How requests of the same dataset for the same purpose, kind of body or recipient were decided; most alike first.

    Raises VerificationFailed.
    """
    found = []
    for entry in register.list_requests(view):
        if (entry.request_id, entry.version) == (request.request_id, request.version):
            continue
        alike = _alike(request, request_from_document(dict(entry.document)), parties)
        if "dataset" in alike and len(alike) > 1:
            found += [_answer(entry, d, alike) for d in _decided(view, entry)]
    found.sort(key=lambda a: (-len(a.alike), -a.decided_on.toordinal(), a.request_id, a.version))
    return tuple(found[:_MOST])


def _held(view: Reading, entry: RequestEntry, decision: DecisionEntry) -> HeldAlready:
    plan = plan_from_document(decision.plan)
    sent = register.list_deliveries(view, request_id=entry.request_id, states=LEFT_THE_HOUSE)
    days = [d.published_at.date() for d in sent if d.published_at]
    columns = (
        f"{d.dataset}.{c.source}: {' '.join([c.treatment_name, *c.parameters])}"
        for d in plan.datasets
        for c in d.columns
    )
    return HeldAlready(
        request_id=entry.request_id,
        title=entry.title,
        status=entry.status,
        until=decision.valid_until or plan.end_on,
        columns=tuple(columns),
        deliveries=len(sent),
        last_delivered_on=max(days, default=None),
    )


def _alike(request: Request, other: Request, parties: Parties) -> tuple[str, ...]:
    same = {
        "dataset": bool({d.dataset for d in request.datasets} & {d.dataset for d in other.datasets}),
        "purpose": request.purpose.code == other.purpose.code,
        "kind of body": bool(_kinds(request, parties) & _kinds(other, parties)),
        "recipient": request.recipient_ids == other.recipient_ids,
    }
    return tuple(name for name, is_same in same.items() if is_same)


def _kinds(request: Request, parties: Parties) -> set[str]:
    recipients = [r for name in request.recipient_ids if (r := parties.recipients.get(name))]
    return {parties.organisation_of(r).kind.value for r in recipients}


def _decided(view: Reading, entry: RequestEntry) -> Iterable[DecisionEntry]:
    """Decisions on this version that both roles signed."""
    for decision in register.list_decisions(view, entry.request_id):
        if decision.version == entry.version and len(register.signatures(view, decision.digest)) == _SIGNATURES:
            yield decision


def _answer(entry: RequestEntry, found: DecisionEntry, alike: tuple[str, ...]) -> SimilarAnswer:
    decision = decision_from_document(found.document)
    in_part = decision.outcome is DecisionOutcome.APPROVE_IN_PART  # otherwise all were granted, or all refused
    return SimilarAnswer(
        request_id=entry.request_id,
        version=entry.version,
        title=entry.title,
        alike=alike,
        outcome=decision.outcome.value,
        decided_on=found.recorded_at.date(),
        refused=tuple(f"{c.dataset}.{c.column}: {c.reason}" for c in decision.columns if in_part and not c.granted),
        reason_code=decision.reason_code,
        acceptable=decision.acceptable,
    )
