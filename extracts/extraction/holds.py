"""Holds that came after the snapshot: asked again at release, so that nobody who was put on hold meanwhile leaves.

Rules:
1. The hold list is read once more, and each person on it is looked for in the extract's membership index, which says
   who is in it and whom a hold left out. Neither numbers nor times would do: one hold may end when another begins, and
   holds may be recorded long before they are loaded.
2. A hold on somebody of whom the extract has no row stops nothing, nor does one that ended; but where a hold that left
   somebody out now says stop and ask, leaving them out is what somebody has to decide about.
3. Persons are compared as marks under the controller's membership key.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from extracts.agreement.plan import ExtractPlan
from extracts.extraction.membership import INCLUDED
from extracts.extraction.pseudonym import PERSON_KIND, message, pseudonyms
from extracts.extraction.sources.interface import Source
from extracts.extraction.sources.postgres import sql
from extracts.extraction.sources.rows import LEAVE_OUT, STOP_AND_ASK
from extracts.extraction.sources.view_sql import holds_view
from extracts.extraction.spool import Numbers

LEFT_OUT_BY_HOLD = "hold"
"""The membership index's word for whom a hold left out."""


def holds_since(plan: ExtractPlan, source: Source, index: Path, key: str) -> int:
    """How many people of an extract holds reach now, whom they did not reach in its snapshot.

    index: the extract's clear membership index, made under the membership `key`. Raises SourceUnreachable,
    SourceChanged.
    """
    leave_out, ask = _on_hold(plan, source, key)
    found: set[int] = set()
    for why, marks in _people(index):
        reached = {INCLUDED: leave_out | ask, LEFT_OUT_BY_HOLD: ask - leave_out}.get(why, set())
        found |= set(marks[np.isin(marks, _numbers(reached))].tolist())
    return len(found)


def _on_hold(plan: ExtractPlan, source: Source, key: str) -> tuple[set[int], set[int]]:
    """Marks of those whom holds leave out, and of those about whom they ask."""
    view = holds_view(plan)
    with source.transaction(source.membership_role) as connection:
        rows = connection.execute(sql(f"SELECT person, why FROM {source.reading(view)}")).fetchall()
    people = {effect: {p for p, e in rows if e == effect} for effect in (LEAVE_OUT, STOP_AND_ASK)}
    return _marks(key, people[LEAVE_OUT]), _marks(key, people[STOP_AND_ASK])


def _marks(key: str, people: Iterable[str]) -> set[int]:
    messages = pa.array([message(PERSON_KIND, p) for p in people], pa.string())
    _, (marks,) = pseudonyms(key, [messages], text=False)
    return set(marks.drop_null().to_pylist())


def _people(index: Path) -> Iterator[tuple[str, Numbers]]:
    """The marks in an index, part by part, with what it says of them."""
    with parquet.ParquetFile(index) as file:
        for number in range(file.num_row_groups):
            table = file.read_row_group(number, columns=["mark", "why"])
            for why in table.column("why").unique().to_pylist():
                yield why, table.filter(pc.equal(table.column("why"), why)).column("mark").to_numpy()


def _numbers(marks: set[int]) -> Numbers:
    return np.array(sorted(marks), dtype=np.uint64)
