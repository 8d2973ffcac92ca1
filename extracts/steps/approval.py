"""May this run go on? Read afresh before the extract is built and again before it is released.

Rules:
1. The published file is read from disk, its signatures are verified by ssh-keygen at the times that the register
   recorded, and the pure rules of `agreement.approval` judge the rest.
2. The register is asked too: a denial in either stops. A time of signing that the file claims and the register does
   not know does not count.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from extracts import signing
from extracts.agreement.approval import Published, judge
from extracts.agreement.decision import Decision
from extracts.agreement.plan import ExtractPlan
from extracts.agreement.status import Status
from extracts.errors import ApprovalMissing, NotFound, SignatureInvalid
from extracts.record import register
from extracts.record.entries import RequestEntry, SignatureEntry
from extracts.record.transaction import reading
from extracts.steps import signers
from extracts.steps.approval_file import load_published
from extracts.steps.policy_review import check_policy

if TYPE_CHECKING:
    from extracts.steps.workplace import Workplace


@dataclass(frozen=True)
class Approved:
    """An agreement in force now: what was approved, and by whom, as verified."""

    plan: ExtractPlan
    decision: Decision
    request: Mapping[str, Any]
    board: signing.Signature
    board_recorded_at: datetime
    controller: signing.Signature
    controller_recorded_at: datetime
    published: Published


def approved_now(work: Workplace, request_id: str, started_by: str) -> Approved:
    """The agreement, if it is in force at this moment and this person may start it.

    Raises ApprovalMissing, SignatureInvalid, NotPermitted: each names the id, the reason and what to do.
    """
    published = load_published(work, request_id)
    entry, recorded = _recorded(work, published)
    board_at = _recorded_at(recorded, published, signing.DECISION_BOARD)
    controller_at = _recorded_at(recorded, published, signing.DECISION_CONTROLLER)
    data = published.decision.canonical()
    board = signers.judge(work, data, published.board.signature, signing.DECISION_BOARD, board_at)
    controller = signers.judge(work, data, published.controller.signature, signing.DECISION_CONTROLLER, controller_at)
    orders = [
        signers.judge(work, o.order.canonical(), o.signature, signing.ORDER, o.recorded_at) for o in published.orders
    ]
    judge(
        published,
        board=board,
        controller=controller,
        order_signatures=orders,
        parties=work.parties,
        today=work.now().date(),
        started_by=started_by,
        recorded_at=(board_at, controller_at),
    )
    _register_agrees(entry, published)
    check_policy(work, published)
    return Approved(
        published.plan, published.decision, published.request, board, board_at, controller, controller_at, published
    )


def _recorded(work: Workplace, published: Published) -> tuple[RequestEntry, tuple[SignatureEntry, ...]]:
    decision = published.decision
    try:
        with reading(work.register) as view:
            entry = register.get_request(view, decision.request_id, decision.request_version)
            return entry, tuple(register.signatures(view, decision.digest))
    except NotFound:
        raise ApprovalMissing(
            f"The register does not know the request that {decision.request_id} was decided on.",
            advice="Ask the keeper of the register: the published file and the register disagree.",
        ) from None


def _recorded_at(recorded: tuple[SignatureEntry, ...], published: Published, namespace: str) -> datetime:
    for found in recorded:
        if found.namespace == namespace:
            return found.recorded_at
    raise SignatureInvalid(
        f"The register holds no {namespace} signature on the published decision of {published.decision.request_id}.",
        advice="The file was edited, or a signature was never recorded: decide again.",
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
