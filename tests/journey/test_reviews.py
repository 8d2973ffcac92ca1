"""Reviews by the command line, on a real register: what counts, what does not, and what waits for them.

Every refusal is in the ledger, and none of them changes anything else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from extracts.agreement.request_words import ReviewOutcome
from extracts.agreement.review_answer import ReviewAnswer
from extracts.catalogue.people import Role
from extracts.catalogue.reviewers import Absence, ReviewKind
from extracts.errors import NotPermitted, Refused, TechnicalFailure, VerificationFailed
from extracts.local.home import DemoHome
from extracts.local.people import BOARD, CONTROLLER
from extracts.local.world import review_all
from extracts.record import ledger
from extracts.record.reviews import review_answers
from extracts.record.transaction import reading, unit_of_work
from extracts.steps.review_standing import missing_reviews, reviews_of
from extracts.steps.reviews import Asked, answer_review, check_answered
from extracts.steps.workplace import Workplace
from tests.support.command_line import Said, extracts
from tests.support.deciding import REQUESTER, SIGNERS, decide, draw_up, sign, submit
from tests.support.world import World, copied

LEGAL, DEPUTY = "legal.adviser@dwp.example", "legal.deputy@dwp.example"
USERS = {"legal": "legal", "data-protection": "dpo", "security": "security", "information-asset-owner": "owner"}
PRESENT = ("--present", BOARD, "--present", LEGAL, "--present", "security.adviser@dwp.example")


@pytest.fixture(scope="module")
def shared(template_world: DemoHome, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world that these tests share: each has a request of its own."""
    with copied(template_world, tmp_path_factory.mktemp("reviews") / "home") as own:
        yield own


@pytest.fixture
def asked(shared: World, tmp_path: Path) -> str:
    """A request that waits for all its reviews."""
    return submit(shared, tmp_path, reviewed=False)


def answer(world: World, request_id: str, review: str, user: str, *more: str, outcome: str = "supports") -> Said:
    words = ("--outcome", outcome, "--reasons", "Looked at.", "--as-user", user, *more)
    return extracts(world, "review", "answer", request_id, review, *words)


def refusals(world: World, request_id: str) -> list[tuple[str, str, str]]:
    """(actor's last name, review, reason) of every refusal in the ledger."""
    found = [e for e in world.ledger("review.refused") if e.subject == request_id]
    return [(e.actor.rpartition(" as ")[2], e.payload["review"], e.payload["reason"]) for e in found]


def events(world: World, request_id: str) -> list[Any]:
    return [e for e in world.ledger() if e.subject == request_id]


def supports() -> ReviewAnswer:
    return ReviewAnswer(outcome=ReviewOutcome.SUPPORTS, reasons="Looked at.")


# --- the way that it goes ---------------------------------------------------------------------------------------------


def test_four_reviews_the_board_s_recommendation_then_two_signatures(shared, asked):
    shown = extracts(shared, "review", "show", asked, "--json").json["reviews"]
    assert [r["review"] for r in shown] == [k.value for k in ReviewKind]
    assert all(r["asked_at"] and r["target_on"] and r["move"] for r in shown)
    for review, user in USERS.items():
        refuse = ("--refuse-column", "address=Letters can go through the office.") if user == "security" else ()
        assert answer(shared, asked, review, user, *refuse).code == 0
    waiting = extracts(shared, "review", "list", "--for", "board", "--json").json
    assert [(w["review"], w["asked of"]) for w in waiting if w["request"] == asked] == [("board", BOARD)]
    conditional = ("--condition", "First contact is by telephone.", *PRESENT)
    said = answer(shared, asked, "board", "board", *conditional, outcome="supports-with-conditions")
    assert said.code == 0, said.text
    told = extracts(shared, "review", "show", asked)
    for words in ("benefit_cap.address: Letters can go", "First contact is by telephone.", BOARD):
        assert words in told.text, words
    assert extracts(shared, "why", asked, "--json").json["move"].startswith("Possible now")
    decide(shared, asked)
    kinds = [e.kind for e in events(shared, asked)]
    assert kinds.count("review.answered") == 5
    assert kinds.index("review.asked") < kinds.index("review.answered") < kinds.index("decision.signed")


def test_the_ledger_names_answers_by_digest_and_holds_none_of_their_words(shared, asked):
    assert answer(shared, asked, "legal", "legal").code == 0
    (event,) = [e for e in events(shared, asked) if e.kind == "review.answered"]
    (kept,) = [r.entry for r in reviews_of(shared.work, asked) if r.entry]
    assert event.payload["answer_digest"] == kept.digest
    assert "Looked at." not in event.payload_text
    assert event.payload["answered_by"] == LEGAL


def test_a_request_and_its_why_say_whose_move_it_is(shared, asked):
    why = extracts(shared, "why", asked, "--json").json["move"]
    assert why.startswith(f"The reviewers' first: legal: {LEGAL}, due ")
    assert "board" not in why.split("Possible now")[0], "the Board waits for the others"
    shown = extracts(shared, "request", "show", asked, "--json").json
    assert [r["review"] for r in shown["reviews"] if r["answer"] is None] == [k.value for k in ReviewKind]
    assert "legal review" in extracts(shared, "request", "show", asked).text


# --- what does not count ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("review", "user", "more", "reason"),
    [
        ("legal", "security", (), "not assigned today"),
        ("legal", DEPUTY, (), "not assigned today"),
        ("legal", "forum", (), "not assigned today"),
        ("legal", REQUESTER, (), "not assigned today"),
        ("legal", "nobody", (), "not a declared person"),
        ("board", "board", PRESENT, "other reviews are missing"),
        ("legal", "legal", ("--refuse-column", "bank_account=No."), "the answer cannot be read"),
        ("legal", "legal", ("--condition", "Twice."), "the answer cannot be read"),
    ],
)
def test_what_does_not_count_says_why_and_is_in_the_ledger(shared, asked, review, user, more, reason):
    said = answer(shared, asked, review, user, *more)
    assert said.code in (1, 2)
    assert said.err
    assert refusals(shared, asked) == [(user, review, reason)]
    assert len(missing_reviews(shared.work, asked)) == 5


def test_nobody_answers_twice_and_nothing_is_changed(shared, asked):
    assert answer(shared, asked, "legal", "legal").code == 0
    said = answer(shared, asked, "legal", "legal", outcome="objects")
    assert f"was answered already, by {LEGAL}" in said.text
    assert refusals(shared, asked) == [("legal", "legal", "answered already")]
    (kept,) = [r.answer for r in reviews_of(shared.work, asked) if r.answer]
    assert kept.outcome is ReviewOutcome.SUPPORTS


def test_an_answer_to_an_older_version_does_not_count(shared, asked, tmp_path):
    sign(shared, draw_up(shared, asked, "return"), Role.BOARD)
    submit(shared, tmp_path, asked, version=2, reviewed=False)
    said = answer(shared, asked, "legal", "legal", "--version", "1")
    assert "version 2 is the newest" in said.text
    assert refusals(shared, asked) == [("legal", "legal", "about another version than the newest")]
    assert answer(shared, asked, "legal", "legal", "--version", "2").code == 0


def test_answers_to_one_version_are_no_answers_to_another_request_under_its_name(shared, tmp_path):
    request_id = submit(shared, tmp_path)
    sign(shared, draw_up(shared, request_id, "return"), Role.BOARD)
    more = {"days: 120": "days: 150"}
    submit(shared, tmp_path, request_id, version=2, changes=more, reviewed=False)
    assert len(missing_reviews(shared.work, request_id)) == 5
    with pytest.raises(Refused, match="version 2 cannot be decided yet"):
        draw_up(shared, request_id)


def test_a_late_answer_does_not_count(shared, tmp_path):
    request_id = submit(shared, tmp_path)
    decide(shared, request_id)
    said = answer(shared, request_id, "legal", "legal")
    assert "the request is approved" in said.text
    assert refusals(shared, request_id) == [("legal", "legal", "not waiting for a decision")]


def test_a_refusal_s_event_survives_a_name_that_no_event_takes(shared, asked):
    for name in ("a\x1b[31mred\n", "x" * 400, ""):
        with pytest.raises(NotPermitted):
            answer_review(shared.work, Asked(asked, ReviewKind.LEGAL), name, lambda _: supports())
    assert [reason for _, _, reason in refusals(shared, asked)] == ["not a declared person"] * 3


@pytest.mark.parametrize("review", ["legall", "controller", ""])
def test_an_unknown_review_is_a_misuse(shared, asked, review):
    said = answer(shared, asked, review, "legal")
    assert said.code == 2
    assert "is no review" in said.text


# --- where submitting tells Airflow -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "text", "told"),
    [
        (0o600, "engineer:secret-word", "Airflow does not answer POST /auth/token"),
        (0o644, "engineer:secret-word", "must be a file of mode 0600"),
        (0o600, "secret-word", "one line, user:password"),
        (None, "", "names no file that can be read"),
    ],
)
def test_a_submission_stands_though_airflow_cannot_be_told(shared, asked, tmp_path, mode, text, told):
    login = tmp_path / "login"
    if mode is not None:
        login.write_text(text)
        login.chmod(mode)
    settings = {"EXTRACTS_AIRFLOW_URL": "http://127.0.0.1:1", "EXTRACTS_AIRFLOW_LOGIN": str(login)}
    said = extracts(shared, "request", "submit", tmp_path / f"{asked}-1.yaml", "--as-user", REQUESTER, **settings)
    assert said.code == 0
    assert f"Later: `extracts review start {asked}`" in said.text
    assert told in said.text
    assert "secret-word" not in said.text
    again = extracts(shared, "review", "start", asked, **settings)
    assert again.code in (1, 2)
    assert told in again.text


def test_without_an_airflow_in_the_settings_starting_says_what_to_set(shared, asked):
    said = extracts(shared, "review", "start", asked)
    assert said.code == 2
    assert "EXTRACTS_AIRFLOW_URL is not set" in said.text


# --- deputies ---------------------------------------------------------------------------------------------------------


def while_away(world: World) -> Workplace:
    """The world with the legal adviser away today."""
    today = world.work.today()
    away = Absence(principal=LEGAL, deputy=DEPUTY, valid_from=today, valid_until=today)
    work = replace(world.work)
    work.__dict__["register"] = world.work.register
    work.__dict__["reviewers"] = world.work.reviewers.model_copy(update={"absences": (away,)})
    return work


def test_a_waiting_review_moves_to_the_deputy_and_counts_once(shared, asked):
    assert answer(shared, asked, "security", "security").code == 0
    work = while_away(shared)
    (legal, *_) = missing_reviews(work, asked)
    assert legal.move.startswith(f"legal: {DEPUTY}, for {LEGAL}, due ")
    with pytest.raises(NotPermitted, match="is away and is not assigned"):
        answer_review(work, Asked(asked, ReviewKind.LEGAL), LEGAL, lambda _: supports())
    found = answer_review(work, Asked(asked, ReviewKind.LEGAL), DEPUTY, lambda _: supports())
    assert (found.answered_by, found.stands_for) == (DEPUTY, LEGAL)
    said = answer(shared, asked, "legal", "legal")
    assert f"was answered already, by {DEPUTY}" in said.text, "back again, the adviser finds it answered"
    assert len([r for r in reviews_of(shared.work, asked) if r.entry]) == 2, "and no answer was lost"


# --- decisions wait for reviews ---------------------------------------------------------------------------------------


def test_nobody_draws_up_or_signs_an_approval_before_the_reviews(shared, asked):
    terms = ("--outcome", "approve", "--reasons", "Lawful.")
    for role, key in (("board", BOARD), ("controller", CONTROLLER)):
        for way in (("--print",), ("--key", str(shared.home.people.key(key)))):
            said = extracts(shared, "decide", asked, "--as", role, *way, *terms)
            assert said.code == 1
            assert "missing: legal, data protection, security, information asset owner, board" in said.text
            assert f"It is the move of: legal: {LEGAL}" in said.text
    assert [e.kind for e in events(shared, asked)] == ["request.submitted", "review.asked"]


def test_one_missing_review_is_enough(shared, asked):
    for review in ("legal", "security", "information-asset-owner"):
        assert answer(shared, asked, review, USERS[review]).code == 0
    with pytest.raises(Refused, match=r"missing: data protection, board\. It is the move of: data protection: "):
        draw_up(shared, asked)


def test_a_decision_drawn_up_before_the_policy_asked_for_more_is_not_signed_without(shared, asked):
    """The policy of the day on which somebody signs says what has to be there."""
    work = replace(shared.work)
    work.__dict__["register"] = shared.work.register
    work.__dict__["policy"] = shared.work.policy.model_copy(update={"reviews": ()})
    undemanding = replace(shared, work=work)
    drawn = draw_up(undemanding, asked)
    with pytest.raises(Refused, match="cannot be decided yet"):
        sign(shared, drawn, Role.BOARD)
    assert sign(undemanding, drawn, Role.BOARD).status == "in review"


def test_a_request_is_returned_without_waiting(shared, asked):
    assert sign(shared, draw_up(shared, asked, "return"), Role.BOARD).status == "returned"


def test_what_the_policy_stops_is_refused_without_waiting(shared, tmp_path):
    stopped = submit(shared, tmp_path, changes={"expires_on: 2029-06-30": "expires_on: 2020-06-30"})
    assert len(missing_reviews(shared.work, stopped)) == 5
    decide(shared, stopped, "refuse", reason_code="policy")


def test_an_objection_is_advice_and_people_decide(shared, asked):
    for review, user in USERS.items():
        assert answer(shared, asked, review, user, outcome="objects").code == 0
    assert answer(shared, asked, "board", "board", *PRESENT).code == 0
    decide(shared, asked)


def test_whoever_reviewed_does_not_sign(shared, asked, monkeypatch):
    """The Controller is assigned to the legal review, too; the chair's recommendation and signature are one role."""
    work = replace(shared.work)
    work.__dict__["register"] = shared.work.register
    mixed = [
        a.model_copy(update={"principal": CONTROLLER}) if a.review is ReviewKind.LEGAL else a
        for a in shared.work.reviewers.reviewers
    ]
    work.__dict__["reviewers"] = shared.work.reviewers.model_copy(update={"reviewers": tuple(mixed)})
    world = replace(shared, work=work)
    review_all(work, asked)
    drawn = draw_up(world, asked)
    assert sign(world, drawn, Role.BOARD).status == "in review"
    with pytest.raises(NotPermitted, match=r"answered the legal review of .* and cannot decide as controller"):
        sign(world, drawn, Role.CONTROLLER)
    assert SIGNERS[Role.CONTROLLER] == CONTROLLER


def test_whoever_signed_does_not_review(shared, tmp_path):
    request_id = submit(shared, tmp_path, changes={"expires_on: 2029-06-30": "expires_on: 2020-06-30"})
    sign(shared, draw_up(shared, request_id, "refuse", reason_code="policy"), Role.BOARD)
    said = answer(shared, request_id, "board", "board", *PRESENT)
    assert f"{BOARD} signed a decision on it" in said.text


# --- what somebody with the databases can do --------------------------------------------------------------------------


def test_a_review_that_was_passed_over_is_recorded_as_that(shared, asked):
    with pytest.raises(NotPermitted, match="has no answer on the register"):
        check_answered(shared.work, Asked(asked, ReviewKind.LEGAL, 1), "airflow")
    assert refusals(shared, asked) == [("airflow", "legal", "no answer was given")]
    assert answer(shared, asked, "legal", "legal").code == 0
    assert check_answered(shared.work, Asked(asked, ReviewKind.LEGAL, 1), "airflow").answered_by == LEGAL


def test_an_answer_put_into_the_register_past_the_software_stops_the_decision(shared, tmp_path):
    request_id = submit(shared, tmp_path, reviewed=False)
    for review, user in USERS.items():
        assert answer(shared, request_id, review, user).code == 0
    copy = (
        "SELECT request_id, version, 'board', 'board.chair@dwp.example', '', document, digest, reviewers_digest, now()"
    )
    where = f"FROM register.review_answer WHERE request_id = '{request_id}' AND review = 'legal'"
    with shared.work.register.begin() as connection:
        connection.exec_driver_sql(f"INSERT INTO register.review_answer {copy} {where}")
    assert missing_reviews(shared.work, request_id) == ()
    with pytest.raises(VerificationFailed, match="tells of no such board answer"):
        draw_up(shared, request_id)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE register.review_answer SET answered_by = 'somebody@dwp.example'",
        "DELETE FROM register.review_answer",
        "UPDATE register.review_asked SET target_on = current_date",
        "TRUNCATE register.review_answer",
    ],
)
def test_the_software_s_own_role_changes_no_answer(shared, statement):
    with pytest.raises(TechnicalFailure, match="42501"), unit_of_work(shared.work.register) as unit:
        unit.connection.exec_driver_sql(statement)


def test_an_answer_and_its_event_are_saved_together_or_not_at_all(shared, asked, monkeypatch):
    def broken(*_: object) -> None:
        raise RuntimeError("the ledger's disk is full")

    monkeypatch.setattr("extracts.record.transaction.append_all", broken)
    with pytest.raises(RuntimeError):
        answer_review(shared.work, Asked(asked, ReviewKind.LEGAL), LEGAL, lambda _: supports())
    monkeypatch.undo()
    with reading(shared.work.register) as view:
        assert review_answers(view, asked, 1) == ()
        assert not ledger.events(view.connection, subject=asked, kind="review.answered")


def test_targets_are_working_days_of_the_policy(shared, asked):
    """Asked on a day, due so many working days later."""
    from extracts.agreement.working_days import working_days_after

    days = {d.review: d.target_days for d in shared.work.policy.reviews}
    for one in reviews_of(shared.work, asked):
        assert one.asked is not None
        assert one.asked.target_on == working_days_after(shared.work.today(), days[one.review])
        assert one.asked.target_on > shared.work.today() + timedelta(days=4)
