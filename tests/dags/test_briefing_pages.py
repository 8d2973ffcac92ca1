"""The request's page shows the briefing and the answers to people of the house, and to nobody else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from extracts.agreement.source_counts import RowFate
from extracts.record.board_papers import BoardPaper, PaperKind, save_paper
from extracts.record.transaction import unit_of_work
from extracts.steps.briefing import briefing_of
from extracts.steps.requests import stored_examined
from extracts.steps.source_counting import count_request
from tests.support.deciding import submit
from tests.support.pages import Tab, at, words
from tests.support.world import SCP, World, copied

EVIL = "<script>alert('QQ')</script>"


@pytest.fixture(scope="module")
def shared(template_world, tmp_path_factory) -> Iterator[World]:
    with copied(template_world, tmp_path_factory.mktemp("briefed") / "home") as world:
        yield world


@pytest.fixture
def here(shared: World, monkeypatch: pytest.MonkeyPatch) -> World:
    at(shared, monkeypatch)
    return shared


@pytest.fixture(scope="module")
def briefed(shared: World, tmp_path_factory) -> str:
    """A request with its briefing, which the policy would stop."""
    request_id = submit(shared, tmp_path_factory.mktemp("asked"), changes={"days: 120": "days: 4000"}, reviewed=False)
    briefing_of(shared.work, request_id, "consider_request")
    return request_id


def test_the_briefing_tells_what_is_held_how_fresh_how_many_and_how_others_were_answered(here, briefed):
    text = Tab("board").text(f"/request/{briefed}")
    for said in (
        "Counts below 10 are hidden, the others rounded",
        "benefit_cap: how fresh, how many",
        "promised are at most",
        "In the source",
        "Would be delivered",
        "On hold, and left out",
        "Can each column be had?",
        "What the recipient holds already",
        "New to the recipient:",
        "How similar requests were answered",
        "and these stopped it:",
        "What would mend it:",
    ):
        assert said in text, said
    assert re.search(r"columns, and how they are delivered SDDSB-2026-021 Benefit cap support, Fife", text, re.I)
    assert re.search(r"Event \d+ of the ledger has its digest", text)
    assert "sha256:" not in text.split("The briefing")[1].split("What the policy finds")[0]


def test_no_exact_count_is_on_the_page(here, briefed):
    """What was counted, against what is told: every figure is rounded to 5, or hidden."""
    exact = count_request(here.work, stored_examined(here.work, briefed).request)["benefit_cap"]
    html = Tab("board").get(f"/request/{briefed}").text
    part = html.split('id="briefing"')[1].split("Can each column be had?")[0]
    figures = [int(n.replace(",", "")) for n in re.findall(r'class="number">([\d,]+)<', part)]
    assert figures
    assert all(n % 5 == 0 for n in figures)
    small = {exact.rows.get(f, 0) for f in RowFate if exact.rows.get(f, 0) < 10}
    assert not small or "fewer than 10" in part


@pytest.mark.parametrize(("user", "seen"), [("board", True), ("forum", True), ("legal", True), ("callum", False)])
def test_the_briefing_is_for_people_of_the_house(here, briefed, user, seen):
    text = Tab(user).text(f"/request/{briefed}")
    assert ("The briefing" in text) is seen
    assert (SCP in text or "SDDSB-2026-021" in text) is seen, "what others hold and were answered is not for requesters"


def test_whoever_is_not_declared_sees_neither_briefing_nor_answers(here, tmp_path):
    request_id = submit(here, tmp_path)
    briefing_of(here.work, request_id, "consider_request")
    text = Tab("somebody-whom-nobody-declared").text(f"/request/{request_id}")
    assert "The briefing" not in text
    assert "legal.adviser@dwp.example" not in text


def test_answers_stand_on_the_page_with_quorum_and_history(here, tmp_path):
    request_id = submit(here, tmp_path)
    text = Tab("forum").text(f"/request/{request_id}")
    assert re.search(r"\d members were there \(.*?board.chair@dwp.example.*?\); the quorum is \d", text)
    assert "The legal review of version 1 was answered legal.adviser@dwp.example event" in text
    assert "None is written on this version." in text


def test_a_briefing_that_somebody_put_there_past_the_software_is_not_shown(here, briefed, tmp_path):
    request_id = submit(here, tmp_path, reviewed=False)
    kept = briefing_of(here.work, briefed, "x").document()
    false = {**kept, "request_id": request_id, "small_below": 5}
    with unit_of_work(here.work.register) as unit:
        save_paper(unit, BoardPaper(request_id, 1, PaperKind.BRIEFING, false, here.work.now()))
        unit.event(here.work.now(), "for.a-test", request_id, "x", {})
    answer = Tab("board").get(f"/request/{request_id}")
    assert answer.status_code == 409
    assert "The ledger tells of no such briefing" in words(answer.text)


def test_what_a_requester_wrote_stays_text_in_the_briefing_of_another(here, tmp_path: Path):
    from tests.support.deciding import decide
    from tests.support.story import titled

    decide(here, submit(here, tmp_path, changes=titled(EVIL)))
    request_id = submit(here, tmp_path, reviewed=False)
    briefing_of(here.work, request_id, "consider_request")
    text = Tab("board").get(f"/request/{request_id}").text
    assert EVIL not in text
    assert text.count("&lt;script&gt;") >= 2, "it holds an agreement with that title, and one like it was answered"
