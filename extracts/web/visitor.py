"""Who visits: the user whom Airflow has signed in, as parties.yaml knows them.

Rules:
1. Airflow says who it is; parties.yaml says which person that is, of which body, with which roles today. A user whom it
   does not name may look at what Airflow lets them see, and acts in nothing.
2. Whoever belongs to a body that has no data here, and holds no role beside that of a requester, is an outsider: they
   see their own body's requests and the catalogue, whatever Airflow would let them see.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Annotated

from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import Depends

from extracts.catalogue.people import Principal, Role
from extracts.steps.deciding import roles_of
from extracts.steps.workplace import Workplace
from extracts.web.desk import open_desk

_INSIDERS = (Role.BOARD, Role.CONTROLLER, Role.DATA_PROTECTION_OFFICER, Role.ENGINEER, Role.FORUM)
ROOMS = (("register", "Register"), ("watch", "Watch"), ("public", "Public register"), ("catalogue", "Catalogue"))
_OF_REQUESTERS = (("mine", "Requests"), ("catalogue", "Catalogue"), ("ask", "Ask for data"))


@dataclass(frozen=True)
class Visitor:
    """Somebody signed in. `user`: what Airflow calls them; `principal`: whom parties.yaml declares by it, if anybody.

    `holds_data`: whether their body has data here. `deciding`: the deciding roles that they hold today.
    """

    user: str
    principal: Principal | None
    today: date
    holds_data: bool
    deciding: tuple[Role, ...] = field(default=())

    @property
    def asks(self) -> bool:
        """Whether they may ask for data today."""
        return self.principal is not None and self.principal.has_role(Role.REQUESTER, self.today)

    @property
    def is_outsider(self) -> bool:
        """Whether they are here for another body, and for nothing but its own requests."""
        if self.principal is None or self.holds_data:
            return False
        return not any(self.principal.has_role(role, self.today) for role in _INSIDERS)

    @property
    def is_insider(self) -> bool:
        """Whether they are declared, and see more than what they asked for: what reviewers answer, and briefings."""
        return self.principal is not None and not self.is_outsider

    @property
    def is_of_board(self) -> bool:
        """Whether they are a member of the Board today."""
        return Role.BOARD in self.deciding

    @property
    def organisation(self) -> str:
        """The body that they belong to; empty if they are not declared."""
        return self.principal.organisation if self.principal else ""

    @property
    def rooms(self) -> tuple[tuple[str, str], ...]:
        """The pages that lead to one another, for them."""
        return _OF_REQUESTERS if self.is_outsider else ROOMS


def visitor_at(work: Workplace, user: str) -> Visitor:
    """The user, as this workplace knows them. Raises InvalidDocument."""
    found = work.parties.principal(user)
    holders = {d.controller for d in work.datasets.values()}
    deciding = roles_of(work, found) if found else ()
    return Visitor(user, found, work.today(), bool(found and found.organisation in holders), deciding)


def visitor(user: GetUserDep) -> Visitor:
    """The visitor of a page; whoever is not signed in comes no further than here."""
    return visitor_at(open_desk(), user.get_id())


VisitorDep = Annotated[Visitor, Depends(visitor)]
