"""The pages themselves. Whoever is not signed in to Airflow gets 401, on every address.

/home                    to the first of a visitor's pages
/register                every request and agreement
/elsewhere/{agreement}   an agreement that runs elsewhere, with its history
/watch                   what was expected and did not come
/public                  the public register: a line per delivered file
/catalogue               what is held and can be asked for
/ask                     the request form; /ask/check, /ask/submit, /ask/form and /ask/page take it
/feasibility/{request}/{digest}  the signed page of whether it can be had, for the body that asked
/mine                    a requester's own body's requests
/request/{request}       asked and granted side by side, why, and who signed; /accept takes a counter-offer
/answer/{request}        the signed page of its answer, with the signature, to be saved
/decide/{request}        for Board and Controller; /draw-up, /sign, /offer and /ask-again act
/decision/{request}/{digest}  the document that is signed, as its very bytes
/agreement/{dag}         what is shared, with whom, under which power, until when, how it went, and what left
/plan/{request}          the plan in plain English
/outcome/{dag}/{run}     one run's release sheet: each check, the way of the rows and of the columns
/report/{request}/{run}  its quality report
/manifest/{request}/{run} and /manifest/{delivery}  what was delivered


Pages only read: any other method than GET is refused, and recorded; their transactions are read-only. What acts is a
form of its own address, taken from our own pages only (`sent_form`). It decides nothing: decisions are signed
elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any, NoReturn

from airflow.api_fastapi.core_api.security import get_user
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.exception_handlers import http_exception_handler
from fastapi.responses import HTMLResponse, Response
from starlette.concurrency import run_in_threadpool

from extracts.agreement.explanation import explain
from extracts.agreement.plan import plan_from_document
from extracts.errors import (
    ExtractsError,
    InvalidDocument,
    NotFound,
    NotPermitted,
    Refused,
    TechnicalFailure,
    UsageError,
)
from extracts.scheduling.links import page
from extracts.settings import open_workplace
from extracts.web.access import (
    Strangers,
    is_named,
    may_ask,
    may_decide,
    may_read,
    may_read_everything,
    note_turned_away,
    request_id_in,
)
from extracts.web.agreement_page import agreement_page
from extracts.web.answer_file import answer_file
from extracts.web.ask_page import accept, ask_again, ask_page, catalogue_page, check, home, own_page, submit
from extracts.web.decide_page import ask_reviewer_again, decide_page, document, draw_up, make_offer, sign
from extracts.web.elsewhere_page import elsewhere_page
from extracts.web.feasibility_file import ask_for_signed_page, feasibility_file
from extracts.web.public_page import public_page
from extracts.web.register_page import register_page
from extracts.web.release_page import release_page
from extracts.web.render import finished_page, from_markdown, html_page
from extracts.web.request_page import request_page
from extracts.web.shelf import Shelf
from extracts.web.visitor import VisitorDep
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
    app.add_exception_handler(HTTPException, _turned_away(Strangers()))
    for path, (answer, *rules) in _PAGES.items():
        app.get(path, response_class=HTMLResponse, dependencies=[Depends(rule) for rule in rules])(answer)
        app.add_api_route(path, only_reads, methods=_CHANGING, response_model=None)
    for path, (answer, *rules) in _ACTS.items():
        app.post(path, dependencies=[Depends(rule) for rule in rules])(answer)
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
    """The manifest of what a run delivered; to the first of several recipients, with the way to the others'."""
    first, *others = _shelf().deliveries_of(request_id, run_id)
    return _manifest(request_id, first, others)


def delivery_manifest(delivery_id: str) -> HTMLResponse:
    """The manifest of a delivery."""
    return _manifest(request_id_in({"delivery_id": delivery_id}), delivery_id)


def only_reads(request: Request, visitor: VisitorDep) -> NoReturn:
    """Whoever sends something to a page that only shows is refused, and recorded. Raises 405."""
    note_turned_away(request, visitor.user, "this page only shows")
    raise HTTPException(405, headers={"Allow": "GET"})


_CHANGING = ["POST", "PUT", "PATCH", "DELETE"]
_OF_ONE = (is_named, may_read)
_PAGES: dict[str, tuple[Callable[..., Any], ...]] = {
    "/home": (home,),
    "/register": (register_page, may_read_everything),
    "/elsewhere/{elsewhere_id}": (elsewhere_page, may_read_everything),
    "/watch": (watch_page, may_read_everything),
    "/public": (public_page, may_read_everything),
    "/catalogue": (catalogue_page,),
    "/ask": (ask_page,),
    "/mine": (own_page, may_ask),
    "/request/{request_id}": (request_page, *_OF_ONE),
    "/answer/{request_id}": (answer_file, *_OF_ONE),
    "/feasibility/{request_id}/{digest}": (feasibility_file, may_ask),
    "/decide/{request_id}": (decide_page, is_named, may_decide, may_read),
    "/decision/{request_id}/{digest}": (document, is_named, may_decide, may_read),
    "/agreement/{dag_id}": (agreement_page, *_OF_ONE),
    "/plan/{request_id}": (plan, *_OF_ONE),
    "/outcome/{dag_id}/{run_id}": (release_page, *_OF_ONE),
    "/report/{request_id}/{run_id}": (report, *_OF_ONE),
    "/manifest/{request_id}/{run_id}": (run_manifest, *_OF_ONE),
    "/manifest/{delivery_id}": (delivery_manifest, *_OF_ONE),
}
# Who may do it is asked before the form is read, and once more by the step that records it.
_ACTS: dict[str, tuple[Callable[..., Any], ...]] = {
    "/ask/check": (check, may_ask),
    "/ask/submit": (submit, may_ask),
    "/ask/page": (ask_for_signed_page, may_ask),
    "/ask/form": (ask_again, may_ask),
    "/request/{request_id}/accept": (accept, is_named, may_ask),
    "/decide/{request_id}/draw-up": (draw_up, is_named, may_decide),
    "/decide/{request_id}/offer": (make_offer, is_named, may_decide),
    "/decide/{request_id}/ask-again": (ask_reviewer_again, is_named, may_decide),
    "/decide/{request_id}/sign": (sign, is_named, may_decide),
}


def _manifest(request_id: str, delivery_id: str, others: Sequence[str] = ()) -> HTMLResponse:
    text = _shelf().manifest(request_id, delivery_id)
    statement = json.loads(text)
    return html_page(
        "manifest",
        delivery_id=delivery_id,
        others=others,
        subjects=statement["subject"],
        predicate=statement["predicate"],
        text=json.dumps(statement, indent=2, ensure_ascii=False),
    )


def _said(request: Request, error: Exception) -> HTMLResponse:
    """Our own errors say what happened without anybody's value; they are the page."""
    status = next((code for kind, code in _CODES if isinstance(error, kind)), 500)
    problems = error.problems if isinstance(error, InvalidDocument) else ()
    named = request.path_params.get("request_id")
    back = page("decide" if "/decide/" in request.url.path else "request", named) if named else ""
    tried = request.method != "GET"
    return html_page("problem", status=status, message=str(error), problems=problems, tried=tried, back=back)


def _turned_away(strangers: Strangers) -> Callable[[Request, Exception], Awaitable[Response]]:
    """Airflow's own refusals go out as they are; that nobody was signed in is told to the ledger."""

    async def answer(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if error.status_code == 401:
            await run_in_threadpool(strangers.note, request)
        return await http_exception_handler(request, error)

    return answer


_CODES: tuple[tuple[type[ExtractsError], int], ...] = (
    (NotFound, 404),
    (NotPermitted, 403),
    (InvalidDocument, 422),
    (UsageError, 400),
    (Refused, 409),
    (TechnicalFailure, 503),
)


def _shelf() -> Shelf:
    return Shelf(open_workplace().places)
