"""Do the signatures on a decision hold, now? Asked afresh whenever somebody looks, by the code that gates use.

Rules:
1. A signature holds if ssh-keygen verifies it at the time that was recorded, by the list of signers as it is today, and
   it is by whom the register says.
2. The ledger tells of it at that time, too: a row that was put into the register past the software does not hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from extracts.agreement.signers import NAMESPACES
from extracts.errors import ExtractsError, SignatureInvalid
from extracts.record.entries import SignatureEntry
from extracts.record.transaction import Reading
from extracts.steps import signers
from extracts.steps.decided import Signed
from extracts.steps.recorded import SIGNED, must_be_told

if TYPE_CHECKING:
    from extracts.steps.workplace import Workplace


@dataclass(frozen=True)
class Verified:
    """One signature, or the want of one. `problem` is empty if it holds; `signed_by` if nobody signed."""

    role: str
    signed_by: str = ""
    recorded_at: datetime | None = None
    problem: str = ""


def verify_signatures(work: Workplace, view: Reading, signed: Signed) -> tuple[Verified, ...]:
    """Each role's signature on a decision, verified now; a role that has not signed is told too."""
    by_namespace = {s.namespace: s for s in signed.signatures}
    return tuple(
        _verified(work, view, signed, role.value, by_namespace[namespace])
        if namespace in by_namespace
        else Verified(role.value)
        for role, namespace in NAMESPACES.items()
    )


def _verified(work: Workplace, view: Reading, signed: Signed, role: str, entry: SignatureEntry) -> Verified:
    decision = signed.decision
    try:
        found = signers.judge(work, decision.canonical(), entry.signature, entry.namespace, entry.recorded_at)
        if found.principal != entry.principal:
            raise SignatureInvalid(f"The register names {entry.principal}, but the key is {found.principal}'s.")
        told = {"decision_digest": decision.digest, "role": role}
        must_be_told(view, decision.request_id, entry, SIGNED, told)
    except ExtractsError as error:
        return Verified(role, entry.principal, entry.recorded_at, str(error))
    return Verified(role, entry.principal, entry.recorded_at)
