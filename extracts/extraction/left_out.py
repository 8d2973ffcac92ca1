"""Who was left out of an extract, and why, for the controller's membership index: read by the membership role alone.

It is asked in the snapshot that the rows are read in, before these are: how many rows are left out, and whether a hold
says stop and ask, decides whether anything is read at all. Identifiers are in memory for moments; what is handed on are
marks and counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from extracts.agreement.plan import ExtractPlan, Period
from extracts.catalogue.contract import Dataset
from extracts.extraction.pseudonym import PERSON_KIND, message, pseudonyms
from extracts.extraction.sources.interface import Source
from extracts.extraction.sources.postgres import sql
from extracts.extraction.sources.rows import STOP_AND_ASK, has_period, within
from extracts.extraction.sources.view_sql import left_out_of, planned_dataset

_BATCH_ROWS = 50_000
_SCHEMA = pa.schema([("mark", pa.uint64()), ("why", pa.string())])


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
) -> LeftOut:
    """Everybody of the period whom the source left out, as marks under the membership `key`.

    snapshot: the exported one. Raises SourceUnreachable, SourceChanged.
    """
    query = f"SELECT d.person, d.why, d.leads, d.unfit FROM {_relation(plan, source, dataset)}"
    if has_period(planned_dataset(plan, dataset.name)):
        query += f" WHERE {within(period, 'd.on_date', 'd.until_date')}"
    rows: Counter[str] = Counter()
    unfit, marked = 0, []
    with (
        source.transaction(source.membership_role, snapshot=snapshot) as connection,
        connection.cursor(name="left_out") as cursor,
    ):
        cursor.execute(sql(query))
        for found in _batches(cursor):
            rows.update(why for _, why, leads, _ in found if leads)
            unfit += sum(1 for _, why, leads, is_unfit in found if leads and is_unfit and why != STOP_AND_ASK)
            marked.append(_marked(found, key))
    asked = rows.pop(STOP_AND_ASK, 0)
    return LeftOut(pa.Table.from_batches(marked, _SCHEMA), rows, unfit, asked)


def _relation(plan: ExtractPlan, source: Source, dataset: Dataset) -> str:
    return f"{source.reading(left_out_of(plan, dataset)).removesuffix(' AS v')} AS d"


def _batches(cursor: Any) -> Iterator[list[tuple[str | None, str, bool, bool]]]:
    while rows := cursor.fetchmany(_BATCH_ROWS):
        yield rows


def _marked(rows: list[tuple[str | None, str, bool, bool]], key: str) -> pa.RecordBatch:
    out = [(person, why) for person, why, _, _ in rows if why != STOP_AND_ASK]
    messages = pa.array([message(PERSON_KIND, person) for person, _ in out], pa.string())
    _, (marks,) = pseudonyms(key, [messages], text=False)
    return pa.record_batch([marks, pa.array([why for _, why in out], pa.string())], schema=_SCHEMA)
