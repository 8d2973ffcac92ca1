"""May this run go on? Read afresh before the extract is built and again before it is released.

Rules:
1. The published file is read from disk, its signatures are verified by ssh-keygen at the times that were recorded, and
   the pure rules of `agreement.approval` judge the rest.
2. The register is asked too: a denial in either stops. Each signature, on the decision and on every order, and its time
   are the register's, and the ledger tells of both at that time: else whoever may no longer sign could do so today and
   put it under yesterday's date.
3. The file must hold the decision that the register has in force, not one that a later decision replaced, and every
   order that the register has on it.
4. What the file tells people about the request is made afresh from the document that was signed for: no edited title,
   basis or retention ever reaches a manifest, and where they differ nothing runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from extracts import signing
from extracts.agreement.approval import Published, judge
from extracts.agreement.decision import Decision
from extracts.agreement.facts import facts_of, for_recipient
from extracts.agreement.parts import part_of
from extracts.agreement.plan import ExtractPlan
from extracts.agreement.request import Request
from extracts.agreement.status import Status
from extracts.canonical import digest, plain
from extracts.errors import ApprovalMissing, NotFound, SignatureInvalid
from extracts.record import register
from extracts.record.entries import RequestEntry, SignatureEntry
from extracts.record.transaction import Reading, reading
from extracts.steps import signers
from extracts.steps.actor import names_of
from extracts.steps.approval_file import load_published
from extracts.steps.in_force import decision_in_force
from extracts.steps.policy_review import check_policy
from extracts.steps.recorded import RecordedSignatures, recorded_signatures

if TYPE_CHECKING:
    from extracts.steps.workplace import Workplace

# Facts that come from the request alone; the others are names in the catalogue, which may be corrected meanwhile.
_OF_THE_REQUEST = (
    *("id", "version", "title", "digest", "purpose", "necessity", "data_subjects", "territory"),
    *("lawful_basis", "legal_power", "retention_days", "disposal_method", "evidence_due_days"),
    *("special_conditions", "privacy_notice_ref", "agreement_ref"),
)


@dataclass(frozen=True)
class Approved:
    """An agreement in force now: what was approved, and by whom, as verified.

    `plan` and `request` are of the whole, or of what one recipient gets (`part`); what was signed is always the whole.
    """

    plan: ExtractPlan
    decision: Decision
    request: Mapping[str, Any]
    board: signing.Signature
    board_recorded_at: datetime
    controller: signing.Signature
    controller_recorded_at: datetime
    published: Published

    @property
    def signed_plan(self) -> ExtractPlan:
        """The plan that the two signatures are about."""
        return self.published.plan

    def part(self, recipient: str) -> Approved:
        """The same as far as one of its recipients gets something of it. Raises NotFound."""
        return replace(self, plan=part_of(self.signed_plan, recipient), request=for_recipient(self.request, recipient))

    def parts(self) -> tuple[Approved, ...]:
        """What each recipient gets."""
        return tuple(self.part(recipient) for recipient in self.signed_plan.recipients)


def approved_now(work: Workplace, request_id: str, *started_by: str) -> Approved:
    """The agreement, if it is in force at this moment and these may start it: a person by name, and as signed in.

    Raises ApprovalMissing, SignatureInvalid, NotPermitted: each names the id, the reason and what to do.
    """
    published = load_published(work, request_id)
    entry, signed, submitted_by = _recorded(work, published)
    data = published.decision.canonical()
    board, controller = (_signer(work, request_id, data, s) for s in (signed.board, signed.controller))
    orders = [
        _signer(work, request_id, o.order.canonical(), s) for o, s in zip(published.orders, signed.orders, strict=True)
    ]
    board_at, controller_at = signed.board.recorded_at, signed.controller.recorded_at
    approval = judge(
        published,
        board=board,
        controller=controller,
        order_signatures=orders,
        parties=work.parties,
        today=work.now().date(),  # a decision's dates are UTC, as recipients check them
        started_by=started_by,
        submitted_by=submitted_by,
        recorded_at=(board_at, controller_at),
    )
    _register_agrees(entry, published)
    check_policy(work, published)
    facts = _facts(work, published, approval.request)
    return Approved(published.plan, published.decision, facts, board, board_at, controller, controller_at, published)


def _signer(work: Workplace, request_id: str, data: bytes, signed: SignatureEntry) -> signing.Signature:
    try:
        return signers.judge(work, data, signed.signature, signed.namespace, signed.recorded_at)
    except SignatureInvalid as error:
        raise SignatureInvalid(f"{request_id}: {error.message}", advice=error.advice) from None


def _facts(work: Workplace, published: Published, request: Request) -> dict[str, Any]:
    """What people are told about the request. Raises ApprovalMissing if the file tells otherwise."""
    facts = facts_of(request, work.parties, work.datasets)
    edited = [name for name in _OF_THE_REQUEST if plain(facts[name]) != published.request.get(name)]
    if edited:
        raise ApprovalMissing(
            f"The published agreement {request.request_id} tells another {', '.join(edited)} than was approved.",
            advice="It was edited. Publish it again: `extracts publish`.",
        )
    return facts


def _recorded(work: Workplace, published: Published) -> tuple[RequestEntry, RecordedSignatures, list[str]]:
    decision = published.decision
    try:
        with reading(work.register) as view:
            entry = register.get_request(view, decision.request_id, decision.request_version)
            _check_standing(view, published)
            submitted = register.status_history(view, decision.request_id, decision.request_version)
            submitters = sorted({n for s in submitted if s.to_status == Status.SUBMITTED for n in names_of(s.actor)})
            return entry, recorded_signatures(view, published), submitters
    except NotFound:
        raise ApprovalMissing(
            f"The register does not know the request that {decision.request_id} was decided on.",
            advice="Ask the keeper of the register: the published file and the register disagree.",
        ) from None


def _check_standing(view: Reading, published: Published) -> None:
    decision = published.decision
    in_force = decision_in_force(view, decision.request_id)
    if in_force is None or in_force.digest != decision.digest:
        raise ApprovalMissing(
            f"The published decision on {decision.request_id} is not the one that the register has in force.",
            advice="It was replaced by a later decision, or put back: publish again with `extracts publish`.",
        )
    recorded = [
        o.digest for o in register.list_orders(view, decision.request_id) if o.decision_digest == decision.digest
    ]
    if [digest(o.order.document()) for o in published.orders] != recorded:
        raise ApprovalMissing(
            f"The published agreement {decision.request_id} does not hold the orders that the register has on it.",
            advice="It was edited, or is being published just now: `extracts publish`, then run again.",
        )


def _register_agrees(entry: RequestEntry, published: Published) -> None:
    if entry.status != Status.APPROVED:
        raise ApprovalMissing(
            f"{entry.request_id} is {entry.status} in the register.",
            advice="Nothing runs until it is approved there as well; see `extracts request show`.",
        )
    if entry.digest != published.decision.request_digest:
        raise ApprovalMissing(
            f"The request {entry.request_id} in the register is not the one that was decided.",
            advice="Ask the keeper of the register.",
        )
