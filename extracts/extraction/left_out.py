"""Who was left out of an extract, and why, for the controller's membership index: read by the membership role alone.

It is asked in the snapshot that the rows are read in, over a connection of its own, so that the source works on both at
once. Identifiers are in memory for moments; what is handed on are marks.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from extracts.agreement.plan import ExtractPlan, Period
from extracts.catalogue.contract import Dataset
from extracts.extraction.pseudonym import PERSON_KIND, message, pseudonyms
from extracts.extraction.sources.interface import Source
from extracts.extraction.sources.literals import text_literal
from extracts.extraction.sources.postgres import sql
from extracts.extraction.sources.rows import has_period, within
from extracts.extraction.sources.view_sql import SHARE, left_out_of, planned_dataset

_BATCH_ROWS = 50_000
_SCHEMA = pa.schema([("mark", pa.uint64()), ("why", pa.string()), ("share", pa.string())])

_LeftOut = tuple[str | None, str, str | None]


def read_left_out(
    plan: ExtractPlan, source: Source, dataset: Dataset, period: Period, key: str, snapshot: str
) -> pa.Table:
    """A mark under the membership `key` and a reason for each person of the period whom the source left out.

    `share`: whose row it would have been; null if nobody's. snapshot: the exported one. Raises SourceUnreachable,
    SourceChanged.
    """
    share = f"d.{SHARE}" if plan.division else text_literal(plan.recipient)
    query = f"SELECT DISTINCT d.person, d.why, {share} FROM {_relation(plan, source, dataset)}"
    if has_period(planned_dataset(plan, dataset.name)):
        query += f" WHERE {within(period, 'd.on_date', 'd.until_date')}"
    with (
        source.transaction(source.membership_role, snapshot=snapshot) as connection,
        connection.cursor(name="left_out") as cursor,
    ):
        cursor.execute(sql(query))
        found = [_marked(rows, key) for rows in _batches(cursor)]
    return pa.Table.from_batches(found, _SCHEMA)


def _relation(plan: ExtractPlan, source: Source, dataset: Dataset) -> str:
    return f"{source.reading(left_out_of(plan, dataset)).removesuffix(' AS v')} AS d"


def _batches(cursor: Any) -> Iterator[list[_LeftOut]]:
    while rows := cursor.fetchmany(_BATCH_ROWS):
        yield rows


def _marked(rows: list[_LeftOut], key: str) -> pa.RecordBatch:
    messages = pa.array([message(PERSON_KIND, person) for person, _, _ in rows], pa.string())
    _, (marks,) = pseudonyms(key, [messages], text=False)
    told = (pa.array([row[place] for row in rows], pa.string()) for place in (1, 2))
    return pa.record_batch([marks, *told], schema=_SCHEMA)
