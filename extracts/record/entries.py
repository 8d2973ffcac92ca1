"""What the register holds of requests and decisions, as plain frozen values: saved as they are, handed out again.

Rules:
1. A document is a mapping of plain JSON values; its digest is computed here from its canonical form, never taken from
   the caller.
2. Times are aware and in UTC, dates inclusive. Digests are `sha256:...`, empty where there is nothing to name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from extracts.canonical import digest
from extracts.errors import VerificationFailed


@dataclass(frozen=True)
class RequestEntry:
    """One version of a request. Its document never changes once saved; only its status does."""

    request_id: str
    version: int
    title: str
    requester_organisation: str
    requester_name: str
    recipient: str
    status: str
    document: Mapping[str, Any] = field(repr=False)
    submitted_at: datetime

    @property
    def digest(self) -> str:
        """The digest by which decisions name this request."""
        return digest(self.document)

    @property
    def recipients(self) -> tuple[str, ...]:
        """Everybody whom it is for, by id."""
        several = self.document.get("recipients") or ()
        return tuple(sorted(r["recipient"] for r in several)) or (self.recipient,)

    @property
    def expedited(self) -> bool:
        """Whether it asks for the expedited lane."""
        return bool(self.document.get("expedited"))


@dataclass(frozen=True)
class StatusChange:
    """One step in the life of a request; `from_status` of the first is empty."""

    request_id: str
    version: int
    number: int
    from_status: str
    to_status: str
    at: datetime
    actor: str
    comment: str


@dataclass(frozen=True)
class AssessmentEntry:
    """What the policy statement found in one version of a request."""

    request_id: str
    version: int
    policy_version: str
    passed: bool
    document: Mapping[str, Any] = field(repr=False)
    assessed_at: datetime

    @property
    def digest(self) -> str:
        """The digest by which decisions name this assessment."""
        return digest(self.document)


@dataclass(frozen=True)
class DecisionEntry:
    """A decision document (`agreement.decision.Decision.document()`) and the plan document that it binds.

    `plan` is empty if nothing was approved. Raises VerificationFailed if the decision binds another plan.
    """

    document: Mapping[str, Any] = field(repr=False)
    plan: Mapping[str, Any] = field(repr=False)
    recorded_at: datetime

    def __post_init__(self) -> None:
        given = digest(self.plan) if self.plan else ""
        if given != self.plan_digest:
            raise VerificationFailed(
                f"The decision on {self.request_id} binds plan {self.plan_digest or '(none)'}, "
                f"but it came with plan {given or '(none)'}.",
                advice="Make the plan again from the request as it was decided.",
            )

    @property
    def digest(self) -> str:
        """The digest by which deliveries and the ledger name this decision."""
        return digest(self.document)

    @property
    def request_id(self) -> str:
        """The request that was decided."""
        return str(self.document["request_id"])

    @property
    def version(self) -> int:
        """The version of the request that was decided."""
        return int(self.document["request_version"])

    @property
    def outcome(self) -> str:
        """What was decided."""
        return str(self.document["outcome"])

    @property
    def plan_digest(self) -> str:
        """The plan that this decision covers; empty if nothing was approved."""
        return str(self.document["plan_digest"])

    @property
    def valid_from(self) -> date | None:
        """First day in force."""
        return _day(self.document.get("valid_from"))

    @property
    def valid_until(self) -> date | None:
        """Last day in force."""
        return _day(self.document.get("valid_until"))


@dataclass(frozen=True)
class SignatureEntry:
    """A verified signature; `recorded_at` is when it was first seen, the time at which it is judged ever after."""

    document_digest: str
    namespace: str
    principal: str
    key_fingerprint: str
    signature: str = field(repr=False)
    recorded_at: datetime


@dataclass(frozen=True)
class OrderEntry:
    """An order document (`agreement.decision.Order.document()`)."""

    document: Mapping[str, Any] = field(repr=False)
    recorded_at: datetime

    @property
    def digest(self) -> str:
        """The digest of what was signed."""
        return digest(self.document)

    @property
    def request_id(self) -> str:
        """The request whose agreement is suspended, resumed or revoked."""
        return str(self.document["request_id"])

    @property
    def number(self) -> int:
        """Counts from 1 per request."""
        return int(self.document["number"])

    @property
    def kind(self) -> str:
        """suspend, resume or revoke."""
        return str(self.document["kind"])

    @property
    def decision_digest(self) -> str:
        """The decision that it is about."""
        return str(self.document["decision_digest"])


def _day(value: Any) -> date | None:
    return date.fromisoformat(value) if value else None
