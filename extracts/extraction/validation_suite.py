"""Reads suite files: rules that people wrote down beside the contract, each with the harm that it prevents.

Rules:
1. `source.yaml` says whether a source kept its promise; `release.yaml` what every release must pass, whatever the
   dataset. Both use Great Expectations' own names; what is not in `validation_rules` is refused, with its line.
2. A rule without a reason is refused: nobody could say later whether it may be dropped.
3. A rule of `release.yaml` cannot know columns, so it says for which kind of column it holds (`columns: every text`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from extracts.canonical import digest
from extracts.catalogue.contract import QualityRule
from extracts.catalogue.forms import Form, Line, Paragraph, fill
from extracts.documents import Document, read
from extracts.errors import InvalidDocument, Problem
from extracts.extraction.validation_rules import RULES, argument_problems


class Subject(StrEnum):
    """What a rule is about: the rows themselves, or the one row of facts about the run (counts and ages)."""

    ROWS = "rows"
    FACTS = "facts"


class ColumnGroup(StrEnum):
    """Columns of one kind, for rules that hold whatever the dataset."""

    EVERY = "every column"
    TEXT = "every text"
    NUMBER = "every number"
    DATE = "every date"
    TIMESTAMP = "every timestamp"
    PSEUDONYM = "every pseudonym"


class _RuleForm(Form):
    type: str
    of: Subject = Subject.ROWS
    columns: ColumnGroup | None = None
    kwargs: dict[str, Any] = Field(default_factory=dict)
    reason: Paragraph


class _SuiteForm(Form):
    suite: Line
    version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")]
    expectations: tuple[_RuleForm, ...]


@dataclass(frozen=True)
class SuiteRule:
    """One rule of a file. `group` stands for the argument `column` where the rule holds for many."""

    rule: QualityRule
    subject: Subject = Subject.ROWS
    group: ColumnGroup | None = None


@dataclass(frozen=True)
class Suite:
    """A suite file's meaning. `digest` is over the rules, so layout and comments do not count."""

    name: str
    version: str
    rules: tuple[SuiteRule, ...]

    @property
    def reference(self) -> str:
        """`release 1.2.0`, as reports and manifests name it."""
        return f"{self.name} {self.version}"

    @property
    def digest(self) -> str:
        """Over name, version and every rule."""
        rules = [[r.rule.expectation, dict(r.rule.arguments), r.subject, r.group] for r in self.rules]
        return digest({"suite": self.name, "version": self.version, "rules": rules})


def read_suite(path: Path) -> Suite:
    """The suite in a file. Raises InvalidDocument with every fault: line, field, what is allowed."""
    return suite_from_document(read(path))


def suite_from_document(document: Document) -> Suite:
    """The suite of a parsed document. Raises InvalidDocument."""
    form = fill(_SuiteForm, document)
    problems = [p for i, rule in enumerate(form.expectations) for p in _rule_problems(document, i, rule)]
    if not form.expectations:
        problems.append(document.problem("expectations", "is empty; a suite without rules checks nothing"))
    if problems:
        raise InvalidDocument(document.source, problems)
    rules = (SuiteRule(QualityRule(r.type, r.kwargs, r.reason), r.of, r.columns) for r in form.expectations)
    return Suite(form.suite, form.version, tuple(rules))


def check_contract_rules(dataset: str, rules: tuple[QualityRule, ...]) -> None:
    """Raises InvalidDocument if a contract's standing rule is not one that we know how to run."""
    problems = []
    for number, rule in enumerate(rules, start=1):
        where = f"quality.{number}"
        if rule.expectation not in RULES:
            problems.append(Problem(where, "no expectation has this name", allowed=_nearest(rule.expectation)))
            continue
        found = argument_problems(RULES[rule.expectation], rule.arguments)
        problems += [
            Problem(f"{where}.{name}".rstrip("."), message, allowed=allowed) for name, message, allowed in found
        ]
    if problems:
        raise InvalidDocument(f"contract of {dataset}", problems)


def _rule_problems(document: Document, number: int, rule: _RuleForm) -> list[Problem]:
    where = f"expectations.{number}"
    if rule.type not in RULES:
        return [document.problem(f"{where}.type", "no expectation has this name", _nearest(rule.type))]
    arguments: Mapping[str, Any] = rule.kwargs
    if rule.columns is not None:
        if "column" in rule.kwargs:
            message = "says which column, and `columns` says it too; keep one"
            return [document.problem(f"{where}.kwargs.column", message)]
        arguments = {**rule.kwargs, "column": "any"}
    found = argument_problems(RULES[rule.type], arguments)
    return [
        document.problem(f"{where}.kwargs.{name}".rstrip("."), message, allowed) for name, message, allowed in found
    ]


def _nearest(name: str) -> tuple[str, ...]:
    return tuple(get_close_matches(name, RULES, n=3, cutoff=0.6)) or tuple(RULES)
