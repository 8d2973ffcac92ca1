"""The DAG of one agreement: seven tasks in the order in which a forum member reads them.

Rules:
1. A DAG holds no logic: tasks run steps, the schedule comes from the plan, the texts from the published file.
2. `record_outcome` always runs, and a person who ends a run by hand does not prevent it: it is the teardown. The run's
   own state comes from `release`: delivered or nothing due is success, anything else failed.
3. One run of an agreement at a time; nothing is made up for that the calendar has passed (see `timetable`).
4. An agreement that ended keeps its DAG without a schedule, so its history stays where people look for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from airflow.sdk import DAG, BaseOperator, Param

from extracts.scheduling.facts import AgreementFacts, Standing, dag_id_of
from extracts.scheduling.gates import QUESTIONS
from extracts.scheduling.links import ManifestLink, PlanLink, ReportLink
from extracts.scheduling.step_operator import BrokenOperator, StepOperator
from extracts.steps.run import OUTCOME
from extracts.steps.run_folder import GATES

ZONE = ZoneInfo("Europe/London")
BROKEN = "broken"
_MAX_RETRY_DELAY = timedelta(hours=1)
_OUTCOME_RETRIES = 3
_PLAN, _REPORT, _MANIFEST = PlanLink(), ReportLink(), ManifestLink()
_LINKS: Mapping[str, Sequence[Any]] = {
    "check_approval": (_PLAN,),
    "check_source": (_PLAN,),
    "validate_extract": (_REPORT,),
    "sign_manifest": (_MANIFEST,),
    "release": (_MANIFEST, _REPORT),
    OUTCOME: (_MANIFEST, _PLAN, _REPORT),
}
_PERIODS = {
    "daily": ("^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "2026-11-23"),
    "weekly": ("^[0-9]{4}-W[0-9]{2}$", "2026-W47"),
    "monthly": ("^[0-9]{4}-[0-9]{2}$", "2026-11"),
    "quarterly": ("^[0-9]{4}-Q[1-4]$", "2026-Q4"),
}


@dataclass(frozen=True)
class Retries:
    """How often, and after how many seconds at first, a task tries again what may mend itself."""

    count: int
    seconds: int


def agreement_dag(facts: AgreementFacts, today: date, retries: Retries, signers: Mapping[str, str]) -> DAG:
    """The DAG as people see it: schedule, tags and documentation. `signers` names who signed, by public key."""
    # Imported here, since a worker needs none of it: it would double the time before every task.
    from extracts.scheduling.docs import agreement_markdown
    from extracts.scheduling.story import tell
    from extracts.scheduling.timetable import AgreementTimetable

    standing = facts.standing(today)
    closed = standing is Standing.CLOSED
    dag = _dag(
        facts,
        schedule=None if closed else AgreementTimetable(facts.schedule),
        start_date=max(datetime.combine(facts.first_day, time.min, ZONE), facts.in_force_from),
        end_date=None if closed else datetime.combine(facts.last_day, time.max, ZONE),
        description=_one_line(facts, standing),
        doc_md=agreement_markdown(tell(facts, signers)),
        tags=_tags(facts, standing),
    )
    _add_tasks(dag, facts.request_id, retries)
    return dag


def task_dag(facts: AgreementFacts, retries: Retries) -> DAG:
    """The same DAG as a worker needs it, to run one of its tasks: no schedule and no texts."""
    dag = _dag(facts, schedule=None)
    _add_tasks(dag, facts.request_id, retries)
    return dag


def broken_dag(request_id: str, file_name: str, reason: str) -> DAG:
    """What stands for a file that cannot be read: no schedule, the tag `broken`, and the reason."""
    from extracts.scheduling.docs import broken_markdown

    dag = DAG(
        dag_id_of(request_id),
        dag_display_name=f"{request_id}: this agreement cannot be read",
        description=reason,
        doc_md=broken_markdown(file_name, reason),
        schedule=None,
        tags=[BROKEN],
        catchup=False,
        is_paused_upon_creation=True,
    )
    dag.add_task(BrokenOperator(task_id="explain", reason=reason))
    return dag


def _dag(facts: AgreementFacts, **shown: Any) -> DAG:
    pattern, example = _PERIODS.get(str(facts.plan["frequency"]), ("^[0-9A-Z-]{4,10}$", "2026-11"))
    period = Param(
        None,
        type=["null", "string"],
        pattern=pattern,
        title="Period",
        description=f"Which period to deliver, such as {example}. Leave it empty for the one that is due.",
    )
    return DAG(
        facts.dag_id,
        dag_display_name=facts.title,
        params={"period": period},
        catchup=False,
        max_active_runs=1,
        is_paused_upon_creation=False,
        **shown,
    )


def _add_tasks(dag: DAG, request_id: str, retries: Retries) -> None:
    before: BaseOperator | None = None
    for name in (*GATES, OUTCOME):
        task = StepOperator(
            task_id=name,
            request_id=request_id,
            dag=dag,
            owner="extracts",
            retries=max(retries.count, _OUTCOME_RETRIES) if name == OUTCOME else retries.count,
            retry_delay=timedelta(seconds=retries.seconds),
            retry_exponential_backoff=2.0,
            max_retry_delay=_MAX_RETRY_DELAY,
            doc_md=QUESTIONS[name],
        )
        task.operator_extra_links = tuple(_LINKS.get(name, ()))
        if before is not None:
            before >> task
        before = task
    if before is not None:
        before.as_teardown(on_failure_fail_dagrun=False)


def _one_line(facts: AgreementFacts, standing: Standing) -> str:
    plan = facts.plan
    whom = facts.recipients[0] if len(facts.recipients) == 1 else f"{len(facts.recipients)} recipients"
    return f"{facts.request_id}: {plan['identifiability']}, {plan['frequency']}, for {whom}; {standing}"


def _tags(facts: AgreementFacts, standing: Standing) -> list[str]:
    plan = facts.plan
    tags = {*facts.recipients, plan["gateway"], plan["identifiability"], plan["criticality"]}
    tags |= {dataset["dataset"] for dataset in plan["datasets"]}
    return sorted(tags | ({standing.value} if standing is not Standing.IN_FORCE else set()))
