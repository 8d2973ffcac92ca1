"""The one table of statuses: from where to where a request can go, by which step, and who may take it.

Commands, the documentation's diagram and the tests of every pair come from `TRANSITIONS`.

Rules:
1. "May this person?" is answered before "is it possible now?".
2. A draft is the requester's own file; the register holds a request from its submission on.
3. A version that was refused, withdrawn, revoked or has expired is over; one that was returned waits for an answer.
   Going on is a new version, which starts as a draft.
4. The first signature on a decision takes a request into review. An approval or refusal needs both signatures and is
   the Controller's; a return asks for more and closes nothing, so one signature does.
5. A requester may end what they asked for at any time, also an agreement that runs.
6. Nobody but the clock lets an agreement expire, and the clock does nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from extracts.catalogue.people import Role
from extracts.errors import IllegalTransition, NotPermitted


class Status(StrEnum):
    """Where a version of a request stands."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    IN_REVIEW = "in review"
    RETURNED = "returned"
    APPROVED = "approved"
    REFUSED = "refused"
    SUSPENDED = "suspended"
    EXPIRED = "expired"
    REVOKED = "revoked"
    WITHDRAWN = "withdrawn"


CLOCK = "clock"


@dataclass(frozen=True)
class Transition:
    """One step. `who` are roles; the clock is the passing of the last day of validity."""

    source: Status
    verb: str
    target: Status
    who: tuple[Role | str, ...]


_DECIDERS = (Role.BOARD, Role.CONTROLLER)
TRANSITIONS = (
    Transition(Status.DRAFT, "submit", Status.SUBMITTED, (Role.REQUESTER,)),
    Transition(Status.SUBMITTED, "review", Status.IN_REVIEW, _DECIDERS),
    Transition(Status.SUBMITTED, "withdraw", Status.WITHDRAWN, (Role.REQUESTER,)),
    Transition(Status.IN_REVIEW, "return", Status.RETURNED, _DECIDERS),
    Transition(Status.IN_REVIEW, "approve", Status.APPROVED, (Role.CONTROLLER,)),
    Transition(Status.IN_REVIEW, "refuse", Status.REFUSED, (Role.CONTROLLER,)),
    Transition(Status.IN_REVIEW, "withdraw", Status.WITHDRAWN, (Role.REQUESTER,)),
    Transition(Status.RETURNED, "withdraw", Status.WITHDRAWN, (Role.REQUESTER,)),
    Transition(Status.APPROVED, "suspend", Status.SUSPENDED, _DECIDERS),
    Transition(Status.APPROVED, "revoke", Status.REVOKED, (Role.CONTROLLER,)),
    Transition(Status.APPROVED, "withdraw", Status.WITHDRAWN, (Role.REQUESTER,)),
    Transition(Status.APPROVED, "expire", Status.EXPIRED, (CLOCK,)),
    Transition(Status.SUSPENDED, "resume", Status.APPROVED, (Role.CONTROLLER,)),
    Transition(Status.SUSPENDED, "revoke", Status.REVOKED, (Role.CONTROLLER,)),
    Transition(Status.SUSPENDED, "withdraw", Status.WITHDRAWN, (Role.REQUESTER,)),
    Transition(Status.SUSPENDED, "expire", Status.EXPIRED, (CLOCK,)),
)
VERBS = tuple(dict.fromkeys(t.verb for t in TRANSITIONS))
GOES_ON_AS_NEW_VERSION = (Status.RETURNED, Status.REFUSED, Status.EXPIRED, Status.REVOKED, Status.WITHDRAWN)


def transition(status: Status, verb: str, role: Role | str) -> Status:
    """The status after `role` does `verb`. Raises NotPermitted if the role may not; IllegalTransition if not now."""
    who = {r for t in TRANSITIONS if t.verb == verb for r in t.who}
    if who and role not in who:
        raise NotPermitted(f"The {role} may not {verb} a request.", advice=f"Ask the {_either(who)}.")
    here = [t for t in TRANSITIONS if t.source is status and t.verb == verb]
    if not here:
        raise IllegalTransition(f"A request that is {status} cannot be {_done(verb)}.", advice=_advice(status))
    if role not in here[0].who:
        message = f"The {role} may not {verb} a request that is {status}."
        raise NotPermitted(message, advice=f"Ask the {_either(set(here[0].who))}.")
    return here[0].target


def next_steps(status: Status) -> tuple[Transition, ...]:
    """Every step that is possible from here: whose move it is."""
    return tuple(t for t in TRANSITIONS if t.source is status)


def diagram() -> str:
    """The table as a Mermaid state diagram."""
    names = [f"    {_id(s)} : {s.value}" for s in Status]
    steps = [f"    {_id(t.source)} --> {_id(t.target)} : {t.verb} ({_either(set(t.who))})" for t in TRANSITIONS]
    over = [f"    {_id(s)} --> [*]" for s in Status if not next_steps(s)]
    return "\n".join(["stateDiagram-v2", *names, f"    [*] --> {_id(Status.DRAFT)}", *steps, *over]) + "\n"


def _id(status: Status) -> str:
    return status.value.replace(" ", "_")


def _either(who: set[Role | str]) -> str:
    return " or ".join(sorted(str(role) for role in who))


def _advice(status: Status) -> str:
    steps = [f"{t.verb} ({_either(set(t.who))})" for t in next_steps(status)]
    possible = f"Possible now: {', '.join(steps)}." if steps else "It is over."
    return f"{possible} Going on is a new version of the request." if status in GOES_ON_AS_NEW_VERSION else possible


def _done(verb: str) -> str:
    return {"submit": "submitted", "withdraw": "withdrawn", "review": "reviewed"}.get(verb, f"{verb.rstrip('e')}ed")
