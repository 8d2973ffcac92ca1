"""The published agreement: one JSON document per request, written at publication and read again by every gate.

Rules:
1. It holds the documents that were signed, whole, beside facts for people. Nothing is believed because it stands
   here: `approval.judge` binds every part to the two signatures.
2. A document that says more than these fields, or other than it would be written, is refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from extracts.agreement.assessment import Assessment
from extracts.agreement.decision import Decision, Order
from extracts.agreement.facts import facts_of
from extracts.agreement.plan import ExtractPlan
from extracts.agreement.reading import read_exactly
from extracts.agreement.request import Request
from extracts.canonical import plain
from extracts.catalogue.contract import Dataset
from extracts.catalogue.parties import Parties
from extracts.errors import InvalidDocument, Problem

FORMAT = "governed-extracts/agreement/1"
_FIELDS = ("format", "request", "decision", "plan", "assessment", "signatures", "orders", "withdrawn_at", "key")
Recorded = tuple[str, datetime]


@dataclass(frozen=True)
class SignedAt:
    """An armoured signature and the time that the ledger recorded for it (aware)."""

    signature: str
    recorded_at: datetime


@dataclass(frozen=True)
class PublishedOrder:
    """A signed order on the agreement."""

    order: Order
    signature: str
    recorded_at: datetime


@dataclass(frozen=True)
class Published:
    """A published agreement, read and not yet judged. `request` are its facts, with its document inside.

    `withdrawn_at`: when its requester ended it (aware).
    """

    request: Mapping[str, Any]
    decision: Decision
    plan: ExtractPlan
    assessment: Assessment | None
    board: SignedAt
    controller: SignedAt
    orders: tuple[PublishedOrder, ...]
    withdrawn_at: datetime | None
    key_id: str


def published_document(
    *,
    request: Request,
    parties: Parties,
    datasets: Mapping[str, Dataset],
    decision: Decision,
    plan: ExtractPlan,
    assessment: Assessment,
    board: Recorded,
    controller: Recorded,
    orders: Iterable[tuple[Order, str, datetime]] = (),
    withdrawn_at: datetime | None = None,
    key_id: str = "",
) -> dict[str, Any]:
    """The document to publish. `board`, `controller`: armoured signature and the time that the ledger recorded."""
    return {
        "format": FORMAT,
        "request": {**facts_of(request, parties, datasets), "document": request.document()},
        "decision": decision.document(),
        "plan": plan.document(),
        "assessment": assessment.document(),
        "signatures": {"board": _signed(board), "controller": _signed(controller)},
        "orders": [{"order": order.document(), **_signed((signature, at))} for order, signature, at in orders],
        "withdrawn_at": plain(withdrawn_at) if withdrawn_at else None,
        "key": {"id": key_id},
    }


def read_published(document: Mapping[str, Any] | bytes) -> Published:
    """The agreement in a published file. Raises InvalidDocument, naming the part that is not what it should be."""
    found = _mapping(_loaded(document) if isinstance(document, bytes) else document, "agreement")
    if found.get("format") != FORMAT:
        raise _invalid("format", f"is not {FORMAT}")
    if unknown := sorted(set(found) ^ set(_FIELDS)):
        raise _invalid(unknown[0], "is missing, or does not belong here")
    signatures = _mapping(found["signatures"], "signatures")
    assessed = found["assessment"]
    published = Published(
        request=_mapping(found["request"], "request"),
        decision=read_exactly(Decision, _mapping(found["decision"], "decision"), "decision"),
        plan=read_exactly(ExtractPlan, _mapping(found["plan"], "plan"), "plan"),
        assessment=read_exactly(Assessment, _mapping(assessed, "assessment"), "assessment") if assessed else None,
        board=_read_signed(signatures.get("board"), "signatures.board"),
        controller=_read_signed(signatures.get("controller"), "signatures.controller"),
        orders=tuple(_read_order(entry, n) for n, entry in enumerate(_listed(found["orders"]))),
        withdrawn_at=None if found["withdrawn_at"] is None else _read_time(found["withdrawn_at"], "withdrawn_at"),
        key_id=_text(_mapping(found["key"], "key").get("id"), "key.id"),
    )
    ids = {published.decision.request_id, published.plan.request_id, published.request.get("id")}
    if len(ids) > 1:
        raise _invalid("request.id", "differs between request, decision and plan")
    return published


def _signed(recorded: Recorded) -> dict[str, Any]:
    signature, at = recorded
    return {"signature": signature, "recorded_at": plain(at)}


def _read_order(entry: Any, number: int) -> PublishedOrder:
    where = f"orders.{number}"
    found = _mapping(entry, where)
    signed = _read_signed({k: v for k, v in found.items() if k != "order"}, where)
    order = read_exactly(Order, _mapping(found.get("order"), f"{where}.order"), "order")
    return PublishedOrder(order, signed.signature, signed.recorded_at)


def _read_signed(entry: Any, where: str) -> SignedAt:
    found = _mapping(entry, where)
    if set(found) != {"signature", "recorded_at"}:
        raise _invalid(where, "needs a signature and the time that it was recorded, and nothing else")
    at = _read_time(found["recorded_at"], f"{where}.recorded_at")
    return SignedAt(_text(found["signature"], f"{where}.signature"), at)


def _read_time(value: Any, where: str) -> datetime:
    try:
        at = datetime.fromisoformat(_text(value, where))
    except ValueError:
        raise _invalid(where, "is no time") from None
    if at.tzinfo is None:
        raise _invalid(where, "is a time without its zone")
    return at


def _loaded(data: bytes) -> Any:
    try:
        return json.loads(data, object_pairs_hook=_each_once)
    except (ValueError, RecursionError):
        raise _invalid("document", "is not JSON, or names a field twice") from None


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a field stands there twice")
    return found


def _mapping(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise _invalid(where, "must be a group of fields")
    return value


def _listed(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise _invalid("orders", "must be a list")
    return value


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise _invalid(where, "must be text")
    return value


def _invalid(field: str, message: str) -> InvalidDocument:
    return InvalidDocument("published agreement", [Problem(field, message)])
