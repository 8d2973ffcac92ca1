"""The pages themselves. Whoever is not signed in to Airflow gets 401, on every address.

/agreement/{dag}         what is shared, with whom, under which power, until when, and how the last runs went
/plan/{request}          the plan in plain English
/outcome/{dag}/{run}     one run: each check, and what it found
/report/{request}/{run}  its quality report
/manifest/{request}/{run} and /manifest/{delivery}  what was delivered
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime

from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.core_api.security import get_user
from fastapi import Depends, FastAPI, Request
from fastapi.responses import HTMLResponse

from extracts.agreement.explanation import explain
from extracts.agreement.plan import plan_from_document
from extracts.agreement.schedule import due_dates
from extracts.errors import ExtractsError, NotFound
from extracts.scheduling.facts import request_id_of
from extracts.scheduling.links import page
from extracts.scheduling.story import OUTCOMES, tell
from extracts.scheduling.words import day_words
from extracts.settings import open_workplace
from extracts.web.access import is_named, may_read, request_id_in
from extracts.web.history import last_runs
from extracts.web.render import finished_page, from_markdown, html_page
from extracts.web.shelf import Shelf

_NEXT = 6
_RUNS = 12


def make_app() -> FastAPI:
    """The app that the plugin mounts. The generated API pages are off: the app's own rules do not reach them."""
    app = FastAPI(
        title="Governed extracts",
        dependencies=[Depends(get_user), Depends(is_named), Depends(may_read)],
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    app.add_exception_handler(ExtractsError, _said)
    for path, answer in _PAGES.items():
        app.get(path, response_class=HTMLResponse)(answer)
    return app


def agreement(dag_id: str, session: SessionDep) -> HTMLResponse:
    """An agreement's page, shown as a tab of its DAG."""
    facts = _shelf().agreement(_request_id(dag_id))
    today = datetime.now(UTC).date()
    plan = plan_from_document(facts.plan)
    return html_page(
        "agreement",
        facts=facts,
        story=tell(facts, _shelf().signers()),
        standing=facts.standing(today),
        order=facts.last_order(),
        next=[day_words(day.isoformat()) for day in due_dates(plan, today, _NEXT) if day <= facts.last_day],
        runs=last_runs(session, dag_id, _RUNS),
        outcomes=OUTCOMES,
        page=page,
    )


def plan(request_id: str) -> HTMLResponse:
    """The plan as two people read it before they signed."""
    facts = _shelf().agreement(request_id)
    text = explain(plan_from_document(facts.plan), facts.request, datetime.now(UTC).date())
    return html_page("plan", title=facts.title, body=from_markdown(text))


def outcome(dag_id: str, run_id: str) -> HTMLResponse:
    """One run, check by check, shown as a tab of the run."""
    request_id = _request_id(dag_id)
    shelf = _shelf()
    return html_page(
        "outcome",
        request_id=request_id,
        run_id=run_id,
        gates=shelf.gates(request_id, run_id),
        outcome=shelf.outcome(request_id, run_id),
        has_report=shelf.has_report(request_id, run_id),
        page=page,
    )


def report(request_id: str, run_id: str) -> HTMLResponse:
    """The quality report that the run wrote."""
    return finished_page(_shelf().report(request_id, run_id))


def run_manifest(request_id: str, run_id: str) -> HTMLResponse:
    """The manifest of what a run delivered."""
    return _manifest(request_id, _shelf().delivery_of(request_id, run_id))


def delivery_manifest(delivery_id: str) -> HTMLResponse:
    """The manifest of a delivery."""
    return _manifest(request_id_in({"delivery_id": delivery_id}), delivery_id)


_PAGES: dict[str, Callable[..., HTMLResponse]] = {
    "/agreement/{dag_id}": agreement,
    "/plan/{request_id}": plan,
    "/outcome/{dag_id}/{run_id}": outcome,
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
    return html_page("problem", status=404 if isinstance(error, NotFound) else 500, message=str(error))


def _shelf() -> Shelf:
    return Shelf(open_workplace().places)


def _request_id(dag_id: str) -> str:
    return request_id_of(dag_id) or ""
