"""The DAG that considers a request: who is asked, what an answer does, and what walking around it does not do."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException, TaskDeferred
from airflow.serialization.decoders import decode_deadline_reference
from airflow.serialization.serialized_objects import DagSerialization

from extracts.catalogue.people import Role
from extracts.catalogue.reviewers import ReviewKind
from extracts.local.home import DemoHome
from extracts.local.world import review_all
from extracts.scheduling import decision_wait
from extracts.scheduling.consideration_dag import DAG_ID, consideration_dag, consideration_dags
from extracts.scheduling.consideration_steps import overdue
from extracts.scheduling.decision_wait import DecisionTrigger
from extracts.scheduling.review_form import body_of, escaped, read_form
from extracts.scheduling.target import WorkingDayTarget, end_of_target
from extracts.settings import PROJECT
from extracts.steps.requests import submit_request
from extracts.steps.review_standing import missing_reviews
from tests.support.agreements import BENEFIT_CAP, a_request
from tests.support.considering import Considering
from tests.support.deciding import decide, draw_up, sign, submit
from tests.support.world import World, copied

SPECIALISTS = [k for k in ReviewKind if k is not ReviewKind.BOARD]
LEGAL = "legal.adviser@dwp.example"
USERS = dict(zip(ReviewKind, ("legal", "dpo", "security", "owner", "board"), strict=True))


@pytest.fixture(scope="module")
def shared(template_world: DemoHome, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world that these tests share: each has a request of its own."""
    with copied(template_world, tmp_path_factory.mktemp("considering") / "home") as own:
        yield own


@pytest.fixture
def run(shared: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Considering:
    """A run for a request that waits for all its reviews."""
    return Considering(shared, submit(shared, tmp_path, reviewed=False)).use(monkeypatch)


def refusals(run: Considering) -> list[str]:
    return [e.payload["reason"] for e in run.world.ledger("review.refused") if e.subject == run.request_id]


# --- its shape --------------------------------------------------------------------------------------------------------


def test_reviews_stand_side_by_side_and_each_is_followed_by_its_record():
    tasks = consideration_dag().task_dict
    reviews = {f"review_{k.value.replace(' ', '_')}" for k in SPECIALISTS}
    assert tasks["assess"].downstream_task_ids == {"write_briefing"}
    assert tasks["write_briefing"].downstream_task_ids == reviews
    for name in reviews:
        assert tasks[name].downstream_task_ids == {name.replace("review_", "recorded_", 1)}
    assert tasks["review_board"].upstream_task_ids == {n.replace("review_", "recorded_", 1) for n in reviews}
    assert tasks["recorded_board"].downstream_task_ids == {"await_decision"}
    assert tasks["await_decision"].downstream_task_ids == {"sign_answer"}


def test_it_is_started_for_a_request_and_version_and_by_no_clock():
    dag = consideration_dag(23)
    assert (dag.dag_id, dag.schedule, dag.catchup) == (DAG_ID, None, False)
    assert set(dag.params) == {"request_id", "version"}
    (alert,) = DagSerialization.to_dict(dag)["dag"]["deadline"]
    assert alert["callback"]["__data__"]["path"] == "extracts.scheduling.consideration_steps.overdue"
    assert alert["reference"]["working_days"] == 23
    assert alert["interval"]["__data__"] == 0


def test_the_alert_comes_from_the_policy_s_targets(home):
    (dag,) = consideration_dags().values()
    (alert,) = DagSerialization.to_dict(dag)["dag"]["deadline"]
    assert alert["reference"]["working_days"] == 10 + 5


def test_a_target_is_the_end_of_a_working_day():
    """Started on Friday 27 November 2026; Monday 30 is St Andrew's Day."""
    started = datetime(2026, 11, 27, 23, 30, tzinfo=UTC)
    assert end_of_target(started, 1) == datetime(2026, 12, 2, 0, 0, tzinfo=UTC)


def test_airflow_reads_a_target_back_from_its_database():
    kept = DagSerialization.to_dict(consideration_dag(15))["dag"]["deadline"][0]["reference"]
    assert decode_deadline_reference(kept).inner_ref == WorkingDayTarget(15)


def test_a_policy_that_cannot_be_read_takes_the_alert_and_not_the_dag(home, tmp_path, monkeypatch):
    monkeypatch.setenv("EXTRACTS_GOVERNANCE", str(tmp_path))
    assert not consideration_dags()[DAG_ID].deadline


# --- who is asked -----------------------------------------------------------------------------------------------------


def test_whoever_is_assigned_is_asked_and_nobody_else(run):
    for review in SPECIALISTS:
        asked = run.ask(review)
        assert [u["id"] for u in asked["assigned_users"]] == [USERS[review]]
        assert asked["subject"].startswith(review.value.capitalize())
        assert asked["defaults"] is None, "no answer is made up when nobody gives one"
    assert set(run.asked[0]["params"]) == {"reasons", "refuse", "conditions"}


def test_a_review_of_a_request_that_is_over_is_skipped(run):
    review_all(run.world.work, run.request_id)
    decide(run.world, run.request_id)
    with pytest.raises(AirflowSkipException, match="is over: approved"):
        run.run("review_legal")


def test_a_review_that_the_policy_does_not_ask_for_is_skipped(shared, tmp_path, monkeypatch):
    text = (PROJECT / "examples" / "requests" / "pension-credit-statistics.yaml").read_text()
    (tmp_path / "request.yaml").write_text(text.replace("SDDSB-2026-027", "SDDSB-2026-800"))
    submit_request(shared.work, tmp_path / "request.yaml", "eilidh.requester@scotgov.example")
    statistics = Considering(shared, "SDDSB-2026-800").use(monkeypatch)
    with pytest.raises(AirflowSkipException, match="does not ask for the security review"):
        statistics.run("review_security")
    assert statistics.ask(ReviewKind.LEGAL)


def test_an_answer_by_the_command_line_counts_here_too(run):
    review_all(run.world.work, run.request_id)
    assert run.run("review_legal")["answered_by"] == LEGAL
    assert run.asked == [], "nobody is asked again"


def test_without_anybody_who_can_answer_in_airflow_nobody_is_asked(run, monkeypatch):
    monkeypatch.setattr("extracts.scheduling.review_operator.users_of", lambda *_: [])
    with pytest.raises(AirflowFailException, match="Nobody can answer in Airflow: legal: "):
        run.run("review_legal")
    assert run.asked == [], "an empty list would let everybody answer"


# --- what an answer does ----------------------------------------------------------------------------------------------


def test_a_stored_answer_is_recorded_with_its_author(run):
    text = "address: Letters can go through the office."
    found = run.answer(ReviewKind.LEGAL, "legal", refuse=text)
    assert found["answered_by"] == LEGAL
    assert run.run("recorded_legal") == found
    (event,) = [e for e in run.world.ledger("review.answered") if e.subject == run.request_id]
    assert (event.actor, event.payload["columns_refused"]) == ("legal", 1)


@pytest.mark.parametrize(
    ("user", "given", "reason"),
    [
        ("security", {}, "not assigned today"),
        ("admin", {}, "not a declared person"),
        (None, {}, "not a declared person"),
        ("legal", {"reasons": ""}, "the answer cannot be read"),
        ("legal", {"reasons": 7}, "the answer cannot be read"),
        ("legal", {"reasons": {"a": ["b"]}}, "the answer cannot be read"),
        ("legal", {"decision": "approve"}, "the answer cannot be read"),
        ("legal", {"chosen": ("approve",)}, "the answer cannot be read"),
        ("legal", {"chosen": ("supports", "objects")}, "the answer cannot be read"),
        ("legal", {"chosen": None}, "the answer cannot be read"),
    ],
)
def test_what_does_not_count_is_recorded_and_asked_for_again(run, user, given, reason):
    with pytest.raises(AirflowException, match="does not count, and the review is asked for again") as caught:
        run.answer(ReviewKind.LEGAL, user, **given)
    assert not isinstance(caught.value, AirflowFailException), "so Airflow tries again"
    assert refusals(run) == [reason]
    assert reason in run.ask(ReviewKind.LEGAL)["body"]
    assert len(missing_reviews(run.world.work, run.request_id)) == 5


def test_an_answer_to_an_older_version_is_refused_and_recorded(run, tmp_path):
    sign(run.world, draw_up(run.world, run.request_id, "return"), Role.BOARD)
    submit(run.world, tmp_path, run.request_id, version=2, reviewed=False)
    with pytest.raises(AirflowException, match="version 2 is the newest"):
        run.answer(ReviewKind.LEGAL, "legal")
    assert refusals(run) == ["about another version than the newest"]
    with pytest.raises(AirflowSkipException, match="version 1 is over: returned"):
        run.run("review_legal")


def test_the_board_recommends_last_and_shows_its_quorum(run):
    with pytest.raises(AirflowException, match="comes after the others"):
        run.answer(ReviewKind.BOARD, "board", present="board.chair@dwp.example")
    for review in SPECIALISTS:
        run.answer(review, USERS[review])
    asked = run.ask(ReviewKind.BOARD)
    assert "present" in asked["params"]
    assert "legal: supports; Looked at." in asked["body"]
    with pytest.raises(AirflowException, match="1 members were there, and the Board needs 3"):
        run.answer(ReviewKind.BOARD, "board", present="board.chair@dwp.example")
    there = "board.chair@dwp.example\nlegal.adviser@dwp.example\nasset.owner@dwp.example\n"
    assert run.answer(ReviewKind.BOARD, "board", present=there)["answered_by"] == "board.chair@dwp.example"


# --- walking around it ------------------------------------------------------------------------------------------------


def test_a_review_marked_as_a_success_has_no_answer_and_stops_the_run(run):
    with pytest.raises(AirflowFailException, match="has no answer on the register"):
        run.run("recorded_legal")
    assert refusals(run) == ["no answer was given"]


def test_a_run_that_names_nothing_fails_in_our_words(shared, monkeypatch):
    for request_id, version in ((None, 1), ("SDDSB-2026-021", "1; DROP TABLE"), ("SDDSB-2026-999", 1), ("", True)):
        strange = Considering(shared, request_id, version).use(monkeypatch)
        for task in ("assess", "write_briefing", "review_legal", "recorded_legal", "await_decision", "sign_answer"):
            with pytest.raises((AirflowFailException, AirflowException)) as caught:
                strange.run(task)
            assert "Error" not in str(caught.value), str(caught.value)


def test_a_foreign_exception_is_named_by_its_class_alone(run, monkeypatch):
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("QQ123456C password=hunter2")

    monkeypatch.setattr("extracts.steps.reviews.answer_review", broken)
    with pytest.raises(AirflowException, match="RuntimeError") as caught:
        run.answer(ReviewKind.LEGAL, "legal")
    assert "hunter2" not in str(caught.value)
    assert caught.value.__context__ is None


def test_markup_in_a_request_is_shown_as_text():
    title = "<img src=x onerror=alert(1)> [click](javascript:alert(1)) **bold**"
    body = body_of(ReviewKind.LEGAL, a_request(BENEFIT_CAP, {"title": title}), "clause", [title], title)
    assert "<img" not in body
    assert "](javascript" not in body
    assert escaped("{{ var.value.secret }}") == r"\{\{ var.value.secret \}\}"


def test_a_form_s_fields_may_be_missing():
    assert read_form(a_request(BENEFIT_CAP), ["objects"], {"reasons": "No.", "conditions": None}).reasons == "No."


# --- before and after -------------------------------------------------------------------------------------------------


def test_the_assessment_notes_what_is_asked_for(run):
    found = run.run("assess")
    assert found["reviews"] == [k.value for k in ReviewKind]
    assert found["violations"] == []
    with pytest.raises(AirflowFailException, match="version 1 is the newest"):
        Considering(run.world, run.request_id, 2).run("assess")


def test_waiting_for_the_decision_takes_no_worker_and_says_whose_move_it_is(run):
    context = run.context
    with pytest.raises(TaskDeferred) as deferred:
        run.run("await_decision", context)
    assert context["ti"].pushed["whose_move"].startswith("The reviewers' first: legal")
    path, values = deferred.value.trigger.serialize()
    assert path == "extracts.scheduling.decision_wait.DecisionTrigger"
    again = DecisionTrigger(**values | {"every_s": 0.01})

    async def first() -> Any:
        return await anext(again.run())

    with pytest.raises(TimeoutError):
        asyncio.run(asyncio.wait_for(first(), 0.3))
    review_all(run.world.work, run.request_id)
    decide(run.world, run.request_id)
    assert asyncio.run(asyncio.wait_for(first(), 30)).payload == {"over": True}
    told = {"request": run.request_id, "version": 1, "status": "approved"}
    assert decision_wait.DecisionOperator(task_id="x").execute_complete(run.context, {}) == told


def test_a_target_that_passed_is_told_to_the_ledger_once(run):
    context = {"dag_run": {"conf": run.context["dag_run"].conf}, "deadline": {}}
    for _ in range(2):
        asyncio.run(overdue(context))
    (event,) = [e for e in run.world.ledger("consideration.overdue") if e.subject == run.request_id]
    assert event.payload == {"version": 1, "missing": [k.value for k in ReviewKind]}
