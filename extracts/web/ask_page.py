"""Asking inside Airflow: the catalogue, the request form, what can be had before asking, and one's own requests.

Rules:
1. The form is the one that requesters without an account open offline (`standalone.request_form`): here it sends, too.
2. What is sent is a request in YAML, read and checked like a file of `extracts request submit`; who asks, and for
   whom, is asked on this server (`steps.asking`).
3. A submission stands whether or not Airflow hears of it; the run that considers it is started over Airflow's own API,
   by an account that may do just that.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse

from extracts.agreement.told import told_once
from extracts.catalogue.offered import offered
from extracts.documents import Document, parse
from extracts.errors import ExtractsError
from extracts.local.consideration import is_configured, start_consideration
from extracts.record.overview import Wanted, count_lines, list_lines
from extracts.record.transaction import reading
from extracts.scheduling.links import page
from extracts.settings import environment
from extracts.standalone.request_form import Sending, served_form_page
from extracts.steps.asking import accept_by, feasibility_for, next_request_id, submit_by
from extracts.steps.clocks import clocks_of, moves_of
from extracts.steps.workplace import Workplace
from extracts.web.asked_for import PAGE_SIZE, page_of, pager
from extracts.web.decide_page import seen
from extracts.web.desk import names, open_desk
from extracts.web.marks import availability_mark, clock_mark, status_mark
from extracts.web.render import HEADERS, html_page
from extracts.web.sent_form import Sent, form_token
from extracts.web.visitor import Visitor, VisitorDep


def home(visitor: VisitorDep) -> RedirectResponse:
    """Where Airflow's navigation leads: to what is there for this visitor."""
    return RedirectResponse(page(visitor.rooms[0][0]), status_code=303)


def catalogue_page(visitor: VisitorDep) -> HTMLResponse:
    """What is held, in which form, how fresh, whose it is, and what it may be asked for."""
    work = open_desk()
    found = offered(work.datasets, work.parties, work.today())
    return html_page("catalogue", rooms=visitor.rooms, offered=found, today=work.today(), asks=visitor.asks)


def own_page(request: Request, visitor: VisitorDep) -> HTMLResponse:
    """The requests of the visitor's own body, the newest first."""
    work, wanted = open_desk(), Wanted(organisation=visitor.organisation)
    with reading(work.register) as view:
        place = pager(count_lines(view, wanted), page_of(request.query_params), {})
        lines = list_lines(view, wanted, limit=PAGE_SIZE, offset=(place.number - 1) * PAGE_SIZE)
        clocks, moves = clocks_of(work, view, lines), moves_of(view, lines)
    body = work.parties.organisations[visitor.organisation].name
    rows = [(line, status_mark(line.status), clocks[line.request_id, line.version]) for line in lines]
    told = [(line, mark, clock, clock_mark(clock), moves[line.request_id]) for line, mark, clock in rows]
    return html_page(
        "mine", rooms=visitor.rooms, rows=told, pager=place, body=body, names=names(work), today=work.today()
    )


def ask_page(visitor: VisitorDep) -> HTMLResponse:
    """The form, begun with what is known of whoever asks."""
    work = open_desk()
    return _form(work, visitor, _begun(work, visitor))


def ask_again(sent: Sent, visitor: VisitorDep) -> HTMLResponse:
    """The form with what was sent, to go on with. Raises InvalidDocument."""
    return _form(open_desk(), visitor, sent_document(sent).value)


def check(sent: Sent, visitor: VisitorDep) -> HTMLResponse:
    """What can be had of it, before asking; counted in the source, and recorded."""
    work = open_desk()
    found = feasibility_for(work, sent_document(sent), visitor.user)
    examined, told = found.examined, found.feasibility
    stopping = told_once([*examined.assessment.violations, *examined.assessment.gaps])
    return html_page(
        "feasible",
        rooms=visitor.rooms,
        request=examined.request,
        told=told,
        columns=[(c, availability_mark(c.answer.answer)) for c in told.columns],
        stopping=stopping,
        refusal="" if examined.plan or stopping else examined.refusal,
        text=sent.get("request", ""),
        token=form_token(visitor),
    )


def submit(sent: Sent, visitor: VisitorDep) -> RedirectResponse:
    """Submit it, and start its consideration."""
    request = submit_by(open_desk(), sent_document(sent), visitor.user).request
    _start(request.request_id, request.version)
    return seen("request", request.request_id, "submitted")


def accept(request_id: str, _: Sent, visitor: VisitorDep) -> RedirectResponse:
    """Accept the counter-offer, which becomes the next version."""
    request = accept_by(open_desk(), request_id, visitor.user).request
    _start(request_id, request.version)
    return seen("request", request_id, "accepted")


def _start(request_id: str, version: int) -> None:
    """Let Airflow consider it. What fails is tried again by `extracts review start`; the submission stands."""
    found = environment()
    if not is_configured(found):
        return
    try:
        start_consideration(found, request_id, version)
    except ExtractsError as error:
        logging.getLogger(__name__).warning("%s is submitted, and no run considers it yet: %s", request_id, error)


def sent_document(sent: Mapping[str, str]) -> Document:
    """The request that a form holds: pasted or typed, or else as a file."""
    text = sent.get("request", "").strip() or sent.get("file", "")
    return parse(text.replace("\r\n", "\n").encode(), "request")


def _begun(work: Workplace, visitor: Visitor) -> Mapping[str, Any] | None:
    who = visitor.principal
    if who is None or not visitor.asks:
        return None
    asker = {"organisation": who.organisation, "name": who.person, "email": who.id}
    return {"request_id": next_request_id(work), "requester": asker, "received_on": work.today().isoformat()}


def _form(work: Workplace, visitor: Visitor, begun: Mapping[str, Any] | None) -> HTMLResponse:
    sending = Sending(
        token=form_token(visitor),
        asks=visitor.asks,
        check=page("ask", "check"),
        submit=page("ask", "submit"),
        rooms=tuple((page(room), words) for room, words in visitor.rooms),
    )
    found = offered(work.datasets, work.parties, work.today())
    text, policy = served_form_page(found, work.parties, work.today(), begun, sending)
    return HTMLResponse(text, headers=HEADERS | {"Content-Security-Policy": f"{policy}; frame-ancestors 'self'"})
