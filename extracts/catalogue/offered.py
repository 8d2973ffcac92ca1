"""What anybody may know of what can be asked for: the catalogue that leaves the house, before anything is asked.

Rules:
1. Control columns steer who is left out; they are nobody's to know. Columns that never leave are named, and said so.
2. A treatment is offered for a form only if the contract lists it and no floor of that form forbids it.
3. A power is offered only while it is in force, and only in the direction that leads from the data's controller.
4. Names of bodies and recipients, and no person's: neither principals nor contacts are in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from extracts.catalogue.contract import Classification, Column, Dataset, Identifiability
from extracts.catalogue.form_limits import NEVER_LEAVES, tells_who
from extracts.catalogue.parties import Parties

OFFERED_FORMS = (Identifiability.IDENTIFIED, Identifiability.PSEUDONYMISED)


@dataclass(frozen=True)
class OfferedColumn:
    """A column. `treatments` by form; all of them empty where it never leaves."""

    name: str
    type: str
    meaning: str
    unit: str
    classification: str
    allowed_values: tuple[str, ...]
    treatments: Mapping[str, tuple[str, ...]]

    @property
    def never_leaves(self) -> bool:
        """Whether no form of it can be asked for."""
        return not any(self.treatments.values())


@dataclass(frozen=True)
class OfferedPower:
    """A gateway that leads from the data's controller. `purposes` and `prohibited` by code."""

    gateway: str
    title: str
    statute: str
    receivers: tuple[str, ...]
    purposes: Mapping[str, str]
    prohibited: Mapping[str, str]
    warning: str


@dataclass(frozen=True)
class Offered:
    """A dataset as a stranger may see it."""

    name: str
    title: str
    description: str
    version: str
    owner: str
    controller: str
    max_age_hours: int
    period_kind: str
    coverage: tuple[str, ...]
    authoritative_for: tuple[str, ...]
    not_authoritative_for: Mapping[str, str]
    columns: tuple[OfferedColumn, ...]
    powers: tuple[OfferedPower, ...]


def offered(datasets: Mapping[str, Dataset], parties: Parties, today: date) -> tuple[Offered, ...]:
    """Every dataset, by name, with the powers that are in force today."""
    return tuple(_offered(datasets[name], parties, today) for name in sorted(datasets))


def _offered(dataset: Dataset, parties: Parties, today: date) -> Offered:
    controller = parties.organisations.get(dataset.controller)
    return Offered(
        name=dataset.name,
        title=dataset.title,
        description=" ".join(dataset.description.split()),
        version=dataset.version,
        owner=dataset.owner,
        controller=controller.name if controller else dataset.controller,
        max_age_hours=dataset.max_age_hours,
        period_kind=dataset.period_kind.value,
        coverage=dataset.coverage,
        authoritative_for=dataset.authoritative_for,
        not_authoritative_for=dict(dataset.not_authoritative_for),
        columns=tuple(_column(c) for c in dataset.columns if c.classification is not Classification.CONTROL),
        powers=tuple(_powers(dataset, parties, today)),
    )


def _column(column: Column) -> OfferedColumn:
    return OfferedColumn(
        name=column.name,
        type=column.type.value,
        meaning=" ".join(column.meaning.split()),
        unit=column.unit,
        classification=column.classification.value,
        allowed_values=column.allowed_values,
        treatments={form.value: _treatments(column, form) for form in OFFERED_FORMS},
    )


def _treatments(column: Column, form: Identifiability) -> tuple[str, ...]:
    if column.classification in NEVER_LEAVES:
        return ()
    listed = column.treatments.get(form, ())
    if form is Identifiability.IDENTIFIED:
        return listed
    return tuple(t for t in listed if not tells_who(column.identifier, column.classification, column.type, t))


def _powers(dataset: Dataset, parties: Parties, today: date) -> Iterable[OfferedPower]:
    controller = parties.organisations.get(dataset.controller)
    for gateway in parties.gateways.values():
        leading = [p for p in gateway.permits if controller and controller.kind in p.provider]
        if leading and gateway.is_in_force(today):
            codes = dict.fromkeys(code for p in leading for code in p.purposes)
            yield OfferedPower(
                gateway=gateway.id,
                title=gateway.title,
                statute=gateway.statute,
                receivers=tuple(dict.fromkeys(kind.value for p in leading for kind in p.receiver)),
                purposes={code: parties.purposes[code].title for code in codes},
                prohibited=dict(gateway.prohibited),
                warning=gateway.warning,
            )
