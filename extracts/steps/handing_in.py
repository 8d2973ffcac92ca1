"""Takes back a signature that was made elsewhere: one way in for the command line and for the page in Airflow.

Rules:
1. A signature counts for the document that it is over, and for no other: nobody's later draft stands in its way. If
   somebody was shown one document, a signature over another one is refused.
2. If a signer is named, the signature is theirs: whoever is signed in at a page hands in their own and nobody else's.
3. It is then judged and recorded like one that was made here (`decisions.sign_decision`).
4. What is refused is told to the ledger: by whom it was handed in, as what, and why. No private key is ever asked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from extracts.agreement.decision import Decision
from extracts.agreement.signers import NAMESPACES
from extracts.catalogue.people import Role
from extracts.errors import NotFound, NotPermitted, Refused, SignatureInvalid, SignerUnknown, UsageError
from extracts.record import register
from extracts.record.transaction import reading
from extracts.signing import Signature
from extracts.steps.decided import Signed, signed_state
from extracts.steps.decisions import sign_decision
from extracts.steps.signers import judge
from extracts.steps.turned_away import told_if_refused

if TYPE_CHECKING:
    from extracts.steps.workplace import Workplace

TURNED_DOWN = "signature.refused"
_LONGEST = 20_000  # an armoured signature has some 300 to 1,500 characters
_OLDER = 20


@dataclass(frozen=True)
class HandedIn:
    """A signature as it came. `by`: who handed it in, for the record. `signer`: whose it must be, by principal or user
    name; `digest`: over which document; empty: whosever, over whichever waits.
    """

    request_id: str
    role: Role
    signature: str
    by: str
    signer: str = ""
    digest: str = ""


def hand_in(work: Workplace, given: HandedIn) -> Signed:
    """Record a signature that was made elsewhere; the last one puts the decision in force and publishes it.

    Raises NotFound; SignatureInvalid, NotPermitted or Refused once that is in the ledger (see `sign_decision`).
    """
    if given.role not in NAMESPACES:
        raise NotFound(f"Nobody decides as {given.role}.", advice="Decisions are signed as board and as controller.")
    there = _documents(work, given.request_id)
    documents = [s.decision for s in there]
    if not documents:
        raise UsageError(
            f"No decision on {given.request_id} waits for a signature.",
            advice="Draw one up: --print.",
        )
    told = {"role": given.role.value} | ({"decision_digest": given.digest} if given.digest else {})
    with told_if_refused(work, TURNED_DOWN, given.request_id, given.by, **told):
        decision, found = _over(work, documents, given)
        must_be_theirs(work, found, given.signer)
        if given.digest and decision.digest != given.digest:
            raise SignatureInvalid(
                f"This signature is over another decision on {given.request_id} than the one that was shown: "
                f"{decision.digest}, not {given.digest}.",
                advice="Fetch the document from the page again, sign that, and hand in what comes of it.",
            )
        _must_be_new(there, decision, given.role)
        return sign_decision(work, decision, given.role, given.signature)


def must_be_theirs(work: Workplace, found: Signature, signer: str) -> None:
    """Raises NotPermitted if a signer was named and the signature is another person's."""
    if signer and work.parties.person(found.principal) != work.parties.person(signer):
        raise NotPermitted(
            f"This key signs as {found.principal}, not as {signer}.", advice="Everybody hands in their own signature."
        )


def _must_be_new(there: list[Signed], decision: Decision, role: Role) -> None:
    if any(s.decision == decision and s.is_signed_as(role) for s in there):
        raise Refused(
            f"This decision on {decision.request_id} is signed as {role} already; it counts once.",
            advice="It takes the other role's signature, by another person.",
        )


def _documents(work: Workplace, request_id: str) -> list[Signed]:
    """What a signature could be over: what waits comes first, then what is older or signed in full."""
    with reading(work.register) as view:
        newest = register.get_request(view, request_id).version
        found = [signed_state(view, d) for d in register.list_decisions(view, request_id)]
    waiting = [s for s in found if not s.complete and s.decision.request_version == newest]
    rest = [s for s in found if s not in waiting]
    waiting.sort(key=lambda s: -len(s.signatures))
    return [*waiting, *rest[:_OLDER]]


def _over(work: Workplace, documents: list[Decision], given: HandedIn) -> tuple[Decision, Signature]:
    """The document that the signature is over, and by whom. Raises SignatureInvalid, saying what is wrong with it."""
    if len(given.signature) > _LONGEST:
        raise SignerUnknown("What was handed in is too long for a signature.", advice="Hand in the .sig file's text.")
    found, failure = _matching(work, documents, given.signature, NAMESPACES[given.role])
    if found:
        return found
    for namespace in (n for role, n in NAMESPACES.items() if role is not given.role):
        if _matching(work, documents, given.signature, namespace)[0]:
            raise SignatureInvalid(
                f"This was signed in the namespace {namespace}; as {given.role} it is {NAMESPACES[given.role]}.",
                advice="Sign it again with the command that the page shows.",
            )
    raise failure or SignatureInvalid("There is no document that it could be over.")


def _matching(
    work: Workplace, documents: Iterable[Decision], text: str, namespace: str
) -> tuple[tuple[Decision, Signature] | None, SignatureInvalid | None]:
    failure: SignatureInvalid | None = None
    for decision in documents:
        try:
            return (decision, judge(work, decision.canonical(), text, namespace, work.now())), None
        except SignerUnknown as error:
            return None, error  # a key that is not listed is over no document
        except SignatureInvalid as error:
            failure = failure or error
    return None, failure
