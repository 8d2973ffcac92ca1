"""Requesters inside Airflow: they see what can be asked for, ask, hear what can be had, and see their own requests.

Airflow lets everybody see every DAG in these tests, so that whatever is closed to a requester is closed by our pages.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import count, pairwise

import pytest

from extracts.settings import PROJECT
from extracts.steps.requests import stored_request
from extracts.web import ask_page
from tests.support.command_line import extracts
from tests.support.deciding import REQUESTER, draw_up, sign, submit
from tests.support.pages import Tab, at, words
from tests.support.world import FIFE, SCP, World, copied

EVIL = "<script>alert('QQ')</script>"
_numbers = count(700)
# Asks for more than the policy lets pass, in a way that less would mend.
TOO_LONG = {"days: 120": "days: 4000"}


@pytest.fixture(scope="module")
def shared(template_world, tmp_path_factory) -> Iterator[World]:
    with copied(template_world, tmp_path_factory.mktemp("asking") / "home") as world:
        yield world


@pytest.fixture
def here(shared: World, monkeypatch: pytest.MonkeyPatch) -> World:
    at(shared, monkeypatch)
    return shared


def a_text(changes: dict[str, str] | None = None, request_id: str = "") -> str:
    """Fife's request under a new id."""
    text = (PROJECT / "examples" / "requests" / "fife-benefit-cap.yaml").read_text()
    for old, new in {FIFE: request_id or f"SDDSB-2026-{next(_numbers)}", **(changes or {})}.items():
        assert old in text, old
        text = text.replace(old, new, 1)
    return text


def id_in(text: str) -> str:
    found = re.search(r"^request_id: (\S+)$", text, re.M)
    assert found
    return found[1]


def events(world: World, kind: str, subject: str) -> list[tuple[str, str]]:
    return [(e.actor, e.payload.get("reason", "")) for e in world.ledger(kind) if e.subject == subject]


# --- asking -----------------------------------------------------------------------------------------------------------


def test_a_requester_submits_by_form_as_by_the_command_line(here):
    callum, text = Tab("callum"), a_text()
    answer = callum.send("/ask/submit", {"request": text}, page="/ask")
    assert answer.status_code == 303, words(answer.text)
    assert answer.headers["location"] == f"/extracts/request/{id_in(text)}?done=submitted"
    entry = stored_request(here.work, id_in(text))
    assert (entry.status, entry.requester_name) == ("submitted", REQUESTER)
    assert events(here, "request.submitted", id_in(text)) == [(f"callum as {REQUESTER}", "")]
    assert [e.payload["reviews"] for e in here.ledger("review.asked") if e.subject == id_in(text)]
    said = extracts(here, "request", "show", id_in(text), "--json")
    assert said.json["request"]["version"] == 1


def test_a_saved_file_can_be_sent_without_a_program(here):
    text = a_text()
    answer = Tab("callum").send("/ask/submit", page="/ask", files={"file": ("request.yaml", text.encode())})
    assert answer.status_code == 303, words(answer.text)
    assert stored_request(here.work, id_in(text)).version == 1


def test_whether_it_can_be_had_is_answered_before_asking_and_submits_nothing(here):
    text = a_text({"name: surname\n        treatment: keep": "name: surname\n        treatment: year"})
    answer = Tab("callum").send("/ask/check", {"request": text}, page="/ask")
    told = words(answer.text)
    assert answer.status_code == 200, told
    assert "held, not in that form" in told
    assert "nothing is submitted yet" in told
    assert events(here, "feasibility.answered", id_in(text)) == [(f"callum as {REQUESTER}", "")]
    assert not events(here, "request.submitted", id_in(text))


def test_the_form_begins_with_who_asks_and_the_next_number(here):
    text = Tab("callum").get("/ask").text
    facts = json.loads(re.search(r'<script type="application/json" id="facts">(.*?)</script>', text, re.S)[1])
    assert facts["begun"]["requester"] == {
        "organisation": "fife-council",
        "name": "Callum Requester",
        "email": REQUESTER,
    }
    taken = {int(e.subject.rpartition("-")[2]) for e in here.ledger("request.submitted")}
    assert int(facts["begun"]["request_id"].rpartition("-")[2]) == max(taken) + 1


def test_what_was_asked_can_be_gone_on_with_in_the_form(here):
    text = a_text({"title: Benefit cap support, Fife": f'title: "{EVIL}"'})
    answer = Tab("callum").send("/ask/form", {"request": text}, page="/ask")
    assert answer.status_code == 200
    assert EVIL not in answer.text
    facts = json.loads(re.search(r'<script type="application/json" id="facts">(.*?)</script>', answer.text, re.S)[1])
    assert facts["begun"]["title"] == EVIL


def test_submitting_starts_the_consideration_by_airflow_s_own_api(here, monkeypatch):
    """By the account of the settings, which may start runs; the requester needs no right to any DAG."""
    started = []
    monkeypatch.setenv("EXTRACTS_AIRFLOW_URL", "http://127.0.0.1:1")
    monkeypatch.setattr(ask_page, "start_consideration", lambda _, *what: started.append(what))
    text = a_text()
    assert Tab("callum").send("/ask/submit", {"request": text}, page="/ask").status_code == 303
    assert started == [(id_in(text), 1)]


def test_a_submission_stands_though_airflow_does_not_hear_of_it(here, monkeypatch, tmp_path, caplog):
    login = tmp_path / "login"
    login.write_text("engineer:secret-word\n")
    login.chmod(0o600)
    monkeypatch.setenv("EXTRACTS_AIRFLOW_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("EXTRACTS_AIRFLOW_LOGIN", str(login))
    text = a_text()
    assert Tab("callum").send("/ask/submit", {"request": text}, page="/ask").status_code == 303
    assert stored_request(here.work, id_in(text)).status == "submitted"
    assert "no run considers it yet" in caplog.text
    assert "secret-word" not in caplog.text


# --- a counter-offer --------------------------------------------------------------------------------------------------


def test_the_board_offers_less_and_the_requester_accepts_it_with_one_action(here):
    callum, text = Tab("callum"), a_text(TOO_LONG)
    request_id = id_in(text)
    assert callum.send("/ask/submit", {"request": text}, page="/ask").status_code == 303
    page = f"/decide/{request_id}"
    answer = Tab("board").send(f"{page}/offer", page=page)
    assert answer.status_code == 303, words(answer.text)
    told = callum.text(f"/request/{request_id}")
    assert "The Board offers less, which would pass" in told
    assert "Accept it as version 2" in told
    assert "Accept it as version 2" not in Tab("forum").text(f"/request/{request_id}")
    answer = callum.send(f"/request/{request_id}/accept", page=f"/request/{request_id}")
    assert answer.status_code == 303, words(answer.text)
    entry = stored_request(here.work, request_id)
    assert (entry.version, entry.status) == (2, "submitted")


def test_nobody_else_accepts_an_offer(here, tmp_path):
    request_id = submit(here, tmp_path, changes=TOO_LONG, reviewed=False)
    page = f"/decide/{request_id}"
    assert Tab("board").send(f"{page}/offer", page=page).status_code == 303
    for user in ("aileen", "eilidh"):
        answer = Tab(user).send(f"/request/{request_id}/accept", page="/ask")
        assert (answer.status_code, "did not ask for" in words(answer.text)) == (403, True)
    assert Tab("board").send(f"/request/{request_id}/accept").status_code == 403
    assert [actor for actor, _ in events(here, "counter-offer.refused", request_id)] == ["aileen", "eilidh"]
    assert stored_request(here.work, request_id).version == 1


# --- whose it is ------------------------------------------------------------------------------------------------------


def test_a_requester_sees_their_own_body_s_requests_and_nobody_else_s(here):
    text = Tab("callum").text("/mine")
    assert FIFE in text
    assert SCP not in text
    assert SCP in Tab("aileen").text("/mine")
    assert Tab("callum").get(f"/request/{FIFE}").status_code == 200
    assert Tab("callum").get(f"/plan/{FIFE}").status_code == 200


@pytest.mark.parametrize("path", [f"/request/{SCP}", f"/plan/{SCP}", f"/answer/{SCP}", "/request/SDDSB-2020-001"])
def test_another_body_s_page_is_refused_to_a_requester_and_recorded(here, path):
    """One that is not there is refused alike: numbers tell nothing."""
    subject = path.rpartition("/")[2]
    before = len(events(here, "page.refused", subject))
    answer = Tab("callum").get(path)
    assert answer.status_code == 403
    assert "SDDSB" not in words(answer.text)
    assert events(here, "page.refused", subject)[before:] == [("callum", "another body's request")]


@pytest.mark.parametrize(
    "path",
    [
        *("/register", "/watch", "/public"),
        f"/agreement/extract__{FIFE}",
        f"/outcome/extract__{FIFE}/run",
        f"/manifest/{FIFE}/run",
        f"/decide/{FIFE}",
    ],
)
def test_what_insiders_read_is_closed_to_requesters_though_airflow_would_show_it(here, path):
    assert Tab("callum").get(path).status_code == 403


def test_a_requester_whose_role_has_ended_sees_nothing_of_it_any_more(here, monkeypatch):
    from dataclasses import replace

    parties = here.work.parties
    ended = parties.principals[REQUESTER].model_copy(update={"roles": ()})
    gone = replace(parties, principals={**parties.principals, REQUESTER: ended})
    monkeypatch.setattr("extracts.web.desk._parties", lambda *_: gone)
    paths = (f"/request/{FIFE}", "/mine", "/register")
    assert [Tab("callum").get(p).status_code for p in paths] == [403] * 3
    assert Tab("callum").send("/ask/submit", {"request": a_text()}).status_code == 403


@pytest.mark.parametrize(
    ("user", "changes", "told"),
    [
        ("aileen", {}, "another body's request"),
        ("callum", {"organisation: fife-council\n  name": "organisation: dwp\n  name"}, "another body's request"),
        ("callum", {"email: callum.requester": "email: somebody.else"}, "names somebody else"),
    ],
)
def test_nobody_asks_for_another_body_or_in_another_s_name(here, user, changes, told):
    text = a_text(changes)
    for act in ("submit", "check"):
        answer = Tab(user).send(f"/ask/{act}", {"request": text}, page="/ask")
        assert (answer.status_code, told in words(answer.text)) == (403, True), words(answer.text)
    assert events(here, "submission.refused", id_in(text)) == [(user, "not permitted to this person")] * 2


def test_another_body_s_number_cannot_be_taken(here):
    text = a_text({"version: 1\n": "version: 2\n"}, request_id=SCP)
    answer = Tab("callum").send("/ask/submit", {"request": text}, page="/ask")
    assert answer.status_code == 403
    assert events(here, "submission.refused", SCP) == [("callum", "not permitted to this person")]
    assert stored_request(here.work, SCP).version == 1


@pytest.mark.parametrize("user", ["forum", "board", "controller", "engineer", "nobody-declared"])
@pytest.mark.parametrize("act", ["submit", "check", "form"])
def test_nobody_but_requesters_asks(here, user, act):
    before = len(events(here, "page.refused", "pages"))
    assert Tab(user).send(f"/ask/{act}", {"request": a_text()}).status_code == 403
    assert events(here, "page.refused", "pages")[before:] == [(user, "is no requester")]


def test_whoever_is_not_signed_in_gets_nothing(here):
    for path in ("/home", "/catalogue", "/ask", "/mine"):
        answer = Tab("").get(path)
        assert answer.status_code == 401
        assert "benefit" not in answer.text
    assert Tab("").send("/ask/submit", {"request": a_text()}).status_code == 401


def test_a_change_of_what_was_submitted_is_a_new_version(here):
    text = a_text()
    assert Tab("callum").send("/ask/submit", {"request": text}, page="/ask").status_code == 303
    changed = text.replace("days: 120", "days: 90")
    answer = Tab("callum").send("/ask/submit", {"request": changed}, page="/ask")
    assert (answer.status_code, "was submitted with other content" in words(answer.text)) == (409, True)
    assert events(here, "submission.refused", id_in(text)) == [("callum", "not possible now")]


def test_a_returned_request_is_answered_by_the_next_version(here, tmp_path):
    request_id = submit(here, tmp_path, reviewed=False)
    sign(here, draw_up(here, request_id, "return"), role=_board())
    text = a_text({"version: 1\n": "version: 2\n", "days: 120": "days: 90"}, request_id)
    answer = Tab("callum").send("/ask/submit", {"request": text}, page="/ask")
    assert answer.status_code == 303, words(answer.text)
    assert "What changed since version 1" in Tab("callum").text(f"/request/{request_id}")


def _board():
    from extracts.catalogue.people import Role

    return Role.BOARD


# --- harmless ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["", "not: [closed", "- a list", "title: !!python/object:os.system {}", "a: &x 1\nb: *x", "title: \x00"]
)
def test_what_is_no_request_is_told_with_its_fault(here, text):
    answer = Tab("callum").send("/ask/submit", {"request": text}, page="/ask")
    assert answer.status_code == 422
    assert "This has to be mended first" in words(answer.text)


def test_markup_in_any_field_stays_text_on_every_page(here):
    changes = {
        "title: Benefit cap support, Fife": f'title: "{EVIL}"',
        "impact_if_refused: Help reaches": f"impact_if_refused: {EVIL} Help reaches",
        "position: Service manager, benefit and money advice": f'position: "{EVIL}"',
        "justification: The adviser speaks to a person.": f'justification: "{EVIL}"',
    }
    text = a_text(changes)
    callum = Tab("callum")
    checked = callum.send("/ask/check", {"request": text}, page="/ask").text
    assert callum.send("/ask/submit", {"request": text}, page="/ask").status_code == 303
    shown = [callum.get(p).text for p in (f"/request/{id_in(text)}", "/mine")]
    shown += [Tab("board").get(f"/decide/{id_in(text)}").text, Tab("forum").get("/register").text, checked]
    assert [EVIL in page for page in shown] == [False] * len(shown)
    assert ["&lt;script&gt;" in page for page in shown] == [True] * len(shown)


@pytest.mark.parametrize("path", ["/catalogue", "/mine", "/ask"])
def test_these_pages_load_nothing_and_can_be_read_by_a_screen_reader(here, path):
    answer = Tab("callum").get(path)
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "frame-ancestors 'self'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "no-store"
    bare = re.sub(r"<script.*?</script>", "", answer.text, flags=re.S)
    assert not re.search(r"<link|<img|@import|url\(|src=|\son\w+=", bare)
    ranks = [int(rank) for rank in re.findall(r"<h([1-6])", bare)]
    assert (ranks[0], ranks.count(1)) == (1, 1)
    assert all(after - before <= 1 for before, after in pairwise(ranks))
    for table in re.findall(r"<table.*?</table>", bare, re.S):
        assert 'scope="' in table


def test_home_leads_everybody_to_their_own_pages(here):
    homes = {user: Tab(user).get("/home").headers["location"] for user in ("callum", "forum", "board")}
    assert homes == {"callum": "/extracts/mine", "forum": "/extracts/register", "board": "/extracts/register"}


def test_the_catalogue_says_what_the_page_that_stands_alone_says(here):
    said = extracts(here, "catalogue", "page")
    alone, within = words(said.out), Tab("callum").text("/catalogue")
    for one in ("benefit_cap", "held, never shared", "Welfare Reform Act 2012, section 131", "loaded at most"):
        assert one in alone, one
        assert one in within, one
