"""What people need to know of an agreement beyond its plan: names, reasons, contacts. Plain values for pages and files.

None of it steers anything: the plan says what is done, and the request's own document is what the decision binds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from extracts.agreement.request import Request
from extracts.catalogue.contract import Dataset
from extracts.catalogue.gateways import Gateway, OnwardSharing
from extracts.catalogue.parties import Parties
from extracts.errors import ApprovalMissing


def facts_of(request: Request, parties: Parties, datasets: Mapping[str, Dataset]) -> dict[str, Any]:
    """The facts of a request, as JSON values. Raises ApprovalMissing if what it names is not declared (any more)."""
    try:
        return _facts(request, parties, datasets)
    except KeyError as error:
        raise ApprovalMissing(
            f"{request.request_id} names {error}, which is not declared any more.",
            advice="Ask the keeper of the parties' list or of the contracts.",
        ) from None


def _facts(request: Request, parties: Parties, datasets: Mapping[str, Dataset]) -> dict[str, Any]:
    gateway = parties.gateways[request.legal.gateway]
    recipients = [_recipient(parties, name) for name in request.recipient_ids]
    asking = parties.organisations[request.requester.organisation]
    named = {d.dataset: datasets[d.dataset] for d in request.datasets}
    return {
        "id": request.request_id,
        "version": request.version,
        "title": request.title,
        "digest": request.digest,
        "purpose": request.purpose.text,
        "purpose_title": parties.purposes[request.purpose.code].title,
        "necessity": request.purpose.necessity,
        "data_subjects": request.data_subjects,
        "territory": list(request.territory),
        "requester": {
            "organisation": asking.name,
            "name": request.requester.name,
            "position": request.requester.position,
            "email": request.requester.email,
        },
        "recipient": _together(recipients),
        **({"recipients": recipients} if request.divided_by else {}),
        "gateway": {
            "id": gateway.id,
            "title": gateway.title,
            "statute": gateway.statute,
            "warning": gateway.warning,
        },
        "lawful_basis": _basis(request),
        "legal_power": request.legal.power,
        "controllers": [
            {"id": c.organisation, "name": parties.organisations[c.organisation].name, "role": c.role.value}
            for c in request.controllers
        ],
        "onward_sharing": _onward(request, gateway),
        "retention_days": request.retention.days,
        "disposal_method": request.retention.disposal_method,
        "evidence_due_days": request.retention.evidence_due_days,
        "special_conditions": list(request.special_conditions),
        "privacy_notice_ref": request.privacy_notice_ref,
        "agreement_ref": request.agreement_ref,
        "contact": next(iter(named.values())).owner,
        "datasets": {
            name: {"title": d.title, "version": d.version, "owner": d.owner, "system": d.system}
            for name, d in sorted(named.items())
        },
    }


def for_recipient(facts: Mapping[str, Any], recipient: str) -> dict[str, Any]:
    """The same facts as one of several recipients is told them: for it, and from nobody who only receives beside it."""
    there = facts.get("recipients", [facts["recipient"]])
    own = next(r for r in there if r["id"] == recipient)
    beside = {r["organisation"] for r in there} - {own["organisation"]}
    controllers = [c for c in facts["controllers"] if c["name"] not in beside]
    return {**facts, "recipient": own, "controllers": controllers}


def _recipient(parties: Parties, name: str) -> dict[str, str]:
    recipient = parties.recipients[name]
    organisation = parties.organisation_of(recipient).name
    return {"id": name, "name": recipient.name, "organisation": organisation, "folder": recipient.folder}


def _together(recipients: list[dict[str, str]]) -> dict[str, str]:
    """One recipient, or several in one line each."""
    named = ("id", "name", "organisation", "folder")
    return {key: ", ".join(dict.fromkeys(r[key] for r in recipients)) for key in named}


def _basis(request: Request) -> dict[str, str]:
    legal = request.legal
    return {
        "article_6": legal.article_6.value,
        "article_9": legal.article_9.value if legal.article_9 else "",
        "schedule_1": f"paragraph {legal.schedule_1_paragraph}" if legal.schedule_1_paragraph else "",
    }


def _onward(request: Request, gateway: Gateway) -> str:
    if request.onward_sharing.authority_ref and gateway.onward_sharing is OnwardSharing.WITH_AUTHORITY:
        return f"Only as authorised by {gateway.authority} ({request.onward_sharing.authority_ref})."
    if gateway.onward_sharing is OnwardSharing.WITH_AUTHORITY:
        return f"Forbidden without the authority of {gateway.authority}."
    return "Forbidden."
