"""What Airflow needs to know of a published agreement: read from its file, judged by nobody here.

Rules:
1. A file that is no published agreement is refused with the reason; its neighbours are not affected.
2. Nothing here is trusted: a person who edits the file changes what Airflow shows, and every gate then refuses to run.
3. Reading is light (JSON and plain values), for it happens whenever Airflow parses, and before every task.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from extracts.errors import InvalidDocument, Problem

FORMAT = "governed-extracts/agreement/1"
MAX_BYTES = 8 << 20
REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,80}", re.ASCII)
_DAG_PREFIX = "extract__"


class Standing(StrEnum):
    """Where an agreement stands, going by its file and the calendar; also its DAG's tag where it is not in force."""

    IN_FORCE = "in force"
    SUSPENDED = "suspended"
    CLOSED = "closed"


@dataclass(frozen=True)
class AgreementFacts:
    """One published agreement. `document` is the whole file; dates are inclusive, `schedule` is the plan's text.

    `in_force_from`: when both signatures were there (aware). What was due before was never due.
    """

    request_id: str
    title: str
    schedule: str
    first_day: date
    last_day: date
    in_force_from: datetime
    document: Mapping[str, Any]

    @property
    def dag_id(self) -> str:
        """Stays over versions and renewals, so that the history is one."""
        return dag_id_of(self.request_id)

    @property
    def plan(self) -> Mapping[str, Any]:
        """The plan that was signed, as plain values."""
        found: Mapping[str, Any] = self.document["plan"]
        return found

    @property
    def recipients(self) -> tuple[str, ...]:
        """Everybody who gets something, by id."""
        division = self.plan.get("division")
        return tuple(s["recipient"] for s in division["shares"]) if division else (str(self.plan["recipient"]),)

    @property
    def request(self) -> Mapping[str, Any]:
        """Who asked, for what, under which power."""
        found: Mapping[str, Any] = self.document["request"]
        return found

    @property
    def decision(self) -> Mapping[str, Any]:
        """What was decided."""
        found: Mapping[str, Any] = self.document["decision"]
        return found

    def last_order(self) -> Mapping[str, Any] | None:
        """The latest order to suspend, resume or revoke; None if there never was one."""
        orders = [entry["order"] for entry in self.document.get("orders", ())]
        return max(orders, key=lambda order: int(order["number"]), default=None)

    @property
    def withdrawn_at(self) -> str:
        """When its requester ended it; empty if nobody did."""
        return str(self.document.get("withdrawn_at") or "")

    def standing(self, today: date) -> Standing:
        """Where it stands on this day. Revoked or withdrawn is for good; a suspension lasts until it is resumed."""
        kinds = {entry["order"]["kind"] for entry in self.document.get("orders", ())}
        last = self.last_order()
        if "revoke" in kinds or self.withdrawn_at or today > self.last_day:
            return Standing.CLOSED
        return Standing.SUSPENDED if last is not None and last["kind"] == "suspend" else Standing.IN_FORCE


def dag_id_of(request_id: str) -> str:
    """`extract__SDDSB-2026-014`."""
    return _DAG_PREFIX + request_id


def request_id_of(dag_id: str) -> str | None:
    """The agreement of a DAG; None if the DAG is none of ours."""
    request_id = dag_id.removeprefix(_DAG_PREFIX)
    ours = dag_id.startswith(_DAG_PREFIX) and REQUEST_ID.fullmatch(request_id)
    return request_id if ours else None


def read_facts(path: Path) -> AgreementFacts:
    """The agreement in `<request id>.json`. Raises InvalidDocument, saying what is wrong with the file."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise _refused(path, "file", f"is larger than {MAX_BYTES} bytes")
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise _refused(path, "file", f"cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError):
        raise _refused(path, "file", "is not JSON") from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise _refused(path, "format", f"is not {FORMAT}")
    try:
        return _facts(path, document)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        field = str(error.args[0]) if isinstance(error, KeyError) and error.args else "document"
        raise _refused(path, field, "is missing or not what a published agreement has there") from None


def _facts(path: Path, document: Mapping[str, Any]) -> AgreementFacts:
    request, plan, decision = document["request"], document["plan"], document["decision"]
    if request["id"] != path.stem or plan["request_id"] != path.stem or not REQUEST_ID.fullmatch(path.stem):
        raise _refused(path, "request.id", "is not the name of the file")
    valid_from, valid_until = decision.get("valid_from"), decision.get("valid_until")
    ends = [plan["end_on"], *([valid_until] if valid_until else [])]
    starts = [plan["start_on"], *([valid_from] if valid_from else [])]
    facts = AgreementFacts(
        request_id=path.stem,
        title=str(request.get("title") or path.stem),
        schedule=str(plan["schedule"]),
        first_day=max(date.fromisoformat(day) for day in starts),
        last_day=min(date.fromisoformat(day) for day in ends),
        in_force_from=max(datetime.fromisoformat(signed["recorded_at"]) for signed in _signed(document)),
        document=document,
    )
    if facts.in_force_from.tzinfo is None:
        raise _refused(path, "signatures", "were recorded at a time without a zone")
    facts.standing(facts.first_day)  # an order that cannot be read is found here, and not in the middle of a DAG
    return facts


def _signed(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [document["signatures"][role] for role in ("board", "controller")]


def _refused(path: Path, field: str, message: str) -> InvalidDocument:
    advice = "Publish the agreement again; until then nothing runs."
    return InvalidDocument(path.name, [Problem(field, message)], advice=advice)
