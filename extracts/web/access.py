"""Who may see a page: whoever may see the runs of the agreement's DAG in Airflow, and nobody else.

Rules:
1. Airflow itself says who a visitor is (`get_user`) and what they may see; nothing is decided by names or roles here.
2. An address that names no agreement in a form that we make is not found: it never becomes a path.
3. A page over several agreements is for those who may see every DAG and every run: a request that was never approved
   has no DAG, so who may see it cannot be asked one by one. Where Airflow is shared between teams that question has no
   answer, and such pages stay closed (docs/adr/0025).
"""

from __future__ import annotations

import re

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.core_api.security import DagAccessEntity, GetUserDep, requires_access_dag
from airflow.configuration import conf
from fastapi import Request

from extracts.errors import NotFound, NotPermitted
from extracts.scheduling.facts import REQUEST_ID, dag_id_of, request_id_of

DELIVERY_ID = re.compile(r"(?P<request>[A-Za-z0-9][A-Za-z0-9_-]{0,80})\.[0-9][0-9QW-]{3,9}\.r[1-9][0-9]{0,4}")
RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:+~-]{0,180}")


def is_named(request: Request) -> None:
    """Passes an address whose parts have the form of our ids. Raises NotFound."""
    request_id_in(request.path_params)


def may_read(request: Request, user: GetUserDep) -> None:
    """Passes whoever may see the runs of the DAG that the address names. Raises 403."""
    dag_id = dag_id_of(request_id_in(request.path_params))
    requires_access_dag("GET", DagAccessEntity.RUN, dag_id)(request, user)


def may_read_everything(user: GetUserDep) -> None:
    """Passes whoever may see every DAG, and the runs of every DAG. Raises NotPermitted."""
    manager, alone = get_auth_manager(), not conf.getboolean("core", "multi_team", fallback=False)
    asked = (None, DagAccessEntity.RUN)  # the second one alone does not ask about DAGs in every auth manager
    if not (alone and all(manager.is_authorized_dag(method="GET", access_entity=e, user=user) for e in asked)):
        raise NotPermitted(
            "This page is about every agreement, and Airflow does not let you see all of them.",
            advice="The page of one agreement is a tab of its DAG. For all, ask for the forum's role in Airflow.",
        )


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
