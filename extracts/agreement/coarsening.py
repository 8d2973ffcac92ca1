"""Finds quasi-identifiers coarse enough for k, by counting no more than needed. Pure: the counts are handed in.

Rules:
1. One column is made coarser before two are, and made coarser before it is left out; the fewest steps win, then the
   fewest rows in small groups, then the order of columns.
2. Where no single step is enough, the single rung that helps most is taken, and the search goes on from there.
3. What has not been counted yet is asked for (`wanted`), never guessed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from extracts.agreement.ladders import coarser
from extracts.agreement.request import Request
from extracts.agreement.source_counts import GroupCount, GroupedBy, Grouping, groups_may_leave
from extracts.catalogue.contract import Dataset

Counted = Mapping[Grouping, GroupCount]


@dataclass(frozen=True)
class Search:
    """Where a search stands: found, or more has to be counted first. Without any quasi-identifier all may leave."""

    found: Grouping | None = None
    wanted: tuple[Grouping, ...] = ()


@dataclass(frozen=True)
class Move:
    """One column changed: `rungs` up its ladder, or `left_out`."""

    to: Grouping
    rungs: int
    left_out: bool = False


def moves(by: Grouping, request: Request, dataset: Dataset) -> Iterator[Move]:
    """Every grouping in which one column is coarser, or left out."""
    for place, one in enumerate(by):
        column = dataset.column(one.column)
        steps = coarser(one.step, column, request.identifiability) if column else ()
        for rungs, step in enumerate(steps, start=1):
            yield Move((*by[:place], GroupedBy(one.column, step), *by[place + 1 :]), rungs)
        yield Move((*by[:place], *by[place + 1 :]), len(steps) + 1, left_out=True)


def search(start: Grouping, request: Request, dataset: Dataset, counted: Counted) -> Search:
    """From `start` to the nearest grouping whose groups may leave."""
    here = start
    while here:
        if here not in counted:
            return Search(wanted=(here,))
        if groups_may_leave(counted[here], request.limits):
            break
        options = list(moves(here, request, dataset))
        if unknown := tuple(m.to for m in options if m.to and m.to not in counted):
            return Search(wanted=unknown)
        passing = [m for m in options if not m.to or groups_may_leave(counted[m.to], request.limits)]
        if passing:
            return Search(found=min(passing, key=lambda m: _cost(m, counted)).to)
        here = min((m for m in options if m.rungs == 1), key=lambda m: _rows_below(m, counted)).to
    return Search(found=here)


def _cost(move: Move, counted: Counted) -> tuple[bool, int, int, Grouping]:
    return move.left_out, move.rungs, *_rows_below(move, counted)


def _rows_below(move: Move, counted: Counted) -> tuple[int, Grouping]:
    return (counted[move.to].rows_below if move.to else 0), move.to
