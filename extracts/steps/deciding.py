"""What a decider does at a page: draw up what is to be signed. They sign with their own key, on their own machine.

Rules:
1. Whoever draws up holds the role of Board or Controller on that day, and did not ask for the request.
2. The document is the one that `extracts decide --print` would make of the same terms; what waits with these very terms
   is used again. It is kept as a draft, which moves nothing.
3. What is refused is told to the ledger.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from extracts.agreement.decision import Decision
from extracts.agreement.drawing_up import Terms
from extracts.agreement.signers import NAMESPACES
from extracts.catalogue.people import Principal, Role
from extracts.errors import NotPermitted
from extracts.steps.actor import acting_as
from extracts.steps.drafting import Draft, keep_draft, to_be_signed
from extracts.steps.requests import stored_request
from extracts.steps.turned_away import told_if_refused

if TYPE_CHECKING:
    from extracts.steps.workplace import Workplace

TURNED_DOWN = "draft.refused"


def draw_up_by(work: Workplace, request_id: str, terms: Terms, refused: tuple[str, ...], name: str) -> Decision:
    """The document with these terms, kept to be signed. `name`: who draws it up, by principal or user name.

    Raises NotPermitted, PlanRefused, Refused once that is in the ledger; UsageError for terms that do not fit.
    """
    with told_if_refused(work, TURNED_DOWN, request_id, name, outcome=terms.outcome.value):
        decider = decider_named(work, name)
        entry = stored_request(work, request_id)
        if work.parties.person(entry.requester_name) == decider.person:
            raise NotPermitted(f"{decider.id} asked for {request_id} and cannot decide on it.")
        drawn = to_be_signed(work, request_id, terms, refused)
        return keep_draft(work, drawn, acting_as(name, decider.id)) if isinstance(drawn, Draft) else drawn


def decider_named(work: Workplace, name: str) -> Principal:
    """The declared decider of this name. Raises NotPermitted if there is none today."""
    found = work.parties.principal(name)
    if found is None or not roles_of(work, found):
        raise NotPermitted(
            f"{name} decides on nothing: only Board and Controller do.",
            advice="Roles are declared in parties.yaml; ask its keeper.",
        )
    return found


def roles_of(work: Workplace, principal: Principal) -> tuple[Role, ...]:
    """The deciding roles that somebody holds today."""
    return tuple(role for role in NAMESPACES if principal.has_role(role, work.today()))
