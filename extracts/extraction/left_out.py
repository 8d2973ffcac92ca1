"""Who was left out of an extract, and why, for the controller's membership index: read by the membership role alone.

It is asked in the snapshot that the rows are read in, before these are: how many rows are left out, and whether a hold
says stop and ask, decides whether anything is read at all. Identifiers are in memory for moments; what is handed on are
marks and counts. Where a plan has several recipients, each one's are kept apart, and those of nobody.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from extracts.agreement.plan import ExtractPlan, Period
from extracts.catalogue.contract import Dataset
from extracts.extraction.pseudonym import PERSON_KIND, message, pseudonyms
from extracts.extraction.sources.interface import Source
from extracts.extraction.sources.postgres import sql
from extracts.extraction.sources.rows import STOP_AND_ASK, has_period, within
from extracts.extraction.sources.view_sql import SHARE, left_out_of, planned_dataset

_BATCH_ROWS = 50_000
_SCHEMA = pa.schema([("mark", pa.uint64()), ("why", pa.string())])
_Row = tuple[str | None, str, bool, bool]

NOBODY = ""
"""Where something is by recipient: of rows that belong to none."""


@dataclass(frozen=True)
class LeftOut:
    """Marks and reasons of whom the source left out; how many rows, by reason, and how many of these are unfit.

    stop_and_ask: rows that would leave, but for a hold that says so.
    """

    people: pa.Table
    rows: Counter[str]
    unfit: int
    stop_and_ask: int


def read_left_out(
    plan: ExtractPlan, source: Source, dataset: Dataset, period: Period, key: str, snapshot: str
) -> dict[str, LeftOut]:
    """Everybody of the period whom the source left out, as marks under the membership `key`; by recipient.

    snapshot: the exported one. Raises SourceUnreachable, SourceChanged.
    """
    share = f", d.{SHARE}" if plan.division else ""
    query = f"SELECT d.person, d.why, d.leads, d.unfit{share} FROM {_relation(plan, source, dataset)}"
    if has_period(planned_dataset(plan, dataset.name)):
        query += f" WHERE {within(period, 'd.on_date', 'd.until_date')}"
    gathered = {whose: _Gathered(key) for whose in (*plan.recipients, NOBODY)}
    with (
        source.transaction(source.membership_role, snapshot=snapshot) as connection,
        connection.cursor(name="left_out") as cursor,
    ):
        cursor.execute(sql(query))
        for found in _batches(cursor):
            for whose, theirs in _by_recipient(plan, found):
                gathered[whose].add(theirs)
    return {whose: each.made() for whose, each in gathered.items()}


@dataclass
class _Gathered:
    """What was found of one recipient's rows so far."""

    key: str
    rows: Counter[str] = field(default_factory=Counter)
    unfit: int = 0
    marked: list[pa.RecordBatch] = field(default_factory=list)

    def add(self, found: list[_Row]) -> None:
        self.rows.update(why for _, why, leads, _ in found if leads)
        self.unfit += sum(1 for _, why, leads, is_unfit in found if leads and is_unfit and why != STOP_AND_ASK)
        self.marked.append(_marked(found, self.key))

    def made(self) -> LeftOut:
        rows = self.rows.copy()
        asked = rows.pop(STOP_AND_ASK, 0)
        return LeftOut(pa.Table.from_batches(self.marked, _SCHEMA), rows, self.unfit, asked)


def _by_recipient(plan: ExtractPlan, found: list[tuple[Any, ...]]) -> Iterator[tuple[str, list[_Row]]]:
    """Whose row each would have been."""
    if plan.division is None:
        yield plan.recipient, found
        return
    theirs: dict[str, list[_Row]] = {}
    for *row, share in found:
        theirs.setdefault(share or NOBODY, []).append(tuple(row))
    yield from theirs.items()


def _relation(plan: ExtractPlan, source: Source, dataset: Dataset) -> str:
    return f"{source.reading(left_out_of(plan, dataset)).removesuffix(' AS v')} AS d"


def _batches(cursor: Any) -> Iterator[list[tuple[Any, ...]]]:
    while rows := cursor.fetchmany(_BATCH_ROWS):
        yield rows


def _marked(rows: list[_Row], key: str) -> pa.RecordBatch:
    out = [(person, why) for person, why, _, _ in rows if why != STOP_AND_ASK]
    messages = pa.array([message(PERSON_KIND, person) for person, _ in out], pa.string())
    _, (marks,) = pseudonyms(key, [messages], text=False)
    return pa.record_batch([marks, pa.array([why for _, why in out], pa.string())], schema=_SCHEMA)
