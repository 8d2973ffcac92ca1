"""Reads suite files: rules that people wrote down beside the contract, each with the harm that it prevents.

Rules:
1. `source.yaml` says whether a source kept its promise; `release.yaml` what every release must pass, whatever the
   dataset. Both use Great Expectations' own names; what is not in `validation_rules` is refused, with its line.
2. A rule without a reason is refused: nobody could say later whether it may be dropped.
3. A rule of `release.yaml` cannot know columns, so it says for which kind of column it holds (`columns: every text`).
4. A pattern or a query tells people nothing: rules with one must say themselves in plain words (`says`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from extracts.canonical import digest
from extracts.catalogue.contract import ColumnType, Dataset, QualityRule
from extracts.catalogue.forms import Form, Line, Paragraph, fill
from extracts.documents import Document
from extracts.errors import InvalidDocument, Problem
from extracts.extraction.validation_rules import RULES, argument_problems, columns_of


class Subject(StrEnum):
    """What a rule is about: the rows themselves, or the one row of facts about the run (counts and ages)."""

    ROWS = "rows"
    FACTS = "facts"


class ColumnGroup(StrEnum):
    """Columns of one kind, for rules that hold whatever the dataset."""

    EVERY = "every column"
    TEXT = "every text"
    UNTREATED_TEXT = "every untreated text"
    NUMBER = "every number"
    DATE = "every date"
    TIMESTAMP = "every timestamp"
    PSEUDONYM = "every pseudonym"


_TYPES: Mapping[ColumnGroup, tuple[ColumnType, ...]] = {
    ColumnGroup.TEXT: (ColumnType.STRING,),
    ColumnGroup.UNTREATED_TEXT: (ColumnType.STRING,),
    ColumnGroup.NUMBER: (ColumnType.INTEGER, ColumnType.DECIMAL),
    ColumnGroup.DATE: (ColumnType.DATE,),
    ColumnGroup.TIMESTAMP: (ColumnType.TIMESTAMP,),
}


_TREATMENTS = {ColumnGroup.UNTREATED_TEXT: "keep", ColumnGroup.PSEUDONYM: "pseudonymise"}


class _RuleForm(Form):
    type: str
    of: Subject = Subject.ROWS
    columns: ColumnGroup | None = None
    kwargs: dict[str, Any] = Field(default_factory=dict)
    says: Line | None = None
    reason: Paragraph


class _SuiteForm(Form):
    suite: Line
    version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")]
    expectations: tuple[_RuleForm, ...]


@dataclass(frozen=True)
class SuiteRule:
    """One rule of a file. `group` stands for the argument `column` where the rule holds for many.

    `says`: the rule in plain words, where they are not made from its arguments.
    """

    rule: QualityRule
    subject: Subject = Subject.ROWS
    group: ColumnGroup | None = None
    says: str = ""

    def on(self, columns: Mapping[str, tuple[ColumnType, str]]) -> list[QualityRule]:
        """The rule itself, or one for each column of its group. `columns`: type and treatment, by name."""
        if self.group is None:
            return [self.rule]
        names = [n for n, (type, treatment) in columns.items() if _belongs(self.group, type, treatment)]
        return [replace(self.rule, arguments={**self.rule.arguments, "column": n}) for n in names]


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


@dataclass(frozen=True)
class Scope:
    """The names that a suite's rules may use: columns of the rows, and facts."""

    columns: tuple[str, ...]
    facts: tuple[str, ...]


def suite_from_document(document: Document, scope: Scope) -> Suite:
    """The suite of a parsed document. Raises InvalidDocument with every fault: line, field, what is allowed."""
    form = fill(_SuiteForm, document)
    problems = [p for i, rule in enumerate(form.expectations) for p in _faults(document, i, rule, scope)]
    if not form.expectations:
        problems.append(document.problem("expectations", "is empty; a suite without rules checks nothing"))
    if problems:
        raise InvalidDocument(document.source, problems)
    rules = (
        SuiteRule(QualityRule(r.type, r.kwargs, r.reason), r.of, r.columns, r.says or "") for r in form.expectations
    )
    return Suite(form.suite, form.version, tuple(rules))


def check_contract_rules(dataset: Dataset) -> None:
    """Raises InvalidDocument if a contract's standing rule is not one that we know how to run."""
    columns = tuple(c.name for c in dataset.columns)
    problems = [
        Problem(f"quality.{number}.{field}".rstrip("."), message, allowed=allowed)
        for number, rule in enumerate(dataset.quality, start=1)
        for field, message, allowed in _rule_faults(rule.expectation, rule.arguments, columns)
    ]
    if problems:
        raise InvalidDocument(f"contract of {dataset.name}", problems)


def _faults(document: Document, number: int, rule: _RuleForm, scope: Scope) -> list[Problem]:
    where = f"expectations.{number}"
    arguments: Mapping[str, Any] = rule.kwargs
    names = scope.facts if rule.of is Subject.FACTS else scope.columns
    if rule.columns is not None:
        if "column" in rule.kwargs or rule.of is Subject.FACTS:
            message = "stands for the argument `column` of rules about rows; keep one of them"
            return [document.problem(f"{where}.columns", message)]
        arguments, names = {**rule.kwargs, "column": "any"}, ("any",)
    found = _rule_faults(rule.type, arguments, names)
    if not found and rule.says is None and {"regex", "unexpected_rows_query"} & set(arguments):
        return [document.problem(where, "needs `says`: the rule in plain words, for people who read the report")]
    return [document.problem(_path(where, field), message, allowed) for field, message, allowed in found]


def _path(where: str, field: str) -> str:
    return f"{where}.{field if field in ('', 'type') else 'kwargs.' + field}".rstrip(".")


def _rule_faults(
    expectation: str, arguments: Mapping[str, Any], names: tuple[str, ...]
) -> list[tuple[str, str, tuple[str, ...]]]:
    """Field, message and what is allowed, for everything that is wrong with a rule."""
    if expectation not in RULES:
        return [("type", "no expectation has this name", _nearest(expectation, tuple(RULES)))]
    found = argument_problems(RULES[expectation], arguments)
    if found:
        return found
    nameless = "no column can be named here; say `columns: every ...`"
    return [
        ("column", "no declared column has this name" if names else nameless, _nearest(name, names))
        for name in columns_of(arguments)
        if name not in names
    ]


def _belongs(group: ColumnGroup, type: ColumnType, treatment: str) -> bool:
    wanted = _TREATMENTS.get(group)
    return (wanted is None or treatment == wanted) and type in _TYPES.get(group, tuple(ColumnType))


def _nearest(name: str, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(get_close_matches(name, names, n=3, cutoff=0.6)) or names
