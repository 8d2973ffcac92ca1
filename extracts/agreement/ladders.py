"""Coarser treatments: what can be offered in place of a treatment that tells too much, finest first. One table.

Rules:
1. Only a treatment that the column's contract lists for the form, and that its type allows, is ever offered.
2. A step up the ladder never tells more than the one below it. The last step, leaving the column out, is not written
   here: it is always there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from extracts.agreement.floors import treatment_problem
from extracts.agreement.request_rows import AskedTreatment
from extracts.catalogue.contract import Column, Identifiability
from extracts.catalogue.treatments import TREATMENTS


@dataclass(frozen=True, order=True)
class Step:
    """A treatment with its parameters."""

    treatment: str
    parameters: tuple[str, ...] = ()

    def __str__(self) -> str:
        return " ".join([self.treatment, *self.parameters])

    def asked(self) -> AskedTreatment:
        """The step as a request writes it."""
        return AskedTreatment(name=self.treatment, parameters=self.parameters)


def step_of(asked: AskedTreatment) -> Step:
    """What a request asks for, as a step."""
    return Step(asked.name, asked.parameters)


LADDERS: tuple[tuple[Step, ...], ...] = (
    (
        Step("keep"),
        Step("month"),
        Step("quarter"),
        Step("year"),
        Step("age_band", ("5",)),
        Step("age_band", ("10",)),
        Step("age_band", ("20",)),
    ),
    (Step("keep"), Step("postcode_sector"), Step("postcode_district"), Step("postcode_area")),
    (Step("keep"), Step("round", ("10",)), Step("round", ("100",)), Step("round", ("1000",))),
)


def coarser(asked: Step, column: Column, form: Identifiability) -> tuple[Step, ...]:
    """Every allowed step above `asked`, finest first; empty if there is none."""
    above = [step for ladder in LADDERS for step in _above(asked, ladder)]
    found = [*above, *_wider_bands(asked)]
    return tuple(dict.fromkeys(step for step in found if _allowed(step, column, form)))


def alternatives(asked: Step, column: Column, form: Identifiability) -> tuple[Step, ...]:
    """What else the contract lists, finest first: coarser steps, then treatments of another kind, never finer ones."""
    finer = {step.treatment for ladder in LADDERS if asked in ladder for step in ladder[: ladder.index(asked)]}
    listed = [Step(n, TREATMENTS[n].example_parameters) for n in column.treatments.get(form, ()) if n in TREATMENTS]
    kinds = {asked.treatment, *finer, *(step.treatment for step in coarser(asked, column, form))}
    others = [step for step in listed if step.treatment not in kinds and _allowed(step, column, form)]
    return (*coarser(asked, column, form), *others)


def _allowed(step: Step, column: Column, form: Identifiability) -> bool:
    return not treatment_problem(column, step.treatment, form)


def _above(asked: Step, ladder: tuple[Step, ...]) -> tuple[Step, ...]:
    at = [place for place, step in enumerate(ladder) if step.treatment == asked.treatment and _as_fine(step, asked)]
    return ladder[at[-1] + 1 :] if at else ()


def _as_fine(step: Step, asked: Step) -> bool:
    """Whether a step of the same treatment tells as much as what is asked, or more: `age_band 5` beside 7."""
    if not step.parameters or not all(_is_number(p) for p in asked.parameters[:1]):
        return True
    return bool(asked.parameters) and float(step.parameters[0]) <= float(asked.parameters[0])


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdecimal()


def _wider_bands(asked: Step) -> Iterator[Step]:
    limits = asked.parameters if asked.treatment == "band" else ()
    while len(limits) > 1:
        limits = limits[::2] if len(limits) > 2 else limits[:1]
        yield Step("band", limits)
