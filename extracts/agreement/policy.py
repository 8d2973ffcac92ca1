"""The policy statement: versioned rules in a file, each judged by a predicate; all of them give an assessment.

Rules:
1. Every rule gives a finding for every request: pass, violation or gap. None is skipped, and none passes over a
   dataset or column that it would have to know and that is not declared.
2. A rule that calls an unknown predicate, or gives it other parameters than it needs, makes the whole statement
   invalid: a rule that silently did nothing would look like one that passed.
3. Target days and escalation routes are declared in it too: who waits, and who was refused, read them there.
4. A change of the statement, or of the registers that it judges by, stops a running agreement only by a rule marked
   `immediate`; what else it finds is listed for review.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

from pydantic import Field, StrictInt, model_validator
from pydantic_core import PydanticCustomError

from extracts.agreement.assessment import Assessment, Finding, FindingOutcome, Question
from extracts.agreement.custody import Patience
from extracts.agreement.policy_case import Case, Verdict, cannot_judge
from extracts.agreement.policy_checks import CHECKS
from extracts.agreement.rehearsing import RehearsalRule
from extracts.agreement.request import Request
from extracts.agreement.reviews_demanded import DemandedReview, table_problems
from extracts.canonical import digest
from extracts.catalogue.contract import Dataset
from extracts.catalogue.forms import Day, Flag, Form, Line, Name, Paragraph, Slug, fill
from extracts.catalogue.parties import Parties
from extracts.documents import Document
from extracts.errors import InvalidDocument, Problem


class Rule(Form):
    """One rule: the question it answers, the clause it comes from, the predicate that judges it, and the fix."""

    id: Line
    question: Question
    title: Line
    clause: Paragraph
    check: Name
    fix: Paragraph
    immediate: Flag = False
    parameters: Mapping[str, Any] = {}


WorkingDays = Annotated[StrictInt, Field(ge=1, le=250)]


class Targets(Form):
    """In how many working days each stage is to be done. The stages are statuses of a request."""

    submitted: WorkingDays
    in_review: WorkingDays


class TargetDays(Form):
    """The targets of both lanes. The expedited lane is for urgent requests, and is never the slower one."""

    ordinary: Targets
    expedited: Targets

    @model_validator(mode="after")
    def _expedited_is_quicker(self) -> TargetDays:
        slow, quick = self.ordinary, self.expedited
        if quick.submitted > slow.submitted or quick.in_review > slow.in_review:
            raise PydanticCustomError("targets", "the expedited lane may not have more days than the ordinary one")
        return self


class Route(Form):
    """Whom a refused requester may ask next, and for how many working days after the decision was drawn up."""

    ask: Line
    working_days: WorkingDays


class Policy(Form):
    """A version of the statement. `escalation_routes`: the first is the next to ask, the others come after it."""

    version: Line
    title: Line
    issued_on: Day
    target_days: TargetDays
    escalation_routes: Mapping[Slug, Route] = Field(min_length=1)
    reason_codes: Mapping[Slug, Line] = Field(min_length=1)
    reviews: tuple[DemandedReview, ...] = ()
    custody: Patience = Patience()
    rehearsal: RehearsalRule = RehearsalRule()
    rules: tuple[Rule, ...] = Field(min_length=1)

    @property
    def digest(self) -> str:
        """Over what it says: an edit under an unchanged version is told apart, a comment does not count."""
        return digest(self.model_dump(mode="json"))


@dataclass(frozen=True)
class Reassessment:
    """What a new version finds in running agreements: those to stop at once, and those to review."""

    to_stop: tuple[Assessment, ...]
    to_review: tuple[Assessment, ...]


def parse_policy(document: Document) -> Policy:
    """The statement in policy.yaml. Raises InvalidDocument."""
    policy = fill(Policy, document)
    problems = [p for number, rule in enumerate(policy.rules) for p in _rule_problems(document, number, rule)]
    ids = [rule.id for rule in policy.rules]
    doubles = sorted({i for i in ids if ids.count(i) > 1})
    problems += [document.problem("rules", f"two rules are called {i!r}") for i in doubles]
    problems += table_problems(document, policy.reviews)
    if problems:
        raise InvalidDocument(document.source, problems)
    return policy


def assess(
    request: Request, datasets: Mapping[str, Dataset], parties: Parties, policy: Policy, today: date, only: str = ""
) -> Assessment:
    """What every rule finds in the request, as of `today`. Pure: the same arguments give the same digest.

    only: which of several recipients is asked about, if not all of them.
    """
    case = Case(request, datasets, parties, today, only)
    findings = tuple(_finding(rule, verdict) for rule in policy.rules for verdict in _judge(rule, case))
    asked = sorted({d.dataset for d in request.datasets} & set(datasets))
    return Assessment(
        request_id=request.request_id,
        request_version=request.version,
        request_digest=request.digest,
        policy_version=policy.version,
        versions=dict(parties.versions),
        digests={**parties.digests, "policy": policy.digest},
        contracts={name: datasets[name].contract_digest for name in asked},
        assessed_on=today,
        findings=findings,
    )


def reassess(
    running: Iterable[Request], datasets: Mapping[str, Dataset], parties: Parties, policy: Policy, today: date
) -> Reassessment:
    """Judge running agreements by another version. `running`: their requests, without the columns refused."""
    failed = [a for r in running if not (a := assess(r, datasets, parties, policy, today)).passed]
    return Reassessment(
        to_stop=tuple(a for a in failed if a.stopping),
        to_review=tuple(a for a in failed if not a.stopping),
    )


def _judge(rule: Rule, case: Case) -> list[Verdict]:
    check = CHECKS[rule.check]
    verdicts = check.judge(case, rule.parameters)
    if not verdicts:
        raise AssertionError(f"the predicate {rule.check} gave no verdict")
    if undeclared := case.undeclared(check.needs):
        return [*(v for v in verdicts if v.outcome is not FindingOutcome.PASS), cannot_judge(undeclared)]
    return verdicts


def _finding(rule: Rule, verdict: Verdict) -> Finding:
    kept = verdict.outcome is FindingOutcome.PASS
    return Finding(
        rule=rule.id,
        title=rule.title,
        question=rule.question,
        outcome=verdict.outcome,
        message=verdict.message,
        clause=rule.clause,
        fix="" if kept else verdict.fix or rule.fix,
        columns=verdict.columns,
        immediate=rule.immediate,
    )


def _rule_problems(document: Document, number: int, rule: Rule) -> list[Problem]:
    where = f"rules.{number}"
    check = CHECKS.get(rule.check)
    if check is None:
        return [document.problem(f"{where}.check", f"no predicate is called {rule.check!r}", tuple(CHECKS))]
    needs = check.parameters
    if set(needs) != set(rule.parameters):
        return [document.problem(f"{where}.parameters", f"{rule.check} needs other parameters", tuple(needs))]
    wrong = [n for n, kind in needs.items() if not _is_a(rule.parameters[n], kind)]
    return [document.problem(f"{where}.parameters.{n}", f"must be a {_KINDS[needs[n]]}") for n in wrong]


_KINDS = {int: "whole number", str: "text", list: "list", dict: "group of names with values"}


def _is_a(value: Any, kind: type) -> bool:
    return isinstance(value, kind) and not (kind is int and isinstance(value, bool))
