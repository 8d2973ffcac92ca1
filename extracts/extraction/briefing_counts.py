"""Counts what a request would deliver, in the source, before anything is agreed. No row is fetched, only counts.

Entered as the briefing's own role, which may read the counting views and nothing else. Views and rights are checked in
the same read-only snapshot before the first count.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from extracts.agreement.coarsening import moves
from extracts.agreement.request import Request
from extracts.agreement.request_rows import DatasetAsked
from extracts.agreement.source_counts import DatasetCounts, GroupCount, Grouping, RowFate, grouping_of
from extracts.catalogue.contract import Dataset
from extracts.errors import SourceChanged
from extracts.extraction.sources import briefing_views as views
from extracts.extraction.sources.briefing_queries import FATE_ORDER, CannotCount, CountedRows
from extracts.extraction.sources.definitions import check_agreement_view, check_curated_view
from extracts.extraction.sources.postgres import Connection, PostgresSource, open_source_as, sql
from extracts.extraction.sources.privileges import privilege_problems


@contextmanager
def open_counter(
    address: str, passfile: Path | None, datasets: Mapping[str, Dataset], now: datetime
) -> Iterator[Counter]:
    """A counter inside one snapshot of a system, which holds `datasets`.

    Raises SourceUnreachable, SourceChanged (a view or a right is not as it should be), SettingMissing, NotPermitted.
    """
    source = open_source_as(views.ROLE, address, passfile)
    with source.transaction() as connection:
        connection.execute(sql(f"SET LOCAL statement_timeout = '{views.STATEMENT_TIMEOUT}'"))
        _check_rights(connection, source, datasets)
        yield Counter(connection, datasets, now)


@dataclass(frozen=True)
class Counter:
    """Counts in one snapshot of one system."""

    connection: Connection
    datasets: Mapping[str, Dataset]
    now: datetime

    def count(self, request: Request, asked: DatasetAsked) -> DatasetCounts:
        """Everything about one dataset of a request. Raises SourceChanged if its views are not the contract's."""
        source = self.datasets[asked.dataset]
        check_curated_view(self.connection, source)
        check_agreement_view(self.connection, views.counting_view(source))
        loaded = self._loaded_at(source)
        age = int((self.now - loaded).total_seconds() // 3600) if loaded else None
        try:
            rows = CountedRows(request, asked, source, self.now.date())
        except CannotCount as why:
            return DatasetCounts(source.name, loaded, age, not_counted=str(why))
        start = grouping_of(request, source)
        by = [start, *(m.to for m in moves(start, request, source) if m.to)] if start else []
        return DatasetCounts(
            source.name,
            loaded,
            age,
            rows=_fates(self._all(rows.by_row())),
            people=_fates(self._all(rows.by_person())),
            filled=self._filled(rows),
            groups={grouping: self._group(rows, grouping) for grouping in by},
        )

    def groups(
        self, request: Request, asked: DatasetAsked, wanted: Iterable[Grouping]
    ) -> Mapping[Grouping, GroupCount]:
        """The groups of these groupings alone; none where rows cannot be counted."""
        try:
            rows = CountedRows(request, asked, self.datasets[asked.dataset], self.now.date())
        except CannotCount:
            return {}
        return {grouping: self._group(rows, grouping) for grouping in wanted}

    def _group(self, rows: CountedRows, by: Grouping) -> GroupCount:
        ((smallest, *counts),) = self._all(rows.groups(by))
        return GroupCount(smallest or 0, *counts)

    def _filled(self, rows: CountedRows) -> dict[str, int]:
        columns = rows.countable()
        if not columns:
            return {}
        (found,) = self._all(rows.filled(columns))
        return dict(zip(columns, found, strict=True))

    def _loaded_at(self, source: Dataset) -> datetime | None:
        """When the table that was loaded longest ago was; None if one has no stamp."""
        stamps = dict(self._all(f"SELECT table_name, loaded_at FROM {views.stamps_view([]).name}"))
        found = [stamps.get(table) for table in source.load_tables]
        known = [at for at in found if at is not None]
        return min(known) if known and len(known) == len(found) else None

    def _all(self, query: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(sql(query)).fetchall()


def _fates(found: list[tuple[Any, ...]]) -> dict[RowFate, int]:
    counted = {int(fate or 0): int(number or 0) for fate, number in found}
    return {fate: counted.get(place, 0) for fate, place in FATE_ORDER.items()}


def _check_rights(connection: Connection, source: PostgresSource, datasets: Mapping[str, Dataset]) -> None:
    expected = views.briefing_views(datasets)
    check_agreement_view(connection, views.stamps_view(datasets.values()))
    problems = privilege_problems(connection, source.role, tuple(v.name for v in expected))
    if problems:
        raise SourceChanged(
            f"The role {source.role} has other rights than it should: {'; '.join(problems)}.",
            advice="Nothing was counted. Ask the source's DBA to run the script of `extracts source sql --briefing`.",
        )
