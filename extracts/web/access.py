"""Who may see a page: whoever may see the runs of the agreement's DAG in Airflow; and requesters, of their own body's.

Rules:
1. Airflow itself says who a visitor is (`get_user`) and what they may see. An outsider (`visitor`) sees less: the
   request, its plan and its answer's page of their own body's requests, and no page over several agreements.
2. An address that names no agreement in a form that we make is not found: it never becomes a path.
3. A page over several agreements is for those who may see every DAG and every run: a request that was never approved
   has no DAG, so who may see it cannot be asked one by one. Where Airflow is shared between teams that question has no
   answer, and such pages stay closed (docs/adr/0025).
4. Whoever is turned away is told to the ledger, by name; whoever is not signed in, once an hour, for a stranger must
   not be able to fill it.
"""

from __future__ import annotations

import logging
import re
from datetime import UTC, datetime, timedelta
from typing import NoReturn

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.models.resource_details import DagDetails
from airflow.api_fastapi.core_api.security import DagAccessEntity, GetUserDep, requires_access_dag
from airflow.configuration import conf
from fastapi import HTTPException, Request

from extracts.errors import ExtractsError, NotFound, NotPermitted
from extracts.record import register
from extracts.record.transaction import reading
from extracts.scheduling.facts import REQUEST_ID, dag_id_of, request_id_of
from extracts.steps.turned_away import note_refusal
from extracts.web.desk import open_desk
from extracts.web.visitor import Visitor, VisitorDep

DELIVERY_ID = re.compile(
    r"(?P<request>[A-Za-z0-9][A-Za-z0-9_-]{0,80})\.[0-9][0-9QW-]{3,9}(\.[a-z0-9-]{1,80})?\.r[1-9][0-9]{0,4}"
)
RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:+~-]{0,180}")


def is_named(request: Request) -> None:
    """Passes an address whose parts have the form of our ids. Raises NotFound."""
    request_id_in(request.path_params)


def may_read(request: Request, user: GetUserDep, visitor: VisitorDep) -> None:
    """Passes whoever may see the runs of the DAG that the address names, and requesters of the same body. Raises 403,
    NotPermitted."""
    request_id = request_id_in(request.path_params)
    if visitor.is_outsider:
        if _route(request) not in _OF_REQUESTERS:
            turn_away(request, visitor.user, "not for requesters", NOT_YOURS)
        if not _is_their_own(visitor, request_id):
            turn_away(request, visitor.user, "another body's request", NOT_YOURS)
        return
    try:
        requires_access_dag("GET", DagAccessEntity.RUN, dag_id_of(request_id))(request, user)
    except HTTPException:
        note_turned_away(request, visitor.user, "Airflow does not let them see its runs")
        raise


def may_read_everything(request: Request, user: GetUserDep, visitor: VisitorDep) -> None:
    """Passes whoever may see every DAG, and the runs of every DAG. Raises NotPermitted."""
    alone = not conf.getboolean("core", "multi_team", fallback=False)
    if visitor.is_outsider or not (alone and _sees_every_dag(user)):
        turn_away(request, visitor.user, "Airflow does not let them see all", _NOT_ALL)


def may_decide(request: Request, visitor: VisitorDep) -> None:
    """Passes whoever holds a deciding role today. Raises NotPermitted."""
    if not visitor.deciding:
        turn_away(request, visitor.user, "holds no deciding role", _NO_DECIDER)


def may_ask(request: Request, visitor: VisitorDep) -> None:
    """Passes whoever is a requester today. Raises NotPermitted."""
    if not visitor.asks:
        turn_away(request, visitor.user, "is no requester", _NO_REQUESTER)


def turn_away(request: Request, user: str, reason: str, said: tuple[str, str]) -> NoReturn:
    """Tells the ledger, and raises NotPermitted with what is `said`: message and advice."""
    note_turned_away(request, user, reason)
    raise NotPermitted(said[0], advice=said[1])


def note_turned_away(request: Request, user: str, reason: str) -> None:
    """Tells the ledger who was turned away from what. What cannot be recorded is logged, and refused all the same."""
    told: dict[str, object] = {"page": _route(request), "method": request.method, "reason": reason}
    try:
        note_refusal(open_desk(), TURNED_AWAY, _subject(request), user, told)
    except ExtractsError as error:
        logging.getLogger(__name__).warning("A refusal could not be recorded: %s", error)


class Strangers:
    """Tells the ledger of visitors without a sign-in, at most once an hour for each server process."""

    def __init__(self) -> None:
        self._next = datetime.min.replace(tzinfo=UTC)

    def note(self, request: Request) -> None:
        """Tell of this one, unless the hour has its event."""
        now = datetime.now(UTC)
        if now >= self._next:
            self._next = now + timedelta(hours=1)
            note_turned_away(request, "nobody signed in", "not signed in")


TURNED_AWAY = "page.refused"
_ANY_DAG = "(every DAG)"
_OF_REQUESTERS = ("/request/{request_id}", "/plan/{request_id}", "/answer/{request_id}")
NOT_YOURS = (
    "This page is not open to you: requesters see their own body's requests.",
    "Your requests are listed under Requests.",
)
_NOT_ALL = (
    "This page is about every agreement, and Airflow does not let you see all of them.",
    "The page of one agreement is a tab of its DAG. For all, ask for the forum's role in Airflow.",
)
_NO_DECIDER = ("Only Board and Controller decide: this page is theirs.", "Roles are declared in parties.yaml.")
_NO_REQUESTER = ("Only declared requesters ask for data.", "Ask the keeper of parties.yaml to declare you.")


def _sees_every_dag(user: BaseUser) -> bool:
    """Asked of Airflow by an id that no DAG can have, so that a right to some DAGs does not answer for all of them.

    Without an id, FAB asks only whether there is any DAG that they may list; and about runs alone it does not ask
    about DAGs at all.
    """
    manager = get_auth_manager()
    return all(
        manager.is_authorized_dag(method="GET", access_entity=entity, details=DagDetails(id=_ANY_DAG), user=user)
        for entity in (None, DagAccessEntity.RUN)
    )


def _route(request: Request) -> str:
    """The address with its parts unnamed."""
    route = request.scope.get("route")
    return str(getattr(route, "path", "")) or "unknown"


def _subject(request: Request) -> str:
    try:
        return request_id_in(dict(request.path_params))
    except NotFound:
        return "pages"


def _is_their_own(visitor: Visitor, request_id: str) -> bool:
    """Whether a requester's own body asked for it. What there is not is nobody's."""
    try:
        with reading(open_desk().register) as view:
            entry = register.get_request(view, request_id)
    except NotFound:
        return False
    return visitor.asks and entry.requester_organisation == visitor.organisation


def request_id_in(parameters: dict[str, str]) -> str:
    """The agreement that the parts of an address name. Raises NotFound."""
    if "delivery_id" in parameters:
        match = DELIVERY_ID.fullmatch(parameters["delivery_id"])
        found = match["request"] if match else None
    elif "dag_id" in parameters:
        found = request_id_of(parameters["dag_id"])
    else:
        found = parameters.get("request_id")
    run_id = parameters.get("run_id")
    if found is None or not REQUEST_ID.fullmatch(found) or (run_id is not None and not RUN_ID.fullmatch(run_id)):
        raise NotFound("There is no such agreement, run or delivery.")
    return found
