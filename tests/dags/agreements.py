"""Published agreements as files, for tests of what Airflow makes of them."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from extracts.agreement.decision import OrderKind
from extracts.agreement.plan import ExtractPlan
from extracts.canonical import plain
from tests.support.builders import a_decision, a_plan, an_order

SIGNED_AT = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
_REQUEST: dict[str, Any] = {
    "version": 1,
    "title": "Pension Credit in Scotland, quarterly statistics",
    "purpose": "To forecast the cost and reach of Pension Age Winter Heating Payment.",
    "data_subjects": "People in Scotland with an award of Pension Credit",
    "requester": {
        "organisation": "The Scottish Government",
        "name": "Eilidh Requester",
        "position": "Head of social security analysis",
        "email": "eilidh.requester@scotgov.example",
    },
    "recipient": {
        "id": "scottish-government-analysts",
        "name": "Scottish Government, social security analysts",
        "organisation": "The Scottish Government",
        "folder": "scottish-government-analysts",
    },
    "gateway": {
        "id": "scotland-act-2016-s34",
        "title": "Scotland Act 2016, section 34",
        "statute": "Scotland Act 2016 c. 11, s. 34",
        "warning": "",
    },
    "lawful_basis": {"article_6": "6(1)(e)", "article_9": "", "schedule_1": ""},
    "legal_power": "Forecasting for a function of the Scottish Ministers.",
    "necessity": "Forecasts need rows.",
    "onward_sharing": "Forbidden.",
    "disposal_method": "Secure deletion, copies and backups included",
    "special_conditions": [],
    "contact": "information.asset.owner@dwp.example",
    "agreement_ref": "MoU SM-SSWP 2018, schedule 7",
    "datasets": {"pension_credit_award": {"title": "Pension Credit awards in payment"}},
}


def a_document(plan: ExtractPlan | None = None, **decided: Any) -> dict[str, Any]:
    """A published agreement; `decided` changes its decision."""
    plan = plan or a_plan()
    decision = a_decision(plan, **decided)
    signed = {"signature": "-----BEGIN SSH SIGNATURE-----\n", "recorded_at": plain(SIGNED_AT)}
    found: dict[str, Any] = {
        "format": "governed-extracts/agreement/1",
        "request": {"id": plan.request_id, "digest": decision.request_digest, **copy.deepcopy(_REQUEST)},
        "decision": decision.document(),
        "plan": plan.document(),
        "assessment": None,
        "signatures": {"board": signed, "controller": dict(signed)},
        "orders": [],
        "withdrawn_at": None,
        "key": {"id": ""},
    }
    return found


def ordered(document: dict[str, Any], *kinds: OrderKind) -> dict[str, Any]:
    """The agreement after these orders."""
    orders = [
        {"order": an_order(kind, number).document(), "signature": "", "recorded_at": plain(SIGNED_AT)}
        for number, kind in enumerate(kinds, start=1)
    ]
    return document | {"orders": orders}


def publish(folder: Path, document: dict[str, Any] | None = None) -> Path:
    """The file of an agreement in the published folder."""
    document = document or a_document()
    folder.mkdir(exist_ok=True)
    path = folder / f"{document['request']['id']}.json"
    path.write_text(json.dumps(document))
    return path


def publish_many(folder: Path, count: int) -> None:
    """As many agreements, alike but for their ids."""
    for number in range(count):
        publish(folder, a_document(a_plan(request_id=f"SDDSB-2026-{number:04}")))
