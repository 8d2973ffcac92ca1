"""What a policy rule looks at, and what it answers with. Pure values; the rules' predicates stand in `checks_*`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import IntEnum
from typing import Any

from extracts.agreement.assessment import FindingOutcome
from extracts.agreement.request import Request
from extracts.agreement.request_rows import ColumnAsked, DatasetAsked, RowCondition
from extracts.catalogue.contract import Classification, Column, Dataset
from extracts.catalogue.gateways import Gateway
from extracts.catalogue.parties import Organisation, Parties, Recipient

Parameters = Mapping[str, Any]


class Needs(IntEnum):
    """What a predicate reads in contracts. What is not declared it cannot judge; each level takes in those above."""

    NOTHING = 0
    DATASETS = 1
    COLUMNS = 2


@dataclass(frozen=True)
class Verdict:
    """One answer of a rule. `columns` are `dataset.column`; `fix` where the rule's own would not help."""

    outcome: FindingOutcome
    message: str
    columns: tuple[str, ...] = ()
    fix: str = ""


@dataclass(frozen=True)
class ColumnUse:
    """A column that a request asks for, and what the contract says of it (None: not declared)."""

    dataset: str
    asked: ColumnAsked
    column: Column | None

    @property
    def name(self) -> str:
        """`dataset.column`."""
        return f"{self.dataset}.{self.asked.name}"


@dataclass(frozen=True)
class RowUse:
    """A condition, and what the contract says of its column (None: not declared)."""

    dataset: str
    condition: RowCondition
    column: Column | None

    @property
    def name(self) -> str:
        """`dataset.column`."""
        return f"{self.dataset}.{self.condition.column}"


@dataclass(frozen=True)
class Case:
    """A request, and everything that it is judged against. `only`: which of several recipients is asked about; ''
    for all.
    """

    request: Request
    datasets: Mapping[str, Dataset]
    parties: Parties
    today: date
    only: str = ""

    @property
    def gateway(self) -> Gateway | None:
        """The gateway that the request names, if it is declared."""
        return self.parties.gateways.get(self.request.legal.gateway)

    @property
    def recipients(self) -> tuple[Recipient, ...]:
        """The recipients that are asked about, as far as they are declared."""
        known = self.parties.recipients
        return tuple(known[name] for name in self._asked_about if name in known)

    @property
    def strangers(self) -> tuple[str, ...]:
        """The recipients that are asked about and nobody declared."""
        return tuple(name for name in self._asked_about if name not in self.parties.recipients)

    @property
    def receiving(self) -> tuple[Organisation, ...]:
        """The organisations of the recipients that are asked about, each once."""
        return self._bodies(self._asked_about)

    @property
    def bodies(self) -> tuple[Organisation, ...]:
        """The organisations of all recipients, each once."""
        return self._bodies(self.request.recipient_ids)

    @property
    def _asked_about(self) -> tuple[str, ...]:
        return (self.only,) if self.only else self.request.recipient_ids

    def _bodies(self, names: Iterable[str]) -> tuple[Organisation, ...]:
        known = self.parties.recipients
        found = (self.parties.organisation_of(known[name]) for name in names if name in known)
        return tuple({o.id: o for o in found}.values())

    def sources(self) -> list[tuple[DatasetAsked, Dataset]]:
        """The datasets asked for that are declared."""
        return [(d, self.datasets[d.dataset]) for d in self.request.datasets if d.dataset in self.datasets]

    def columns(self) -> list[ColumnUse]:
        """Every column asked for."""
        return [ColumnUse(d.dataset, c, self._column(d, c.name)) for d in self.request.datasets for c in d.columns]

    def rows(self) -> list[RowUse]:
        """Every condition; which rows belong to any recipient is one too."""
        divided = self.request.of_anybody
        return [
            RowUse(d.dataset, c, self._column(d, c.column))
            for d in self.request.datasets
            for c in (*d.rows, *([divided] if divided else []))
        ]

    def undeclared(self, needs: Needs) -> tuple[str, ...]:
        """Names of what is asked for, is needed, and has no declaration: datasets, and `dataset.column` of others."""
        datasets = {d.dataset for d in self.request.datasets} - set(self.datasets) if needs >= Needs.DATASETS else set()
        used: list[ColumnUse | RowUse] = [*self.columns(), *self.rows()] if needs >= Needs.COLUMNS else []
        columns = {u.name for u in used if u.column is None and u.dataset in self.datasets}
        return tuple(sorted(datasets | columns))

    def _column(self, asked: DatasetAsked, name: str) -> Column | None:
        source = self.datasets.get(asked.dataset)
        return source.column(name) if source else None

    def of_class(self, *classes: Classification) -> tuple[str, ...]:
        """Names of the columns of these classes, delivered or used to choose rows."""
        used: list[ColumnUse | RowUse] = [*self.columns(), *self.rows()]
        return tuple(sorted({u.name for u in used if u.column and u.column.classification in classes}))


@dataclass(frozen=True)
class Check:
    """A predicate with the parameters that a rule must give it, their types, and what it reads in contracts."""

    judge: Callable[[Case, Parameters], list[Verdict]]
    parameters: Mapping[str, type]
    needs: Needs = Needs.NOTHING


def passed(message: str) -> list[Verdict]:
    """The rule is kept."""
    return [Verdict(FindingOutcome.PASS, message)]


def not_applicable(reason: str) -> list[Verdict]:
    """The rule has nothing to judge here; `reason` says why."""
    return [Verdict(FindingOutcome.PASS, f"Does not apply: {reason}")]


def violation(message: str, columns: Iterable[str] = ()) -> Verdict:
    """The rule is broken."""
    return Verdict(FindingOutcome.VIOLATION, message, tuple(columns))


def gap(message: str, columns: Iterable[str] = ()) -> Verdict:
    """Something is not declared, so the rule cannot be judged."""
    return Verdict(FindingOutcome.GAP, message, tuple(columns))


def cannot_judge(undeclared: Iterable[str]) -> Verdict:
    """The rule would have to know what is not declared: a pass would be about the rest alone."""
    return Verdict(
        FindingOutcome.GAP,
        f"cannot be judged for what is not declared: {', '.join(undeclared)}",
        fix="Ask for what is declared, or ask the data engineer whether it could be.",
    )


def words(text: str) -> int:
    """How many words a text has."""
    return len(text.split())
