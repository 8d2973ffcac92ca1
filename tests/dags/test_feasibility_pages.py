"""A signed page of whether a request can be had, asked for in the form: made on a worker, handed out to who asked."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from extracts.agreement.request import parse_request
from extracts.documents import parse
from extracts.errors import NotFound, TechnicalFailure, UsageError
from extracts.scheduling.feasibility_dag import feasibility_dag, feasibility_signed
from extracts.settings import PROJECT
from extracts.web import feasibility_file
from tests.support.pages import Tab, at, words
from tests.support.signed_pages import received
from tests.support.world import FIFE, World, copied

ASKED = "SDDSB-2026-880"


@pytest.fixture(scope="module")
def shared(template_world, tmp_path_factory) -> Iterator[World]:
    with copied(template_world, tmp_path_factory.mktemp("feasible") / "home") as world:
        yield world


@pytest.fixture
def started(shared: World, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What Airflow was told to answer, newest last."""
    at(shared, monkeypatch)
    told: list[dict[str, Any]] = []
    monkeypatch.setattr(feasibility_file, "start_page", lambda _, __, document, ___: told.append(dict(document)))
    return told


def a_text(request_id: str = ASKED) -> str:
    text = (PROJECT / "examples" / "requests" / "fife-benefit-cap.yaml").read_text()
    return text.replace(FIFE, request_id).replace(
        "name: surname\n        treatment: keep", "name: surname\n        treatment: year"
    )


def ask(user: str = "callum", text: str = "") -> Any:
    return Tab(user).send("/ask/page", {"request": text or a_text()}, page="/ask")


def address(request_id: str = ASKED) -> str:
    digest = parse_request(parse(a_text(request_id).encode(), "request")).digest
    return f"/feasibility/{request_id}/{digest[7:23]}"


def test_it_is_offered_asked_for_made_where_the_key_is_and_verifies(shared, started, tmp_path: Path):
    callum = Tab("callum")
    assert "Have this as a signed page" in words(callum.send("/ask/check", {"request": a_text()}, page="/ask").text)
    answer = ask()
    assert (answer.status_code, answer.headers["location"]) == (303, f"/extracts{address()}")
    assert "is being made" in callum.text(address())
    (event,) = [e for e in shared.ledger("page.asked") if e.subject == ASKED]
    assert event.payload["organisation"] == "fife-council"
    assert feasibility_signed(started[-1])["page"] == f"{ASKED}-v1-feasibility.html"
    found = callum.get(address())
    assert (found.status_code, found.headers["content-type"]) == (200, "application/zip")
    with zipfile.ZipFile(io.BytesIO(found.content)) as box:
        box.extractall(tmp_path / "saved")
    sent = received(shared, tmp_path / "saved" / f"{ASKED}-v1-feasibility.html", tmp_path / "received")
    assert sent.run(sent.blocks[0]).stdout.startswith('Good "extract-page"')
    assert "held, not in that form" in sent.text
    assert not [e for e in shared.ledger("request.submitted") if e.subject == ASKED], "nothing is submitted"


@pytest.mark.parametrize(
    ("user", "code"), [("aileen", 403), ("forum", 403), ("board", 403), ("nobody-declared", 403), ("", 401)]
)
def test_it_is_for_requesters_of_the_body_that_asked_and_a_refusal_is_recorded(shared, started, user, code):
    assert ask().status_code == 303
    assert Tab(user).get(address()).status_code == code
    told = [(e.actor, e.payload["page"]) for e in shared.ledger("page.refused") if e.subject == ASKED]
    assert user == "" or (user, "/feasibility/{request_id}/{digest}") in told


def test_nobody_asks_in_another_body_s_name(shared, started):
    assert ask("aileen").status_code == 403
    assert not started
    assert [e.actor for e in shared.ledger("submission.refused") if e.subject == ASKED] == ["aileen"]
    assert Tab("forum").send("/ask/page", {"request": a_text()}).status_code == 403
    assert Tab("callum").send("/ask/page", {"request": a_text()}).status_code == 403, "no token"


def test_a_worker_signs_nothing_that_no_requester_asked_for(shared, started):
    made_up = parse_request(parse(a_text("SDDSB-2026-881").encode(), "request")).document()
    with pytest.raises(NotFound, match="Nobody asked for a page"):
        feasibility_signed(made_up)
    assert ask().status_code == 303
    with pytest.raises(NotFound):
        feasibility_signed({**started[-1], "title": "Another title"})
    for nothing in (None, "text", ["a"]):
        with pytest.raises(UsageError, match="names no request"):
            feasibility_signed(nothing)


@pytest.mark.parametrize("path", ["/feasibility/SDDSB-2026-889/" + "0" * 16, "/feasibility/x/y", "/feasibility/%2e/a"])
def test_what_nobody_asked_for_is_not_found(started, path):
    assert Tab("callum").get(path).status_code == 404


def test_where_airflow_does_not_hear_it_says_who_can_make_it(started, monkeypatch):
    def away(*_: object) -> None:
        raise TechnicalFailure("Airflow does not answer.")

    monkeypatch.setattr(feasibility_file, "start_page", away)
    answer = ask()
    assert (answer.status_code, "extracts request check FILE" in words(answer.text)) == (503, True)


def test_the_dag_is_started_by_no_clock():
    dag = feasibility_dag()
    assert (dag.schedule, dag.task_ids, dag.is_paused_upon_creation) == (None, ["sign_page"], False)
