"""The Board asks a reviewer again, on the page and at the command line: one step, one effect; refusals are recorded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from extracts.catalogue.people import Role
from extracts.catalogue.reviewers import ReviewKind
from extracts.errors import ExtractsError, Refused, TechnicalFailure
from extracts.local.world import review_all
from extracts.record.transaction import unit_of_work
from extracts.steps.review_standing import missing_reviews, reviews_of
from tests.support.command_line import extracts
from tests.support.considering import Considering
from tests.support.deciding import decide, draw_up, sign, submit
from tests.support.pages import Tab, at, words
from tests.support.world import World, copied

WHY = "The purpose reads otherwise now."
EVIL = "<script>alert('QQ')</script>"


@pytest.fixture(scope="module")
def shared(template_world, tmp_path_factory) -> Iterator[World]:
    with copied(template_world, tmp_path_factory.mktemp("asked-again") / "home") as own:
        yield own


@pytest.fixture
def here(shared: World, monkeypatch: pytest.MonkeyPatch) -> World:
    at(shared, monkeypatch)
    return shared


@pytest.fixture
def carried(here: World, tmp_path: Path) -> str:
    """A second version to which every specialist's answer was carried."""
    request_id = submit(here, tmp_path)
    sign(here, draw_up(here, request_id, "return"), Role.BOARD)
    return submit(here, tmp_path, request_id, version=2, reviewed=False)


def ask(request_id: str, review: str = "legal", user: str = "board", why: str = WHY) -> tuple[int, str]:
    tab, page = Tab(user), f"/decide/{request_id}"
    answer = tab.send(f"{page}/ask-again", {"review": review, "reasons": why}, page=page)
    return answer.status_code, answer.headers.get("location", "") + words(answer.text)


def refusals(world: World, request_id: str) -> list[tuple[str, str]]:
    kinds = ("asking-again.refused", "page.refused")
    return [(e.actor, e.payload["reason"]) for k in kinds for e in world.ledger(k) if e.subject == request_id]


def test_the_carried_answer_is_set_aside_and_the_review_waits_for_a_new_one(here, carried, monkeypatch):
    assert "Ask for the legal review again" in Tab("board").text(f"/decide/{carried}")
    code, told = ask(carried)
    assert (code, "done=asked-again" in told) == (303, True)
    (legal,) = [r for r in reviews_of(here.work, carried) if r.review is ReviewKind.LEGAL]
    assert (legal.entry, legal.again_in_words) == (None, f"asked again by board.chair@dwp.example: {WHY}")
    with pytest.raises(Refused, match="missing: legal, board"):
        draw_up(here, carried)
    (event,) = [e for e in here.ledger("review.asked-again") if e.subject == carried]
    assert (event.actor, event.payload["review"], event.payload["version"]) == (
        "board as board.chair@dwp.example",
        "legal",
        2,
    )
    run = Considering(here, carried, 2).use(monkeypatch)
    body = run.ask(ReviewKind.LEGAL)["body"]
    assert WHY.rstrip(".") in body
    run.answer(ReviewKind.LEGAL, "legal", reasons="Still lawful.")
    assert [r.review for r in missing_reviews(here.work, carried)] == [ReviewKind.BOARD]
    assert "Still lawful." in Tab("board").text(f"/decide/{carried}")
    review_all(here.work, carried)
    decide(here, carried)


def test_the_command_line_does_the_same(here, carried):
    said = extracts(here, "review", "ask-again", carried, "security", "--reasons", WHY, "--as-user", "board")
    assert (said.code, "waits again" in said.text) == (0, True), said.text
    assert [r.review for r in missing_reviews(here.work, carried)] == [ReviewKind.SECURITY, ReviewKind.BOARD]
    assert WHY in " ".join(extracts(here, "review", "show", carried).text.split())
    assert carried in extracts(here, "review", "list", "--for", "security").text
    assert (f"asked again by board.chair@dwp.example: {WHY}") in Tab("forum").text(f"/request/{carried}")


def test_airflow_is_told_to_show_the_form_again_and_what_it_answers_changes_nothing(here, carried, monkeypatch):
    told = []

    def clear(_: object, *asked: object) -> str:
        told.append(asked)
        if len(told) > 1:
            raise TechnicalFailure("Airflow does not answer.")
        return "run"

    monkeypatch.setattr("extracts.web.decide_page.ask_again_in_airflow", clear)
    assert ask(carried)[1].endswith("done=asked-again")
    assert ask(carried, "security")[1].endswith("done=asked-again-here")
    assert told == [(carried, 2, "legal"), (carried, 2, "security")]
    assert len(missing_reviews(here.work, carried)) == 3


@pytest.mark.parametrize("user", ["controller", "forum", "legal", "callum", "engineer", "nobody-declared"])
def test_only_the_board_asks_again(here, carried, user):
    answer = Tab(user).send(f"/decide/{carried}/ask-again", {"review": "legal", "reasons": WHY})
    assert answer.status_code == 403
    page = f"/decide/{carried}"
    assert user != "controller" or ask(carried, user=user)[0] == 403
    assert user != "controller" or "Ask for the legal review again" not in Tab(user).text(page)
    assert {who for who, _ in refusals(here, carried)} == {user}
    assert len(missing_reviews(here.work, carried)) == 1
    if user == "controller":
        said = extracts(here, "review", "ask-again", carried, "legal", "--reasons", WHY, "--as-user", user)
        assert (said.code, "does not hold the role board" in said.text) == (1, True)


def test_a_form_without_its_token_changes_nothing_and_nobody_signed_in_gets_no_further(here, carried):
    assert Tab("board").send(f"/decide/{carried}/ask-again", {"review": "legal", "reasons": WHY}).status_code == 403
    assert Tab("").send(f"/decide/{carried}/ask-again", {"review": "legal"}).status_code == 401
    assert ("board", "without a valid token") in refusals(here, carried)
    assert len(missing_reviews(here.work, carried)) == 1


@pytest.mark.parametrize(
    ("review", "why", "code", "said"),
    [
        ("board", WHY, 409, "waits already"),
        ("nonsense", WHY, 400, "names no review"),
        ("legal", " ", 400, "needs its reasons"),
        ("legal", "\x1b[2J", 400, "reasons"),
    ],
)
def test_what_makes_no_sense_is_told(here, carried, review, why, code, said):
    found = ask(carried, review, why=why)
    assert (found[0], said in found[1]) == (code, True), found
    assert len(missing_reviews(here.work, carried)) == 1


def test_an_answer_given_on_this_version_is_not_set_aside_nor_one_that_was_relied_on(here, carried, tmp_path):
    fresh = submit(here, tmp_path)
    assert "was answered on this version" in ask(fresh)[1]
    assert ask(carried)[0] == 303
    assert "waits already" in ask(carried)[1], "once"
    review_all(here.work, carried)
    assert "relying on it" in ask(carried, "security")[1]
    decide(here, carried)
    assert "is over: the request is approved" in ask_late(carried)
    assert refusals(here, fresh) == [("board", "not possible now")]
    assert len(refusals(here, carried)) == 3


def ask_late(request_id: str) -> str:
    """With a form of a page that was opened before."""
    tab = Tab("board")
    from extracts.web.desk import open_desk
    from extracts.web.sent_form import form_token
    from extracts.web.visitor import visitor_at

    token = form_token(visitor_at(open_desk(), "board"))
    fields = {"review": "security", "reasons": WHY, "form": token}
    return words(tab.send(f"/decide/{request_id}/ask-again", fields).text)


def test_markup_in_the_reasons_stays_text(here, carried, monkeypatch):
    assert ask(carried, why=EVIL)[0] == 303
    for user in ("board", "forum"):
        assert EVIL not in Tab(user).get(f"/request/{carried}").text
    body = Considering(here, carried, 2).use(monkeypatch).ask(ReviewKind.LEGAL)["body"]
    assert "<script>" not in body


def test_the_software_s_own_role_changes_nothing_that_was_asked_again(here, carried):
    assert ask(carried)[0] == 303
    for statement in ("UPDATE register.review_asked_again SET reasons = ''", "DELETE FROM register.review_asked_again"):
        with pytest.raises(ExtractsError, match="42501"), unit_of_work(here.work.register) as unit:
            unit.connection.exec_driver_sql(statement)
