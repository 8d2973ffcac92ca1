"""Who may sign a decision or an order: roles, delegations, and never on one's own request. Pure.

Rules:
1. "May this person?" comes first: a declared principal, holding the role on the day of signing.
2. Nobody decides on their own request, and nobody signs twice: a person with two names, and a key under two names,
   count once.
3. The Controller signs under the delegation that the decision names, as far as it reaches. No service signs decisions.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from extracts import signing
from extracts.agreement.decision import Decision, Order, OrderKind
from extracts.agreement.plan import ExtractPlan
from extracts.agreement.status import TRANSITIONS
from extracts.catalogue.parties import Parties
from extracts.catalogue.people import Delegation, Role
from extracts.errors import NotPermitted
from extracts.signing import Signature

NAMESPACES = {Role.BOARD: signing.DECISION_BOARD, Role.CONTROLLER: signing.DECISION_CONTROLLER}


def check_signer(
    found: Signature,
    role: Role,
    decision: Decision,
    parties: Parties,
    *,
    requester: str,
    on: date,
    others: Collection[tuple[str, str]] = (),
    plan: ExtractPlan | None = None,
) -> None:
    """Raises NotPermitted unless this verified signer may decide in this role on this day.

    `others`: (principal, key fingerprint) of whoever signed already. `plan`: to see how far the delegation reaches.
    """
    if role not in NAMESPACES:
        raise NotPermitted(f"Nobody decides as {role}.", advice="Decisions are signed by Board and Controller.")
    _check_role(found.principal, role, parties, on, decision.request_id)
    if parties.person(found.principal) == parties.person(requester):
        raise NotPermitted(
            f"{found.principal} asked for {decision.request_id} and cannot decide on it.", advice="Ask another signer."
        )
    if role is Role.CONTROLLER:
        check_delegation(found, decision, parties, on, plan)
    for principal, fingerprint in others:
        if parties.person(principal) == parties.person(found.principal):
            raise NotPermitted(f"{decision.request_id}: {found.principal} signed already; it takes two people.")
        if fingerprint == found.key_fingerprint:
            raise NotPermitted(f"{decision.request_id}: one key signed for both roles; it takes two keys.")


def check_delegation(
    found: Signature, decision: Decision, parties: Parties, on: date, plan: ExtractPlan | None = None
) -> None:
    """Raises NotPermitted unless the decision's delegation is this signer's, on this day, and reaches the plan."""
    delegation = parties.delegations.get(decision.delegation)
    if delegation is None:
        raise _no_delegation(decision, f"delegation {decision.delegation!r} is not declared")
    if parties.person(delegation.holder) != parties.person(found.principal):
        raise _no_delegation(decision, f"delegation {delegation.id} is not held by {found.principal}")
    if not delegation.valid_from <= on <= delegation.valid_until:
        raise _no_delegation(decision, f"delegation {delegation.id} was not valid on {on}")
    if plan and (beyond := _beyond(delegation, plan)):
        raise _no_delegation(decision, f"delegation {delegation.id} does not reach {beyond}")


def check_orderer(found: Signature, order: Order, parties: Parties, on: date) -> None:
    """Raises NotPermitted unless this verified signer may give this order, by the table of statuses."""
    who = roles_for(order.kind)
    principal = parties.principals.get(found.principal)
    if principal is None or not any(principal.has_role(role, on) for role in who):
        roles = " or ".join(who)
        raise NotPermitted(
            f"{found.principal} may not {order.kind} {order.request_id}.", advice=f"Ask the {roles} for the order."
        )


def roles_for(kind: OrderKind) -> tuple[Role, ...]:
    """The roles that may give an order of this kind, as the table of statuses has it."""
    who = {role for t in TRANSITIONS if t.verb == kind.value for role in t.who if isinstance(role, Role)}
    return tuple(sorted(who))


def _check_role(name: str, role: Role, parties: Parties, on: date, request_id: str) -> None:
    principal = parties.principals.get(name)
    if principal is None:
        raise NotPermitted(f"{request_id}: {name} is not declared as a principal.", advice="Ask the list's keeper.")
    if principal.has_role(Role.SERVICE, on) or not principal.has_role(role, on):
        raise NotPermitted(f"{request_id}: {name} did not hold the role {role} on {on}.", advice=f"Ask a {role}.")


def _beyond(delegation: Delegation, plan: ExtractPlan) -> str:
    limits = delegation.limits
    asked = (
        (plan.identifiability, limits.identifiability, "data"),
        (plan.gateway, limits.gateways, ""),
        *((recipient, limits.recipients, "") for recipient in plan.recipients),
    )
    found = [f"{value} {what}".strip() for value, allowed, what in asked if allowed and value not in allowed]
    if limits.max_rows is not None and plan.limits.max_rows > limits.max_rows:
        found.append(f"{plan.limits.max_rows} rows")
    return ", ".join(found)


def _no_delegation(decision: Decision, why: str) -> NotPermitted:
    return NotPermitted(f"{decision.request_id}: {why}.", advice="Ask a Controller whose delegation covers it.")
