"""What people see of an answer that was carried: in the DAG that considers a request, and on the pages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from extracts.catalogue.people import Role
from extracts.catalogue.reviewers import ReviewKind
from extracts.local.home import DemoHome
from tests.support.command_line import extracts
from tests.support.considering import Considering
from tests.support.deciding import draw_up, sign, submit
from tests.support.pages import Tab, at
from tests.support.world import World, copied

REVIEWERS = {"legal": "legal", "data-protection": "dpo", "security": "security", "information-asset-owner": "owner"}
NECESSITY = {"The council cannot see from its own records": "The council cannot tell from its records"}


@pytest.fixture(scope="module")
def shared(template_world: DemoHome, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world that these tests share: each has a request of its own."""
    with copied(template_world, tmp_path_factory.mktemp("carried") / "home") as own:
        yield own


@pytest.fixture
def again(shared: World, tmp_path: Path) -> str:
    """A request whose second version keeps the security adviser's answer to the first, and no other."""
    request_id = submit(shared, tmp_path)
    sign(shared, draw_up(shared, request_id, "return"), Role.BOARD)
    return submit(shared, tmp_path, request_id, version=2, changes=NECESSITY, reviewed=False)


def test_its_task_ends_without_waiting_and_the_task_behind_it_finds_the_answer(shared, again, monkeypatch):
    run = Considering(shared, again, 2).use(monkeypatch)
    assert run.run("review_security")["carried_from"] == 1
    assert run.run("recorded_security")["answered_by"] == "security.adviser@dwp.example"
    assert run.asked == [], "nobody was asked"


def test_whoever_is_asked_sees_what_changed_and_what_was_carried(shared, again, monkeypatch):
    body = Considering(shared, again, 2).use(monkeypatch).ask(ReviewKind.LEGAL)["body"]
    assert "What changed since the version before:\n\n- purpose.necessity: " in body
    assert "carried from version 1" in body


def test_the_pages_say_so_with_what_was_answered_to_people_of_the_house(shared, again, monkeypatch):
    at(shared, monkeypatch)
    for user in ("board", "forum", "legal"):
        page = Tab(user).text(f"/request/{again}")
        assert "carried from version 1: since version 1 nothing changed that this review looks at" in page
        assert "Looked at it." in page or "supports" in page
        assert "The security answer was carried from version 1 to 2" in page
    assert "carried from version 1" in Tab("board").text(f"/decide/{again}")


def test_a_requester_cannot_tell_which_answers_were_carried_and_so_not_who_objected(shared, tmp_path, monkeypatch):
    """Two requests: to the first nobody objects, to the other one does. Their second versions look the same."""
    at(shared, monkeypatch)
    seen = []
    for outcome in ("supports", "objects"):
        request_id = submit(shared, tmp_path, reviewed=False)
        for review, user in REVIEWERS.items():
            words_ = outcome if review == "legal" else "supports"
            said = extracts(shared, "review", "answer", request_id, review, "--outcome", words_,
                            "--reasons", "Looked at.", "--as-user", user)  # fmt: skip
            assert said.code == 0, said.text
        sign(shared, draw_up(shared, request_id, "return"), Role.BOARD)
        submit(shared, tmp_path, request_id, version=2, reviewed=False)
        text = Tab("callum").text(f"/request/{request_id}")
        seen.append(re.search(r"Reviews Which reviews.*?read what they answered", text)[0])
        for hidden in ("carried", "Looked at.", *(f"{u}.adviser" for u in ("legal", "security"))):
            assert hidden not in text, hidden
    assert seen[0] == seen[1]
    assert seen[0].count("under way") == 5
