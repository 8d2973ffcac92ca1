"""The signed page of an answer inside Airflow: made after the decision, handed out on the request's page."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from extracts import signing
from extracts.local.people import BOARD
from extracts.standalone.signed_page import answer_page
from tests.support.considering import Considering
from tests.support.deciding import decide, submit
from tests.support.pages import Tab, at, words
from tests.support.signed_pages import received
from tests.support.world import World, copied


@pytest.fixture(scope="module")
def shared(template_world, tmp_path_factory) -> Iterator[World]:
    with copied(template_world, tmp_path_factory.mktemp("answers") / "home") as world:
        yield world


@pytest.fixture
def here(shared: World, monkeypatch: pytest.MonkeyPatch) -> World:
    at(shared, monkeypatch)
    return shared


def test_the_consideration_ends_with_the_signed_page_and_a_withdrawn_request_has_none(here, tmp_path, monkeypatch):
    request_id = refused(here, tmp_path)
    told = Considering(here, request_id).use(monkeypatch).run("sign_answer")
    assert told["page"] == f"{request_id}-v1-answer.html"
    assert [name.startswith(request_id) for name in kept(here)].count(True) == 1
    (event,) = [e for e in here.ledger("page.signed") if e.subject == request_id]
    assert (event.actor, event.payload["document_digest"]) == ("consider_request", told["document_digest"])
    open_ = submit(here, tmp_path)
    assert Considering(here, open_).use(monkeypatch).run("sign_answer") == {"page": "", "document_digest": ""}


def kept(world: World) -> list[str]:
    return sorted(p.name for p in (world.work.places.home / "pages").glob("*.zip"))


def refused(world: World, folder: Path) -> str:
    request_id = submit(world, folder)
    decide(world, request_id, "refuse", clause="UK GDPR, article 5(1)(c)")
    return request_id


def test_a_requester_saves_their_own_answer_as_a_signed_page_that_verifies(here, tmp_path):
    request_id, callum = refused(here, tmp_path), Tab("callum")
    assert "is not made yet" in callum.text(f"/request/{request_id}")
    assert callum.get(f"/answer/{request_id}").status_code == 404
    answer_page(here.work, request_id, "engineer")
    assert f"/extracts/answer/{request_id}" in callum.get(f"/request/{request_id}").text
    answer = callum.get(f"/answer/{request_id}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip")
    assert answer.headers["content-disposition"] == f'attachment; filename="{request_id}-v1-answer.zip"'
    with zipfile.ZipFile(io.BytesIO(answer.content)) as box:
        box.extractall(tmp_path / "saved")
    page = tmp_path / "saved" / f"{request_id}-v1-answer.html"
    sent = received(here, page, tmp_path / "received")
    assert sent.run(sent.blocks[0]).stdout.startswith('Good "extract-page"')


@pytest.mark.parametrize(("user", "code"), [("eilidh", 403), ("engineer", 403), ("", 401)])
def test_the_answer_s_page_is_closed_to_whoever_may_not_see_the_request(here, tmp_path, monkeypatch, user, code):
    request_id = refused(here, tmp_path)
    answer_page(here.work, request_id, "engineer")
    at(here, monkeypatch, sees=False)
    assert Tab(user).get(f"/answer/{request_id}").status_code == code
    turned_away = [e.actor for e in here.ledger("page.refused") if e.subject == request_id]
    assert turned_away == [user or "nobody signed in"]


@pytest.mark.parametrize("what", ["page", "signature", "name", "no zip", "another page"])
def test_a_kept_page_that_somebody_changed_is_not_handed_out(here, tmp_path, what):
    request_id = refused(here, tmp_path)
    made = answer_page(here.work, request_id, "engineer")
    (path,) = (here.work.places.home / "pages").glob(f"{request_id}-*.zip")
    name, page, signature = made.name, made.page, made.signature
    if what == "page":
        page = page.replace(b"Refused on", b"Granted on")
    if what == "signature":
        signature = signing.sign(page, here.home.people.key(BOARD), signing.PAGE)
    if what == "name":
        name = "../../evil.html"
    if what == "another page":
        page = made.page + b" "
        signature = signing.sign(page, here.work.service_key(), signing.PAGE)
    with zipfile.ZipFile(path, "w") as box:
        box.writestr(name, page)
        box.writestr(f"{name}.sig", signature)
    if what == "no zip":
        path.write_bytes(b"no zip")
    answer = Tab("callum").get(f"/answer/{request_id}")
    assert answer.status_code == 409, words(answer.text)
