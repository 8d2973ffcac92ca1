"""An agreement told to a reader who knows no Python: what is shared, with whom, under which power, until when.

One telling, shown twice: as the DAG's documentation (`docs`) and as the page inside Airflow (`web`). It repeats the
published file and decides nothing. It depends on nothing that passes with time, so that a DAG's documentation, and with
it the DAG's version, changes only when the agreement does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from typing import Any

from extracts.agreement.plain_words import (
    checks_in_words,
    division_in_words,
    limits_in_words,
    rows_in_words,
    treatment_in_words,
)
from extracts.agreement.plan import ExtractPlan, PlannedDataset, plan_from_document
from extracts.agreement.schedule import next_dates
from extracts.catalogue.contract import Identifiability
from extracts.errors import Outcome
from extracts.scheduling.facts import AgreementFacts
from extracts.scheduling.signer_names import signer_of
from extracts.scheduling.words import day_words, schedule_words

_FORMS = {
    Identifiability.IDENTIFIED: "Rows that name people",
    Identifiability.PSEUDONYMISED: "Rows that name nobody (pseudonyms; still personal data)",
    Identifiability.AGGREGATED: "Counts only",
}
_READABLE = 40  # dates
_BASIS = (("article_6", "UK GDPR article"), ("article_9", "article"), ("schedule_1", "DPA 2018, Schedule 1,"))
OUTCOMES: tuple[tuple[Outcome, str], ...] = (
    (Outcome.DELIVERED, "The extract was made, checked, signed, encrypted and put where the recipient collects it."),
    (
        Outcome.STOPPED,
        "A check said no and nothing left. That is the control working, not a crash; the note says which and why.",
    ),
    (Outcome.SOURCE_LATE, "The source was older than agreed, so nothing was drawn from it."),
    (Outcome.FAILED, "A server, disk or program failed, and nothing left. The data engineers look into it."),
    (Outcome.NOTHING_DUE, "The period was delivered already, or another run was at it; there was nothing to do."),
)


@dataclass(frozen=True)
class ColumnStory:
    """One delivered column."""

    name: str
    meaning: str
    kind: str
    delivered: str


@dataclass(frozen=True)
class DatasetStory:
    """What is drawn from one dataset: which rows, which columns."""

    name: str
    title: str
    rows: tuple[str, ...]
    columns: tuple[ColumnStory, ...]


@dataclass(frozen=True)
class Story:
    """The telling. `lead` is one sentence; `facts` are (question, answer)."""

    title: str
    lead: str
    facts: tuple[tuple[str, str], ...]
    datasets: tuple[DatasetStory, ...]
    limits: tuple[str, ...]
    checks: tuple[str, ...]


def tell(facts: AgreementFacts, signers: Mapping[str, str]) -> Story:
    """The story of a published agreement. `signers`: principal by public key, to name who signed.

    Raises InvalidDocument if the file's plan is none, KeyError if a fact is missing.
    """
    plan = plan_from_document(facts.plan)
    request = facts.request
    return Story(
        title=facts.title,
        lead=f"{_FORMS[plan.identifiability]} go to {_whom(request)}: {plan.frequency}, until "
        f"{_day(facts.last_day)}, under the {request['gateway']['title']}.",
        facts=tuple((question, answer) for question, answer in _facts(facts, plan, signers) if answer),
        datasets=tuple(_dataset(dataset, facts) for dataset in plan.datasets),
        limits=tuple(limits_in_words(plan)),
        checks=tuple(checks_in_words(plan)),
    )


def _facts(facts: AgreementFacts, plan: ExtractPlan, signers: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    request, requester, recipient = facts.request, facts.request["requester"], facts.request["recipient"]
    yield "For whom", "; ".join(_body(r) for r in request.get("recipients", [recipient]))
    yield "Whose rows are whose", " ".join(division_in_words(plan))
    yield "What for", request["purpose"]
    yield "Whose data", request["data_subjects"]
    yield "Under which power", f"{request['gateway']['title']}; {request['legal_power']}"
    yield "Lawful basis", _basis(request["lawful_basis"])
    yield "Take care", request["gateway"].get("warning", "")
    yield "Until when", f"from {_day(facts.first_day)} until {_day(facts.last_day)}, reviewed by {_day(plan.review_on)}"
    yield "How often", f"{plan.frequency}: {schedule_words(plan.schedule)}"
    yield "Dates", _dates(facts)
    yield "Kept there for", f"{plan.retention_days} days, then: {request['disposal_method']}"
    yield "Passed on", request["onward_sharing"]
    yield "Asked by", f"{requester['name']}, {requester['position']}, {requester['organisation']}"
    yield from _decided(facts, signers)
    yield "Questions to", request["contact"]
    yield "Agreement", f"{facts.request_id}, version {request['version']}, {request['agreement_ref']}"


def _decided(facts: AgreementFacts, signers: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    decision = facts.decision
    yield "Decision", f"{decision['outcome']}: {decision['reasons']}"
    yield "Conditions", " ".join(decision["conditions"])
    yield "Signed for the Board", _signer(facts, "board", signers)
    yield "Signed for the Controller", _signer(facts, "controller", signers)
    order = facts.last_order()
    if order is not None:
        yield "Last order", f"{order['kind']}, {day_words(order['ordered_at'])}: {order['reasons']}"
    yield "Withdrawn by its requester", day_words(facts.withdrawn_at)


def _signer(facts: AgreementFacts, role: str, signers: Mapping[str, str]) -> str:
    signed = facts.document["signatures"][role]
    return f"{signer_of(signed['signature'], signers)}, {day_words(signed['recorded_at'])}"


def _dates(facts: AgreementFacts) -> str:
    """Every due date of the agreement, by year; empty where they are too many to read."""
    days = next_dates(facts.schedule, facts.first_day - timedelta(days=1), _READABLE + 1)
    due = [day for day in days if day <= facts.last_day]
    if len(due) > _READABLE:
        return ""
    years = groupby(due, key=lambda day: day.year)
    return "; ".join(f"{year}: {', '.join(f'{day.day} {day:%b}' for day in found)}" for year, found in years)


def _whom(request: Mapping[str, Any]) -> str:
    several = request.get("recipients", ())
    return f"{len(several)} recipients, to each its own" if several else str(request["recipient"]["name"])


def _body(recipient: Mapping[str, str]) -> str:
    """The recipient with its organisation, unless the name says it."""
    name, organisation = recipient["name"], recipient["organisation"]
    return name if organisation.removeprefix("The ") in name else f"{name}, {organisation}"


def _basis(basis: Mapping[str, str]) -> str:
    return "; ".join(f"{words} {basis[key]}" for key, words in _BASIS if basis.get(key))


def _dataset(dataset: PlannedDataset, facts: AgreementFacts) -> DatasetStory:
    columns = tuple(
        ColumnStory(c.name, c.meaning, c.classification.value, treatment_in_words(c)) for c in dataset.columns
    )
    title = facts.request["datasets"].get(dataset.dataset, {}).get("title", dataset.dataset)
    return DatasetStory(dataset.dataset, title, tuple(rows_in_words(dataset)), columns)


def _day(day: object) -> str:
    return day_words(str(day))
