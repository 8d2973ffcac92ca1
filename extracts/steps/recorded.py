"""The signatures on a published agreement, as register and ledger recorded them.

Rules:
1. A signature counts only if the register holds these very letters, seen at the time that the file says.
2. The ledger tells of it at that time, too. A row of the register can be dated back by whoever may write there; an
   event stands in a chain between two others, whose anchors recipients hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from extracts import signing
from extracts.agreement.published import Published, PublishedOrder, SignedAt
from extracts.agreement.status import TRANSITIONS
from extracts.canonical import digest
from extracts.catalogue.people import Role
from extracts.errors import SignatureInvalid
from extracts.record import ledger, register
from extracts.record.entries import SignatureEntry
from extracts.record.transaction import Reading

SIGNED = "decision.signed"
_TARGETS = {t.verb: t.target for t in TRANSITIONS}


@dataclass(frozen=True)
class RecordedSignatures:
    """Both signatures on the decision, and those on its orders, in their order."""

    board: SignatureEntry
    controller: SignatureEntry
    orders: tuple[SignatureEntry, ...]


def recorded_signatures(view: Reading, published: Published) -> RecordedSignatures:
    """What was recorded of the signatures in a published file. Raises SignatureInvalid if the file tells otherwise."""
    decision = published.decision
    told = {"decision_digest": decision.digest}
    board = _recorded(view, published, published.board, decision.digest, signing.DECISION_BOARD)
    must_be_told(view, decision.request_id, board, SIGNED, told | {"role": Role.BOARD.value})
    controller = _recorded(view, published, published.controller, decision.digest, signing.DECISION_CONTROLLER)
    must_be_told(view, decision.request_id, controller, SIGNED, told | {"role": Role.CONTROLLER.value})
    return RecordedSignatures(board, controller, tuple(_order(view, published, o) for o in published.orders))


def must_be_told(view: Reading, request_id: str, found: SignatureEntry, kind: str, wanted: Mapping[str, str]) -> None:
    """Raises SignatureInvalid unless the ledger tells of this signature, at the time that the register says."""
    for event in ledger.events(view.connection, subject=request_id, kind=kind, newest_first=True):
        if event.at == found.recorded_at and event.actor == found.principal and wanted.items() <= event.payload.items():
            return
    raise SignatureInvalid(
        f"The ledger tells of no {found.namespace} signature on {request_id} at the time that the register says.",
        advice="Ask the keeper of the register: a row was put there past the software.",
    )


def _order(view: Reading, published: Published, given: PublishedOrder) -> SignatureEntry:
    order_digest = digest(given.order.document())
    found = _recorded(view, published, SignedAt(given.signature, given.recorded_at), order_digest, signing.ORDER)
    kind = f"agreement.{_TARGETS[given.order.kind]}"
    must_be_told(view, published.decision.request_id, found, kind, {"order_digest": order_digest})
    return found


def _recorded(
    view: Reading, published: Published, told: SignedAt, document_digest: str, namespace: str
) -> SignatureEntry:
    for found in register.signatures(view, document_digest):
        if found.namespace == namespace and SignedAt(found.signature, found.recorded_at) == told:
            return found
    raise SignatureInvalid(
        f"The register holds another {namespace} signature than the published agreement "
        f"{published.decision.request_id}, or of another time.",
        advice="The file was edited: publish it again, `extracts publish`. What was never recorded is signed again.",
    )
