"""The pages themselves. Whoever is not signed in to Airflow gets 401, on every address.

/register                every request and agreement
/watch                   what was expected and did not come
/public                  the public register: a line per delivered file
/request/{request}       asked and granted side by side, why, and who signed
/agreement/{dag}         what is shared, with whom, under which power, until when, how it went, and what left
/plan/{request}          the plan in plain English
/outcome/{dag}/{run}     one run's release sheet: each check, the way of the rows and of the columns
/report/{request}/{run}  its quality report
/manifest/{request}/{run} and /manifest/{delivery}  what was delivered

Pages only read: any other method than GET is refused, and the register's transactions are read-only.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime

from airflow.api_fastapi.core_api.security import get_user
from fastapi import Depends, FastAPI, Request
from fastapi.responses import HTMLResponse

from extracts.agreement.explanation import explain
from extracts.agreement.plan import plan_from_document
from extracts.errors import ExtractsError, NotFound, NotPermitted
from extracts.settings import open_workplace
from extracts.web.access import is_named, may_read, may_read_everything, request_id_in
from extracts.web.agreement_page import agreement_page
from extracts.web.public_page import public_page
from extracts.web.register_page import register_page
from extracts.web.release_page import release_page
from extracts.web.render import finished_page, from_markdown, html_page
from extracts.web.request_page import request_page
from extracts.web.shelf import Shelf
from extracts.web.watch_page import watch_page


def make_app() -> FastAPI:
    """The app that the plugin mounts. The generated API pages are off: the app's own rules do not reach them."""
    app = FastAPI(
        title="Governed extracts",
        dependencies=[Depends(get_user)],
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    app.add_exception_handler(ExtractsError, _said)
    for allowed, pages in (((is_named, may_read), _OF_ONE), ((may_read_everything,), _OF_ALL)):
        for path, answer in pages.items():
            app.get(path, response_class=HTMLResponse, dependencies=[Depends(rule) for rule in allowed])(answer)
    return app


def plan(request_id: str) -> HTMLResponse:
    """The plan as two people read it before they signed."""
    facts = _shelf().agreement(request_id)
    text = explain(plan_from_document(facts.plan), facts.request, datetime.now(UTC).date())
    return html_page("plan", title=facts.title, body=from_markdown(text))


def report(request_id: str, run_id: str) -> HTMLResponse:
    """The quality report that the run wrote."""
    return finished_page(_shelf().report(request_id, run_id))


def run_manifest(request_id: str, run_id: str) -> HTMLResponse:
    """The manifest of what a run delivered."""
    return _manifest(request_id, _shelf().delivery_of(request_id, run_id))


def delivery_manifest(delivery_id: str) -> HTMLResponse:
    """The manifest of a delivery."""
    return _manifest(request_id_in({"delivery_id": delivery_id}), delivery_id)


_OF_ALL: dict[str, Callable[..., HTMLResponse]] = {
    "/register": register_page,
    "/watch": watch_page,
    "/public": public_page,
}
_OF_ONE: dict[str, Callable[..., HTMLResponse]] = {
    "/request/{request_id}": request_page,
    "/agreement/{dag_id}": agreement_page,
    "/plan/{request_id}": plan,
    "/outcome/{dag_id}/{run_id}": release_page,
    "/report/{request_id}/{run_id}": report,
    "/manifest/{request_id}/{run_id}": run_manifest,
    "/manifest/{delivery_id}": delivery_manifest,
}


def _manifest(request_id: str, delivery_id: str) -> HTMLResponse:
    text = _shelf().manifest(request_id, delivery_id)
    statement = json.loads(text)
    return html_page(
        "manifest",
        delivery_id=delivery_id,
        subjects=statement["subject"],
        predicate=statement["predicate"],
        text=json.dumps(statement, indent=2, ensure_ascii=False),
    )


def _said(request: Request, error: Exception) -> HTMLResponse:
    """Our own errors say what happened without anybody's value; they are the page."""
    status = next((code for kind, code in _CODES.items() if isinstance(error, kind)), 500)
    return html_page("problem", status=status, message=str(error))


_CODES = {NotFound: 404, NotPermitted: 403}


def _shelf() -> Shelf:
    return Shelf(open_workplace().places)
