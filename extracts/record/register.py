"""The register: requests, decisions, orders, runs and deliveries, as functions on one transaction.

Reading functions take a `Reading` (from `reading(engine)`), writing ones a `Work` (from `unit_of_work(engine)`), which
also takes the ledger event that tells of the change. Values in and out are plain (`entries`).
"""

from extracts.record.decisions import (
    decisions_ending,
    decisions_past,
    get_decision,
    list_decisions,
    list_orders,
    record_signature,
    save_decision,
    save_order,
    signatures,
)
from extracts.record.deliveries import (
    deliveries_count,
    get_delivery,
    last_published,
    list_deliveries,
    next_revision,
    previous_delivery,
    publish_delivery,
    reserve_delivery,
    resume_building,
    start_publishing,
    stop_delivery,
    withdraw_delivery,
)
from extracts.record.requests import (
    get_assessment,
    get_request,
    hold_status,
    list_requests,
    lock_request,
    save_assessment,
    save_request,
    set_status,
    status_histories,
    status_history,
)
from extracts.record.runs import end_run, get_run, last_runs, open_runs, start_run

__all__ = [
    "decisions_ending",
    "decisions_past",
    "deliveries_count",
    "end_run",
    "get_assessment",
    "get_decision",
    "get_delivery",
    "get_request",
    "get_run",
    "hold_status",
    "last_published",
    "last_runs",
    "list_decisions",
    "list_deliveries",
    "list_orders",
    "list_requests",
    "lock_request",
    "next_revision",
    "open_runs",
    "previous_delivery",
    "publish_delivery",
    "record_signature",
    "reserve_delivery",
    "resume_building",
    "save_assessment",
    "save_decision",
    "save_order",
    "save_request",
    "set_status",
    "signatures",
    "start_publishing",
    "start_run",
    "status_histories",
    "status_history",
    "stop_delivery",
    "withdraw_delivery",
]
