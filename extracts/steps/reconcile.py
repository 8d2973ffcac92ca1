"""After a crash: makes the register agree with what the drop zone really shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extracts.handover.dropzone.interface import Place
from extracts.record import register
from extracts.record.delivery_entries import DeliveryEntry, DeliveryState
from extracts.record.locks import period_lock
from extracts.record.transaction import reading, unit_of_work
from extracts.steps import notices
from extracts.steps.signers import index_signer
from extracts.steps.transfer import drop_zone

if TYPE_CHECKING:
    from extracts.steps.workplace import Workplace


def reconcile_agreement(work: Workplace, request_id: str, actor: str) -> None:
    """Settle every delivery of an agreement whose publisher died, whatever its period. Raises Busy if one lives."""
    with reading(work.register) as view:
        unclear = register.list_deliveries(view, request_id=request_id, states=(DeliveryState.PUBLISHING,))
    for period in sorted({d.period for d in unclear}):
        with period_lock(work.register, request_id, period):
            reconcile_delivery(work, request_id, period, actor)


def reconcile_delivery(work: Workplace, request_id: str, period: str, actor: str) -> None:
    """Settle a delivery whose publisher died: published if the recipient can see it, else free to be built again.

    The caller holds the period's lock.
    """
    with reading(work.register) as view:
        unclear = register.list_deliveries(
            view, request_id=request_id, period=period, states=(DeliveryState.PUBLISHING,)
        )
    for delivery in unclear:
        _settle(work, delivery, actor)


def _settle(work: Workplace, delivery: DeliveryEntry, actor: str) -> None:
    place = Place(delivery.recipient, delivery.request_id, delivery.delivery_id)
    visible = drop_zone(work).complete(place, delivery.manifest_digest, index_signer(work), work.now())
    now = work.now()
    with unit_of_work(work.register) as unit:
        if visible:
            register.publish_delivery(unit, delivery.delivery_id, at=now)
            unit.event(
                now,
                "delivery.published",
                delivery.delivery_id,
                actor,
                {"reconciled": True, "manifest_digest": delivery.manifest_digest},
            )
            notices.delivered(unit, delivery, now)
        else:
            register.resume_building(unit, delivery.delivery_id)
            unit.event(now, "delivery.not-published", delivery.delivery_id, actor, {"reconciled": True})
