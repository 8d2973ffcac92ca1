"""Publishes agreements: one signed JSON file each, in the folder that the DAGs read, whole or not at all.

Rules:
1. The register decides; the file tells. Publishing again writes the same file, so a process that died between the
   decision and the file is made good by doing it again (`publish_missing`).
2. The agreement's pseudonym key is made here, before anything can run, and never travels in the file.
3. Publishers of one folder take turns, each reading the register after it got its turn: no older file comes after a
   newer one.
4. A key is made once: the ledger remembers that it was. One that is lost stays lost until somebody restores or replaces
   it. What is revoked or withdrawn has none: it is retired here, also if the process that ended it died before.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from extracts import signing
from extracts.agreement.approval import published_document
from extracts.agreement.assessment import assessment_from_document
from extracts.agreement.decision import OrderKind, decision_from_document, order_from_document
from extracts.agreement.plan import plan_from_document
from extracts.agreement.request import request_from_document
from extracts.agreement.status import Status
from extracts.catalogue.contract import Identifiability
from extracts.errors import ApprovalMissing, ExtractsError, KeyLost, TechnicalFailure
from extracts.record import ledger, register
from extracts.record.transaction import Reading, reading, unit_of_work
from extracts.steps import keys
from extracts.steps.in_force import ENDED_FOR_GOOD, ONCE_APPROVED, decision_in_force

if TYPE_CHECKING:
    from extracts.steps.workplace import Workplace


def publish_agreement(work: Workplace, request_id: str, actor: str) -> None:
    """Write the agreement's file as the register has it now. Raises ApprovalMissing if there is none in force."""
    with _one_at_a_time(work.places.published):
        document = current_document(work, request_id)
        ended = document["withdrawn_at"] or any(o["order"]["kind"] == OrderKind.REVOKE for o in document["orders"])
        if not ended and _needs_key(document):
            document["key"] = {"id": _key_id(work, request_id, actor)}
        _key_id(work, keys.MEMBERSHIP, actor)
        changed = _write(work, request_id, document)
        if ended:
            keys.retire_key(work.places.keys, request_id)
    if changed:
        now = work.now()
        with unit_of_work(work.register) as unit:
            decision = document["decision"]
            unit.event(now, "agreement.published", request_id, actor, {"plan_digest": decision["plan_digest"]})


def publish_in_force(work: Workplace, request_id: str, actor: str, status: Status) -> None:
    """Publish what was just saved. Raises TechnicalFailure, saying that it is in force, if there can be no file."""
    try:
        publish_agreement(work, request_id, actor)
    except (ExtractsError, OSError) as error:
        raise TechnicalFailure(
            f"{request_id} is {status} from now on, but its published file could not be brought up to date "
            f"({type(error).__name__}).",
            advice="There is nothing to sign again. Nothing runs until the file is written: `extracts publish`.",
        ) from None


def publish_missing(work: Workplace, actor: str) -> list[str]:
    """Publish every agreement of the register whose file is missing or older; the ids of those published."""
    with reading(work.register) as view:
        decided = {r.request_id for r in register.list_requests(view, statuses=ONCE_APPROVED)}
        wanted = [r for r in decided if decision_in_force(view, r)]  # one that was withdrawn before has none
    done = []
    for request_id in sorted(wanted):
        path = work.places.published / f"{request_id}.json"
        before = path.read_bytes() if path.exists() else b""
        publish_agreement(work, request_id, actor)
        if path.read_bytes() != before:
            done.append(request_id)
    return done


def current_document(work: Workplace, request_id: str) -> dict[str, Any]:
    """The published document of an agreement, made from the register. Raises ApprovalMissing."""
    with reading(work.register) as view:
        decision = decision_in_force(view, request_id)
        if decision is None:
            raise ApprovalMissing(
                f"{request_id} has no decision in force.", advice="See `extracts request show` for where it stands."
            )
        entry = register.get_request(view, request_id, decision.version)
        signatures = {s.namespace: s for s in register.signatures(view, decision.digest)}
        assessed = str(decision.document["assessment_digest"])
        assessment = register.get_assessment(view, request_id, entry.version, assessed)
        history = register.status_history(view, request_id, entry.version)
        orders = [
            (order_from_document(o.document), register.signatures(view, o.digest)[0])
            for o in register.list_orders(view, request_id)
            if o.decision_digest == decision.digest
        ]
    request = request_from_document(dict(entry.document))
    return published_document(
        request=request,
        parties=work.parties,
        datasets=work.datasets,
        decision=decision_from_document(decision.document),
        plan=plan_from_document(decision.plan),
        assessment=assessment_from_document(assessment.document),
        board=_one(signatures, signing.DECISION_BOARD),
        controller=_one(signatures, signing.DECISION_CONTROLLER),
        orders=[(order, s.signature, s.recorded_at) for order, s in orders],
        withdrawn_at=next((h.at for h in history if h.to_status == Status.WITHDRAWN), None),
    )


def _one(signatures: dict[str, Any], namespace: str) -> tuple[str, Any]:
    found = signatures[namespace]
    return found.signature, found.recorded_at


def _key_id(work: Workplace, owner: str, actor: str) -> str:
    """The id of a key, which is made unless it was before; empty if it is lost: a run then says so."""
    if not _was_made(work, owner):
        key_id, now = keys.make_key(work.places.keys, owner), work.now()
        with unit_of_work(work.register) as unit:
            unit.event(now, "key.made", owner, actor, {"key": key_id})
        return key_id
    try:
        return keys.load_key(work.places.keys, owner).key_id
    except KeyLost:
        return ""


def _was_made(work: Workplace, owner: str) -> bool:
    """Whether the key was made, and not retired since."""
    with reading(work.register) as view:
        ended = max(_newest(view, owner, f"agreement.{status}") for status in ENDED_FOR_GOOD)
        return _newest(view, owner, "key.made") > ended


def _newest(view: Reading, subject: str, kind: str) -> int:
    found = list(ledger.events(view.connection, subject=subject, kind=kind, limit=1, newest_first=True))
    return found[0].sequence if found else 0


def _needs_key(document: dict[str, Any]) -> bool:
    plan = document["plan"]
    columns = [c for d in plan["datasets"] for c in d["columns"]]
    pseudonymises = any(c["treatment"].startswith("pseudonymise@") for c in columns)
    return pseudonymises or plan["identifiability"] == Identifiability.PSEUDONYMISED


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _write(work: Workplace, request_id: str, document: dict[str, Any]) -> bool:
    """Replace the file in one step; False if it says this already."""
    folder = work.places.published
    path = folder / f"{request_id}.json"
    data = json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False).encode()
    if path.exists() and path.read_bytes() == data:
        return False
    temporary = folder / f".{request_id}.{os.getpid()}"
    with temporary.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)
    return True
