"""Do the orders on an agreement let it run? Part of `approval`'s rules, which say when this is asked.

Rules:
1. Orders are counted per request, over all its decisions. Those on one decision follow one another without a gap, from
   whichever number the first has; that none is missing at either end, the caller compares with the register.
2. Each is about this decision, and signed, in the namespace of orders, by somebody who may give it.
3. A revocation is for good; a suspension lasts until it is resumed.
"""

from __future__ import annotations

from collections.abc import Sequence

from extracts import signing
from extracts.agreement.decision import Decision, OrderKind
from extracts.agreement.published import Published, PublishedOrder
from extracts.agreement.signers import check_orderer
from extracts.catalogue.parties import Parties
from extracts.errors import ApprovalMissing, SignatureInvalid
from extracts.signing import Signature


def check_orders(published: Published, signatures: Sequence[Signature], parties: Parties, rehearsal: bool) -> None:
    """Raises ApprovalMissing, NotPermitted or SignatureInvalid if an order stops the agreement, or does not count."""
    decision, orders = published.decision, published.orders
    if len(signatures) != len(orders):
        raise SignatureInvalid(f"{decision.request_id}: {len(orders)} orders and {len(signatures)} signatures on them.")
    expected = signing.test_namespace(signing.ORDER) if rehearsal else signing.ORDER
    first = max(1, orders[0].order.number) if orders else 1
    for number, (published_order, found) in enumerate(zip(orders, signatures, strict=True), start=first):
        _check_order(published_order, number, decision)
        if found.namespace != expected:
            raise SignatureInvalid(f"Order {number} on {decision.request_id} is signed in namespace {found.namespace}.")
        check_orderer(found, published_order.order, parties, published_order.recorded_at.date())
    kinds = [o.order.kind for o in orders]
    if OrderKind.REVOKE in kinds:
        raise missing(decision, "it was revoked")
    if kinds and kinds[-1] is OrderKind.SUSPEND:
        raise missing(decision, f"it has been suspended since {orders[-1].order.ordered_at:%Y-%m-%d}")


def _check_order(published: PublishedOrder, number: int, decision: Decision) -> None:
    order = published.order
    if order.request_id != decision.request_id or order.decision_digest != decision.digest:
        raise missing(decision, f"order {number} is about another decision")
    if order.number != number:
        raise missing(decision, f"order {number} is missing or out of its order")


def missing(decision: Decision, why: str) -> ApprovalMissing:
    """The error that says why an agreement may not run, and what to do."""
    return ApprovalMissing(
        f"{decision.request_id} version {decision.request_version} may not run: {why}.",
        advice=f"See `extracts why {decision.request_id}`; a new decision needs both signatures.",
    )
