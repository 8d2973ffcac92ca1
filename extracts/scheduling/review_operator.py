"""One review in Airflow: it waits for whoever is assigned, records what they answer, and asks again if that does not
count.

Rules:
1. While it waits it holds no worker: the task rests in Airflow's own state for human input.
2. The answer (who, when, what) is taken from what Airflow stored, and recorded by the step that the command line uses.
   What does not count is recorded as refused, and the review is asked for again as another try; so is one whose people
   change while it waits, on the day on which somebody else may answer.
3. Whoever marks the waiting task as a success answers nothing: `RecordedOperator`, which follows, looks on the register
   and nowhere else, and fails.
4. An answer that was carried from an earlier version ends the task without waiting.
5. A review that the policy does not ask for, or of a request that is over, is skipped.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import BaseOperator, Param
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

from extracts.catalogue.reviewers import ReviewKind
from extracts.errors import InvalidDocument, Refused, UsageError
from extracts.scheduling.guarded import guarded
from extracts.scheduling.review_form import (
    MAY_BE_LEFT_OUT,
    OPTIONS,
    body_of,
    fields_of,
    read_form,
    subject_of,
    users_of,
)

if TYPE_CHECKING:
    from extracts.agreement.request import Request
    from extracts.steps.review_standing import ReviewStanding
    from extracts.steps.reviews import Asked
    from extracts.steps.workplace import Workplace

ACTOR = "consider_request"
_TRIES = 200
_PAUSE = timedelta(seconds=2)


class ReviewOperator(HITLOperator):
    """Asks for one review of the version that the run is about."""

    ui_color = "#fdf3d8"

    def __init__(self, *, review: ReviewKind, **kwargs: Any) -> None:
        params = {name: _field(name, title, told) for name, (title, told) in fields_of(review).items()}
        kwargs = {"retries": _TRIES, "retry_delay": _PAUSE, **kwargs, "params": params}
        super().__init__(subject=f"{review.value} review", options=OPTIONS, **kwargs)
        self.review = review

    def execute(self, context: Any) -> Any:
        """Ask, and wait; or return the answer that is on the register already. Raises Airflow's exceptions only."""
        found = guarded(self.task_id, lambda: self._prepare(context))
        if "skip" in found:
            raise AirflowSkipException(found["skip"])
        if "answered_by" in found:
            return found
        if not self.assigned_users:
            raise AirflowFailException(f"Nobody can answer in Airflow: {found['move']}. Clear this task afterwards.")
        return super().execute(context)

    def execute_complete(self, context: Any, event: dict[str, Any]) -> Any:
        """Record the stored answer. Raises AirflowException, to be asked again, if it does not count."""
        refused: list[str] = []
        found = guarded(self.task_id, lambda: self._record(context, event, refused))
        if refused:
            raise AirflowException(f"This answer does not count, and the review is asked for again. {refused[0]}")
        return found

    def _prepare(self, context: Mapping[str, Any]) -> dict[str, Any]:
        from extracts.settings import open_workplace

        work, asked = open_workplace(), asked_of(context, self.review)
        return self._waiting(work, asked, context["dag_run"].run_after)

    def _waiting(self, work: Workplace, asked: Asked, since: datetime) -> dict[str, Any]:
        from extracts.agreement.request import request_from_document
        from extracts.agreement.review_rules import OPEN
        from extracts.steps.requests import stored_request
        from extracts.steps.review_standing import reviews_of
        from extracts.steps.reviews import last_refusal
        from extracts.steps.standing import standing as standing_of

        newest, entry = stored_request(work, asked.request_id), stored_request(work, asked.request_id, asked.version)
        standing = {r.review: r for r in reviews_of(work, asked.request_id, asked.version)}
        mine = standing.get(self.review)
        if newest.version != entry.version or entry.status not in OPEN:
            return {"skip": f"{asked.request_id} version {asked.version} is over: {entry.status}."}
        if mine is None:
            return {"skip": f"The policy does not ask for the {self.review} review of {asked.request_id}."}
        if mine.entry:
            return answered(mine)
        request, said = (
            request_from_document(dict(entry.document)),
            [answer_line(r) for r in standing.values() if r.entry],
        )
        self.subject = subject_of(self.review, request)
        changed = [str(change) for change in standing_of(work, asked.request_id).changes]
        refused = last_refusal(work, asked, since)
        self.body = body_of(self.review, request, mine.clause, said, refused, changed, mine.again_in_words)
        self.assigned_users = users_of(mine.assigned, work.parties)
        self.response_timeout = until_others_may(work, self.review, request)
        return {"move": mine.move}

    def _record(self, context: Mapping[str, Any], event: Mapping[str, Any], refused: list[str]) -> dict[str, Any]:
        from extracts.settings import open_workplace
        from extracts.steps.reviews import answer_review

        user = event.get("responded_by_user") or {}
        name = str(user.get("id") or "")
        try:
            found = answer_review(
                open_workplace(),
                asked_of(context, self.review),
                name,
                lambda request: read_form(request, event.get("chosen_options"), event.get("params_input") or {}),
            )
        except (Refused, InvalidDocument) as error:
            refused.append(str(error))
            return {}
        return {"answered_by": found.answered_by, "stands_for": found.stands_for, "answer_digest": found.digest}


def _field(name: str, title: str, told: str) -> Param:
    if name in MAY_BE_LEFT_OUT:
        return Param(None, type=["null", "string"], title=title, description=told, format="multiline")
    return Param("", type="string", title=title, description=told, format="multiline")


class RecordedOperator(BaseOperator):
    """Whether the register holds the answer. Fails closed: a review that somebody passed over stops the run here."""

    def __init__(self, *, review: ReviewKind, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.review = review

    def execute(self, context: Mapping[str, Any]) -> dict[str, Any]:
        """The answer's author and digest. Raises Airflow's exceptions only."""
        return guarded(self.task_id, lambda: self._look(context))

    def _look(self, context: Mapping[str, Any]) -> dict[str, Any]:
        from extracts.settings import open_workplace
        from extracts.steps.reviews import check_answered

        found = check_answered(open_workplace(), asked_of(context, self.review), ACTOR)
        return {"answered_by": found.answered_by, "stands_for": found.stands_for, "answer_digest": found.digest}


def version_of(context: Mapping[str, Any]) -> tuple[str, int]:
    """The request that a run is about, and the version. Raises UsageError."""
    conf = context["dag_run"].conf or {}
    request_id, version = conf.get("request_id"), conf.get("version", 1)
    if not isinstance(request_id, str) or type(version) is not int:
        raise UsageError("This run names no request and version.", advice="Start it with both.")
    return request_id, version


def asked_of(context: Mapping[str, Any], review: ReviewKind) -> Asked:
    """Which review of which version a run is about. Raises UsageError."""
    from extracts.steps.reviews import Asked

    request_id, version = version_of(context)
    return Asked(request_id, review, version)


def answered(found: ReviewStanding) -> dict[str, Any]:
    """An answer by its author and digest: Airflow is told no more."""
    entry = found.entry
    assert entry is not None
    told = {"answered_by": entry.answered_by, "stands_for": entry.stands_for, "answer_digest": entry.digest}
    return told | ({"carried_from": found.carried.from_version} if found.carried else {})


def answer_line(found: ReviewStanding) -> str:
    """One answer in a line, for whoever comes after."""
    given = found.answer
    assert given is not None
    parts = [f"{found.review}: {given.outcome}", *given.refused, *given.conditions, given.reasons]
    if found.carried:
        parts.append(f"carried from version {found.carried.from_version}")
    return "; ".join(parts)


def until_others_may(work: Workplace, review: ReviewKind, request: Request) -> timedelta | None:
    """How long until somebody else may answer; None if that never comes."""
    from extracts.steps.workplace import LOCAL

    change = work.reviewers.next_change(review, {d.dataset for d in request.datasets}, work.today())
    return datetime.combine(change, time.min, LOCAL) - work.now() if change else None
