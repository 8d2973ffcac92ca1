"""Whose move it is on a request that waits, in words. Pure.

Rules:
1. A request that was returned waits for its requester, whoever signed what.
2. Whoever signed a decision waits for the other. If both signed, and not the same, they have to agree.
3. A counter-offer may be accepted at any time while the request is open; those who decide need not wait for that.
"""

from __future__ import annotations

from collections.abc import Collection

from extracts.agreement.status import Status
from extracts.catalogue.people import Role

WAITING = (Status.SUBMITTED, Status.IN_REVIEW, Status.RETURNED)
_OTHER = {Role.BOARD: Role.CONTROLLER, Role.CONTROLLER: Role.BOARD}


def whose_move(status: str, signed: Collection[Role], offered: bool) -> str:
    """Who is waited for, and for what; empty for a request that waits for nobody.

    `signed`: the roles with a signature on a decision that is not complete. `offered`: a counter-offer was made.
    """
    if status not in WAITING:
        return ""
    if status == Status.RETURNED:
        return f"The requester: {_or_accept('answer with a new version', offered)}, or withdraw it."
    return f"{_deciders(signed)}{' The requester may accept the counter-offer meanwhile.' if offered else ''}"


def _or_accept(answer: str, offered: bool) -> str:
    return f"{answer}, accept the counter-offer" if offered else answer


def _deciders(signed: Collection[Role]) -> str:
    if not signed:
        return "The Board and the Controller: neither has signed."
    if len(signed) > 1:
        return "The Board and the Controller: each has signed another decision."
    (role,) = signed
    return f"The {_OTHER[role].title()}: the {role.title()} has signed a decision, which takes both signatures."
