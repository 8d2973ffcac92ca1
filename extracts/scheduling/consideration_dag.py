"""The DAG `consider_request`: one run considers one version of one request, from its submission to its decision.

Rules:
1. A DAG holds no logic: tasks run steps, and what they judge by is on the register.
2. Reviews are asked for side by side; the Board's recommendation comes after them, the decision after that. Waiting
   takes no worker.
3. Nothing here decides: a decision is two signatures on the register, and a run only waits for it. What was decided
   is then put into a signed page for the requester.
4. A run that is still open when the policy's targets have passed is told to the ledger, once, by a deadline alert.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, BaseOperator, Param, get_parsing_context
from airflow.sdk.definitions.callback import AsyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert

from extracts.catalogue.reviewers import ReviewKind
from extracts.errors import ExtractsError
from extracts.scheduling.answer_operator import AnswerPageOperator
from extracts.scheduling.consideration_steps import AssessOperator, BriefOperator, overdue
from extracts.scheduling.decision_wait import DecisionOperator
from extracts.scheduling.review_operator import RecordedOperator, ReviewOperator
from extracts.scheduling.target import WorkingDayTarget

DAG_ID = "consider_request"
_TRIES = 3
_PAUSE = timedelta(seconds=30)
_SPECIALISTS = tuple(kind for kind in ReviewKind if kind is not ReviewKind.BOARD)
_DOC = """Considers one version of a request: policy, briefing, reviews, the Board's recommendation, the decision.

Answers are evidence; a decision is signed by Board and Controller with their own keys (`extracts decide`). A review
that is marked as a success by hand has no answer: the task after it fails, and that is recorded. Clear the review to
ask for it again.
"""


def consideration_dags() -> dict[str, DAG]:
    """The DAG by its id, unless a worker asks for another. Reads the environment."""
    wanted = get_parsing_context().dag_id
    if wanted not in (None, DAG_ID):
        return {}
    return {DAG_ID: consideration_dag(None if wanted else _days_of_policy())}


def consideration_dag(target_days: int | None = None) -> DAG:
    """The DAG. `target_days`: working days after which a run is overdue; None for no alert."""
    dag = DAG(
        DAG_ID,
        dag_display_name="Consider a request",
        description="Policy, briefing, reviews, the Board's recommendation, decision and signed answer to one request",
        doc_md=_DOC,
        schedule=None,
        catchup=False,
        max_active_runs=1000,
        is_paused_upon_creation=False,
        tags=["governance"],
        params={
            "request_id": Param(
                type="string",
                pattern="^[A-Z][A-Z0-9]*(-[A-Z0-9]+)+$",
                title="Request",
                description="Its id, such as SDDSB-2026-014.",
            ),
            "version": Param(1, type="integer", minimum=1, title="Version", description="Which version of it."),
        },
        deadline=_alert(target_days) if target_days else None,
    )
    _add_tasks(dag)
    return dag


def _alert(target_days: int) -> DeadlineAlert:
    reference, callback = WorkingDayTarget(target_days), AsyncCallback(overdue)
    return DeadlineAlert(reference=reference, interval=timedelta(0), callback=callback, name="target")


def _add_tasks(dag: DAG) -> None:
    retried: Mapping[str, Any] = {"dag": dag, "owner": "extracts", "retries": _TRIES, "retry_delay": _PAUSE}
    assess = AssessOperator(task_id="assess", **retried)
    brief = BriefOperator(task_id="write_briefing", **retried)
    pairs = [_review(dag, kind, retried) for kind in _SPECIALISTS]
    board, board_recorded = _review(dag, ReviewKind.BOARD, retried)
    decision = DecisionOperator(task_id="await_decision", trigger_rule="none_failed", **retried)
    answer = AnswerPageOperator(task_id="sign_answer", **retried)
    assess >> brief
    for asked, recorded in pairs:
        brief >> asked >> recorded >> board
    board >> board_recorded >> decision >> answer


def _review(dag: DAG, kind: ReviewKind, retried: Mapping[str, Any]) -> tuple[BaseOperator, BaseOperator]:
    name = kind.value.replace(" ", "_")
    # A review that nobody asks for is skipped, and the Board goes on all the same; one that failed stops it.
    rule = "none_failed" if kind is ReviewKind.BOARD else "all_success"
    asked = ReviewOperator(task_id=f"review_{name}", review=kind, dag=dag, owner="extracts", trigger_rule=rule)
    return asked, RecordedOperator(task_id=f"recorded_{name}", review=kind, **retried)


def _days_of_policy() -> int | None:
    """Working days that the targets come to; None if the policy cannot be read, or asks for nothing."""
    from extracts.agreement.policy import parse_policy
    from extracts.documents import read
    from extracts.settings import environment

    try:
        policy = parse_policy(read(Path(environment()["EXTRACTS_GOVERNANCE"]) / "policy.yaml"))
    except ExtractsError:
        return None
    days = {d.review: d.target_days for d in policy.reviews}
    working = max((n for kind, n in days.items() if kind in _SPECIALISTS), default=0) + days.get(ReviewKind.BOARD, 0)
    return working or None
