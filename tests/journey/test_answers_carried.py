"""A returned request comes again: what changed is shown, answers that still hold are kept, and no others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from extracts.agreement.review_rules import Considered
from extracts.catalogue.people import Role
from extracts.catalogue.reviewers import Absence, ReviewKind
from extracts.errors import NotPermitted, Refused, TechnicalFailure, VerificationFailed
from extracts.local.home import DemoHome
from extracts.local.people import BOARD
from extracts.local.world import review_all
from extracts.record.transaction import unit_of_work
from extracts.steps.review_standing import considered, missing_reviews, reviews_of
from tests.support.command_line import Said, extracts
from tests.support.deciding import decide, draw_up, sign, submit
from tests.support.world import World, copied

LEGAL, DEPUTY = "legal.adviser@dwp.example", "legal.deputy@dwp.example"
PRESENT = ("--present", BOARD, "--present", LEGAL, "--present", "security.adviser@dwp.example")
NECESSITY = {"The council cannot see from its own records": "The council cannot tell from its records"}
ALL_BUT_BOARD = {kind for kind in ReviewKind if kind is not ReviewKind.BOARD}


@pytest.fixture(scope="module")
def shared(template_world: DemoHome, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world that these tests share: each has a request of its own."""
    with copied(template_world, tmp_path_factory.mktemp("carried") / "home") as own:
        yield own


def send_back(world: World, request_id: str) -> None:
    sign(world, draw_up(world, request_id, "return"), Role.BOARD)


def again(
    world: World, folder: Path, request_id: str, version: int = 2, changes: Mapping[str, str] | None = None
) -> set[ReviewKind]:
    """Submit the next version; the reviews that were carried to it."""
    submit(world, folder, request_id, version, changes, reviewed=False)
    return carried(world, request_id)


def carried(world: World, request_id: str) -> set[ReviewKind]:
    return {r.review for r in reviews_of(world.work, request_id) if r.carried}


def answer(world: World, request_id: str, review: str, user: str, *more: str, outcome: str = "supports") -> Said:
    said = ("--outcome", outcome, "--reasons", "Looked at.", "--as-user", user, *more)
    return extracts(world, "review", "answer", request_id, review, *said)


@pytest.fixture
def returned(shared: World, tmp_path: Path) -> str:
    """A request that all reviewers supported, and that the Board sent back."""
    request_id = submit(shared, tmp_path)
    send_back(shared, request_id)
    return request_id


# --- the way that it goes ---------------------------------------------------------------------------------------------


def test_what_still_holds_is_kept_and_the_rest_is_asked_again(shared, returned, tmp_path):
    assert again(shared, tmp_path, returned, changes=NECESSITY) == {ReviewKind.SECURITY}
    shown = " ".join(extracts(shared, "review", "show", returned).text.split())
    assert "carried from version 1: since version 1 nothing changed that this review looks at" in shown
    listed = extracts(shared, "review", "list", "--carried", "--for", "security", "--json").json
    (mine,) = [r for r in listed if r["request"] == returned]
    assert (mine["review"], mine["carried from"]) == ("security", "version 1")
    waiting = extracts(shared, "review", "list", "--for", "security", "--json").json
    assert returned not in {r["request"] for r in waiting}
    changes = extracts(shared, "request", "show", returned, "--changes", "--json").json["changes"]
    assert [c["field"] for c in changes] == ["purpose.necessity"]
    with pytest.raises(Refused, match="missing: legal, data protection, information asset owner, board"):
        draw_up(shared, returned)
    review_all(shared.work, returned)
    decide(shared, returned)


def test_the_ledger_says_what_was_carried_and_why_without_a_word_of_the_answer(shared, returned, tmp_path):
    assert again(shared, tmp_path, returned) == ALL_BUT_BOARD
    events = [e for e in shared.ledger("review.carried") if e.subject == returned]
    assert {e.payload["review"] for e in events} == {kind.value for kind in ALL_BUT_BOARD}
    (legal,) = [e for e in events if e.payload["review"] == "legal"]
    assert (legal.payload["answered_by"], legal.payload["from_version"], legal.payload["version"]) == (LEGAL, 1, 2)
    assert "Looked at" not in legal.payload_text


def test_the_board_recommends_afresh_and_its_chair_signs(shared, returned, tmp_path):
    again(shared, tmp_path, returned)
    assert [r.review for r in missing_reviews(shared.work, returned)] == [ReviewKind.BOARD]
    assert answer(shared, returned, "board", "board", *PRESENT).code == 0
    decide(shared, returned)


def test_small_steps_do_not_add_up_unseen(shared, returned, tmp_path):
    """Version 2 asks for less and keeps its answers, version 3 goes back to what was answered, version 4 beyond."""
    for version, days, kept in ((2, 60, ALL_BUT_BOARD), (3, 120, ALL_BUT_BOARD), (4, 150, set())):
        assert again(shared, tmp_path, returned, version, {"days: 120": f"days: {days}"}) == kept, version
        if version < 4:
            assert {r.entry.version for r in reviews_of(shared.work, returned) if r.entry} == {1}
            review_all(shared.work, returned)
            send_back(shared, returned)


# --- what is not carried ----------------------------------------------------------------------------------------------


def test_an_objection_is_not_carried_and_its_author_is_asked_again(shared, tmp_path):
    request_id = submit(shared, tmp_path, reviewed=False)
    assert answer(shared, request_id, "legal", "legal", outcome="objects").code == 0
    refuse = ("--refuse-column", "address=Letters can go through the office.")
    assert answer(shared, request_id, "security", "security", *refuse).code == 0
    assert answer(shared, request_id, "information-asset-owner", "owner").code == 0
    send_back(shared, request_id)
    assert again(shared, tmp_path, request_id) == {ReviewKind.INFORMATION_ASSET_OWNER}


def test_nor_an_answer_of_somebody_who_is_not_assigned_any_more(shared, returned, tmp_path):
    today = shared.work.today()
    away = Absence(principal=LEGAL, deputy=DEPUTY, valid_from=today, valid_until=today)
    work = replace(shared.work)
    work.__dict__["register"] = shared.work.register
    work.__dict__["reviewers"] = shared.work.reviewers.model_copy(update={"absences": (away,)})
    assert again(replace(shared, work=work), tmp_path, returned) == ALL_BUT_BOARD - {ReviewKind.LEGAL}


def test_nor_one_given_under_another_policy(shared, returned, tmp_path):
    legal, *others = shared.work.policy.reviews
    stricter = legal.model_copy(update={"clause": "Legal confirms power, basis and exemptions"})
    work = replace(shared.work)
    work.__dict__["register"] = shared.work.register
    work.__dict__["policy"] = shared.work.policy.model_copy(update={"reviews": (stricter, *others)})
    assert again(replace(shared, work=work), tmp_path, returned) == set()


def test_nor_across_a_withdrawal_or_a_refusal(shared, tmp_path):
    request_id = submit(shared, tmp_path)
    decide(shared, request_id, "refuse", reason_code="policy")
    assert again(shared, tmp_path, request_id) == set()


# --- given anew -------------------------------------------------------------------------------------------------------


def test_whoever_answered_may_answer_anew_until_the_board_relied_on_it(shared, returned, tmp_path):
    again(shared, tmp_path, returned)
    assert answer(shared, returned, "legal", "legal", outcome="objects").code == 0
    assert ReviewKind.LEGAL not in carried(shared, returned)
    (legal, *_) = reviews_of(shared.work, returned)
    assert legal.answer is not None
    assert legal.answer.outcome.value == "objects"
    assert "was answered already" in answer(shared, returned, "legal", "legal").text, "and only once"
    assert answer(shared, returned, "board", "board", *PRESENT).code == 0
    assert "was answered already" in answer(shared, returned, "security", "security").text
    decide(shared, returned)


def test_whoever_s_answer_was_carried_does_not_sign(shared, returned, tmp_path, monkeypatch):
    again(shared, tmp_path, returned)
    review_all(shared.work, returned)
    drawn = draw_up(shared, returned)
    monkeypatch.setattr("extracts.steps.decisions.considered", _as_if_by("controller@dwp.example"))
    sign(shared, drawn, Role.BOARD)
    with pytest.raises(NotPermitted, match="answered the legal review"):
        sign(shared, drawn, Role.CONTROLLER)


def _as_if_by(name: str) -> Callable[..., Considered]:
    def found(*given: Any) -> Considered:
        case = considered(*given)
        return replace(case, answered={**case.answered, ReviewKind.LEGAL: name})

    return found


# --- what somebody with the database can do ---------------------------------------------------------------------------


def test_an_answer_carried_past_the_software_stops_the_decision(shared, returned, tmp_path):
    again(shared, tmp_path, returned, changes=NECESSITY)
    copy = "SELECT request_id, 2, review, 1, digest, 'it does', now() FROM register.review_answer"
    where = f"WHERE request_id = '{returned}' AND version = 1 AND review = 'legal'"
    with shared.work.register.begin() as connection:
        connection.exec_driver_sql(f"INSERT INTO register.review_carried {copy} {where}")
    review_all(shared.work, returned)
    with pytest.raises(VerificationFailed, match="tells of no such legal answer"):
        draw_up(shared, returned)


@pytest.mark.parametrize(
    "statement",
    ["UPDATE register.review_carried SET why = ''", "DELETE FROM register.review_carried"],
)
def test_the_software_s_own_role_changes_nothing_that_was_carried(shared, statement):
    with pytest.raises(TechnicalFailure, match="42501"), unit_of_work(shared.work.register) as unit:
        unit.connection.exec_driver_sql(statement)
