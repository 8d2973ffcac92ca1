"""Opens the source as the briefing's role and has it counted: exact numbers, for the other steps alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from extracts.agreement.counter_offer import groupings_wanted
from extracts.agreement.source_counts import DatasetCounts, GroupCount, Grouping
from extracts.agreement.suppression import Suppression
from extracts.errors import NotFound, UsageError
from extracts.extraction.briefing_counts import Counter, open_counter
from extracts.extraction.sources.briefing_views import briefing_sql

if TYPE_CHECKING:
    from extracts.agreement.request import Request
    from extracts.catalogue.contract import Dataset
    from extracts.steps.workplace import Workplace


def briefing_script(work: Workplace, system: str = "") -> str:
    """The SQL by which a system's DBA lets briefings count; it holds no password. Raises UsageError, NotFound.

    system: need not be named if there is only one.
    """
    systems = sorted({d.system for d in work.datasets.values()})
    if not system and len(systems) != 1:
        raise UsageError("There are several systems; say in which.", advice=f"Systems: {', '.join(systems)}.")
    return briefing_sql(datasets_of(work, system or systems[0]), work.places.sql / "roles")


def datasets_of(work: Workplace, system: str) -> Mapping[str, Dataset]:
    """The declared datasets of one system. Raises NotFound if there are none."""
    found = {name: d for name, d in work.datasets.items() if d.system == system}
    if not found:
        systems = ", ".join(sorted({d.system for d in work.datasets.values()}))
        raise NotFound(f"No dataset lies in a system {system!r}.", advice=f"Systems: {systems}.")
    return found


def suppression_of(work: Workplace) -> Suppression:
    """How small counts are hidden in this installation."""
    return Suppression(work.limits.small_count)


def count_request(work: Workplace, request: Request) -> dict[str, DatasetCounts]:
    """What is there of each declared dataset that is asked for, in the request's order.

    Raises SourceUnreachable, SourceChanged, SettingMissing.
    """
    found: dict[str, DatasetCounts] = {}
    for system in _systems(work, request):
        with _counter(work, system) as counter:
            for asked in request.datasets:
                if asked.dataset in counter.datasets:
                    found[asked.dataset] = counter.count(request, asked)
    return {d.dataset: found[d.dataset] for d in request.datasets if d.dataset in found}


def count_groups(work: Workplace, request: Request) -> dict[str, Mapping[Grouping, GroupCount]]:
    """As many groupings as a counter-offer to the request needs to be found. Raises as `count_request`.

    `request`: as it was mended, so that groups are counted at the k that would be offered.
    """
    found: dict[str, dict[Grouping, GroupCount]] = {}
    for system in _systems(work, request):
        with _counter(work, system) as counter:
            while _count_further(request, counter, found):
                pass
    return dict(found)


def _count_further(request: Request, counter: Counter, found: dict[str, dict[Grouping, GroupCount]]) -> bool:
    """Counts what is wanted next in this system; whether anything was."""
    wanted = groupings_wanted(request, counter.datasets, found)
    counted = False
    for asked in (d for d in request.datasets if d.dataset in wanted):
        new = counter.groups(request, asked, wanted[asked.dataset])
        found.setdefault(asked.dataset, {}).update(new)
        counted = counted or bool(new)
    return counted


def _systems(work: Workplace, request: Request) -> list[str]:
    return sorted({work.datasets[d.dataset].system for d in request.datasets if d.dataset in work.datasets})


@contextmanager
def _counter(work: Workplace, system: str) -> Iterator[Counter]:
    datasets = datasets_of(work, system)
    with open_counter(work.source(system), work.places.passfile, datasets, work.now()) as counter:
        yield counter
