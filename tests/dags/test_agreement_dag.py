"""The DAG of an agreement: what it is called, when it runs, what its tasks are, and what people read on it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.serialization.serialized_objects import DagSerialization
from markdown_it import MarkdownIt

from extracts.agreement.decision import OrderKind
from extracts.agreement.plan import Criticality
from extracts.catalogue.contract import Identifiability
from extracts.errors import Outcome
from extracts.scheduling.agreement_dag import Retries, agreement_dag, task_dag
from extracts.scheduling.facts import read_facts
from tests.dags.agreements import SIGNED_AT, a_document, ordered, publish
from tests.support.builders import a_plan, an_identified_plan

TODAY = date(2026, 11, 23)
RETRIES = Retries(3, 60)
CHAIN = [
    "check_approval",
    "check_source",
    "build_extract",
    "validate_extract",
    "sign_manifest",
    "release",
    "record_outcome",
]


def the_dag(folder: Path, document: dict[str, Any] | None = None, today: date = TODAY) -> DAG:
    return agreement_dag(read_facts(publish(folder, document)), today, RETRIES, {})


def test_the_dag_is_named_after_the_request_and_shows_its_title(published):
    dag = the_dag(published)
    assert dag.dag_id == "extract__SDDSB-2026-027"
    assert dag.dag_display_name == "Pension Credit in Scotland, quarterly statistics"


def test_a_new_version_of_the_request_keeps_the_dag_and_its_history(published):
    renewed = a_document()
    renewed["request"]["version"] = 2
    assert the_dag(published, renewed).dag_id == the_dag(published).dag_id


def test_the_tasks_are_one_chain_in_the_order_of_the_gates(published):
    tasks = the_dag(published).task_dict
    assert list(tasks) == CHAIN
    for before, after in pairwise(CHAIN):
        assert tasks[before].downstream_task_ids == {after}


def test_every_task_says_in_english_what_it_checks(published):
    for task in the_dag(published).tasks:
        assert len(task.doc_md) > 60, task.task_id


def test_the_outcome_is_recorded_whatever_happens_and_does_not_hide_a_failure(published):
    outcome = the_dag(published).get_task("record_outcome")
    assert outcome.is_teardown
    assert not outcome.on_failure_fail_dagrun  # else Airflow would judge the run by this task alone
    assert outcome.trigger_rule == "all_done_setup_success"


def test_what_may_mend_itself_is_tried_again_with_growing_pauses(published):
    task = the_dag(published).get_task("build_extract")
    assert (task.retries, task.retry_delay, task.retry_exponential_backoff) == (3, timedelta(seconds=60), 2.0)


def test_one_run_at_a_time_and_nothing_is_caught_up(published):
    dag = the_dag(published)
    assert (dag.max_active_runs, dag.catchup, dag.is_paused_upon_creation) == (1, False, False)


def test_it_is_scheduled_from_its_start_to_its_end(published):
    dag = the_dag(published, a_document(valid_until=date(2026, 12, 31)))
    assert dag.timetable.schedule == "working day: 5 of quarter"
    assert dag.start_date == datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
    assert dag.end_date.date() == date(2026, 12, 31)


def test_what_was_due_before_both_had_signed_was_never_due(published):
    document = a_document()
    assert the_dag(published, document).start_date == SIGNED_AT
    document["signatures"]["controller"]["recorded_at"] = "2026-03-01T15:30:00Z"
    assert the_dag(published, document).start_date == datetime(2026, 3, 1, 15, 30, tzinfo=UTC)


def test_tags_name_recipient_dataset_gateway_form_and_criticality(published):
    assert set(the_dag(published).tags) == {
        "scottish-government-analysts",
        "pension_credit_award",
        "scotland-act-2016-s34",
        "pseudonymised",
        "analysis",
    }


@pytest.mark.parametrize("form", [Identifiability.IDENTIFIED, Identifiability.PSEUDONYMISED])
@pytest.mark.parametrize("criticality", list(Criticality))
def test_tags_follow_the_plan(published, form, criticality):
    plan = a_plan(identifiability=form, criticality=criticality)
    assert {form.value, criticality.value} <= set(the_dag(published, a_document(plan)).tags)


# --- agreements that are not in force ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "document",
    [ordered(a_document(), OrderKind.REVOKE), a_document() | {"withdrawn_at": "2026-03-02T09:00:00Z"}],
    ids=["revoked", "withdrawn"],
)
def test_an_agreement_that_was_ended_keeps_its_dag_without_a_schedule(published, document):
    dag = the_dag(published, document)
    assert "closed" in dag.tags
    assert not dag.timetable.can_be_scheduled
    assert list(dag.task_dict) == CHAIN


def test_an_agreement_is_closed_on_the_day_after_its_last(published):
    document = a_document(valid_until=date(2026, 11, 23))
    assert "closed" not in the_dag(published, document, date(2026, 11, 23)).tags
    assert "closed" in the_dag(published, document, date(2026, 11, 24)).tags


def test_a_suspended_agreement_stays_scheduled_so_that_each_missed_delivery_is_seen_to_be_stopped(published):
    dag = the_dag(published, ordered(a_document(), OrderKind.SUSPEND))
    assert "suspended" in dag.tags
    assert dag.timetable.can_be_scheduled


def test_a_resumed_agreement_is_in_force_again_and_a_revoked_one_never(published):
    resumed = the_dag(published, ordered(a_document(), OrderKind.SUSPEND, OrderKind.RESUME))
    revoked = the_dag(published, ordered(a_document(), OrderKind.REVOKE, OrderKind.RESUME))
    assert not {"suspended", "closed"} & set(resumed.tags)
    assert "closed" in revoked.tags


# --- what a person may type -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("plan", "right", "wrong"),
    [
        (a_plan(), "2026-Q3", "2026-09"),
        (an_identified_plan(), "2026-09", "2026-Q3"),
        (an_identified_plan(), "2026-09", "2026-09'; DROP TABLE claim; --"),
    ],
)
def test_a_period_typed_by_hand_must_have_the_agreement_s_form(published, plan, right, wrong):
    params = the_dag(published, a_document(plan)).params
    assert params["period"] is None
    params["period"] = right
    with pytest.raises(ValueError, match="Invalid input for param period"):
        params["period"] = wrong


# --- what the documentation says -----------------------------------------------------------------------------------


def test_the_documentation_answers_what_a_forum_member_asks(published):
    text = the_dag(published).doc_md
    for words in (
        "Scottish Government, social security analysts",  # with whom
        "To forecast the cost and reach of Pension Age Winter Heating Payment.",  # what for
        "Scotland Act 2016, section 34",  # under which power
        "UK GDPR article 6(1)(e)",
        "31 December 2027",  # until when
        "730 days",  # kept for how long
        "5th working day of each quarter in Scotland",  # when
        "Necessary and proportionate.",  # why it was approved
        "Signed for the Controller",
        "replaced by a pseudonym",  # what is shared
        "in bands of 10",
        "No group of fewer than 10 people",
    ):
        assert words in text, words
    for outcome in Outcome:
        assert outcome.value in text


def test_the_documentation_lists_every_delivered_column(published):
    plan = an_identified_plan()
    text = the_dag(published, a_document(plan)).doc_md.replace("\\", "")
    for column in plan.datasets[0].columns:
        assert f"| {column.name} |" in text


def test_the_documentation_does_not_change_from_one_day_to_the_next(published):
    """Else every day would make a new version of the DAG."""
    assert the_dag(published, today=date(2026, 3, 1)).doc_md == the_dag(published, today=date(2026, 10, 1)).doc_md


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("[click](https://evil.example)", "<a "),
        ("<script>alert(1)</script>", "<script"),
        ("<img src=x>", "<img"),
        ("one\n\n# heading", "<h1"),
        ("~ | a cell of my own", "<td>a cell of my own"),
    ],
)
def test_text_of_a_request_cannot_write_markup_into_the_documentation(published, text, tag):
    document = a_document()
    document["request"]["purpose"] = text
    page = MarkdownIt("commonmark", {"html": True}).enable("table").render(the_dag(published, document).doc_md)
    assert tag not in page
    assert "Whose data" in page


# --- what Airflow keeps ---------------------------------------------------------------------------------------------


def test_airflow_can_store_the_dag_and_read_it_back(published):
    stored = DagSerialization.to_dict(the_dag(published))
    back = DagSerialization.from_dict(stored)
    assert back.timetable.summary == "5th working day of each quarter in Scotland, 06:00"
    assert back.get_task("record_outcome").is_teardown
    links = {task.task_id: [link.name for link in task.operator_extra_links] for task in back.tasks}
    assert links["check_approval"] == ["Explained plan"]
    assert links["validate_extract"] == ["Quality report"]
    assert set(links["record_outcome"]) == {"Explained plan", "Quality report", "Manifest"}


def test_a_worker_s_dag_has_the_same_tasks(published):
    facts = read_facts(publish(published))
    lean, whole = task_dag(facts, RETRIES), agreement_dag(facts, TODAY, RETRIES, {})
    assert lean.dag_id == whole.dag_id
    assert list(lean.task_dict) == list(whole.task_dict)
    for name in CHAIN:
        one, other = lean.get_task(name), whole.get_task(name)
        for field in ("retries", "retry_delay", "retry_exponential_backoff", "is_teardown", "trigger_rule"):
            assert getattr(one, field) == getattr(other, field), (name, field)
    assert lean.params.dump() == whole.params.dump()
