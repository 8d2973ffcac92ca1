"""A past for a world's agreements: runs and deliveries of earlier periods, put straight into its register.

Only what the pages read of them: there is no file behind such a delivery.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from extracts.agreement.periods import Frequency, period_before, period_of, read_label
from extracts.errors import Outcome
from extracts.record import register
from extracts.record.delivery_entries import DeliveredFile, DeliveryEntry, RunEntry
from extracts.record.transaction import reading, unit_of_work
from extracts.steps.in_force import decision_in_force
from tests.support.world import World

DIGEST = "sha256:" + "d" * 64


def month_before(day: date, months: int = 1) -> str:
    """The label of the month so many months before that of `day`."""
    period = period_of(day, Frequency.MONTHLY)
    for _ in range(months):
        period = period_before(period, Frequency.MONTHLY)
    return period.label


def ran(world: World, request_id: str, label: str, outcome: Outcome | None, at: datetime, **told: Any) -> str:
    """A run for a period that began at this time, and ended so; None: it is under way. Its id."""
    with reading(world.work.register) as view:
        version = register.get_request(view, request_id).version
    run_id = f"{request_id}/past-{label}-{at:%d%H%M}"
    with unit_of_work(world.work.register) as unit:
        register.start_run(unit, RunEntry(run_id, request_id, version, label, "scheduler", at))
        if outcome:
            register.end_run(unit, run_id, at=at + timedelta(minutes=9), outcome=outcome, **told)
        unit.event(at, "run.ended" if outcome else "run.started", request_id, "scheduler", {"run": run_id})
    return run_id


def delivered_before(
    world: World, request_id: str, label: str, at: datetime, dataset: str, rows: int = 144, age_minutes: int = 300
) -> str:
    """A delivery of a month that left at this time. Its id."""
    counts = {dataset: {"source": rows + 28_000, "filtered": 27_990, "held": 7, "withheld": 3, "delivered": rows}}
    run_id = ran(world, request_id, label, Outcome.DELIVERED, at, counts=counts,
                 snapshot={"source_age_minutes": {dataset: age_minutes}})  # fmt: skip
    with reading(world.work.register) as view:
        decision = decision_in_force(view, request_id)
    assert decision
    period = read_label(label, Frequency.MONTHLY)
    entry = DeliveryEntry(
        request_id=request_id,
        version=decision.version,
        period=label,
        period_first=period.first,
        period_last=period.last,
        revision=1,
        recipient=str(decision.plan["recipient"]),
        decision_digest=decision.digest,
        run_id=run_id,
        created_at=at,
    )
    file = DeliveredFile(f"{dataset}.parquet.age", dataset, rows, 65 * rows, DIGEST)
    with unit_of_work(world.work.register) as unit:
        found = register.reserve_delivery(unit, entry)
        register.start_publishing(unit, found.delivery_id, path=f"x/{found.delivery_id}", manifest_digest=DIGEST,
                                  previous_manifest_digest="", files=[file])  # fmt: skip
        register.publish_delivery(unit, found.delivery_id, at=at)
        unit.event(at, "delivery.published", found.delivery_id, "scheduler", {})
    return found.delivery_id
