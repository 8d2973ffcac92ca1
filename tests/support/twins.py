"""People of every kind in a PostgreSQL, and the plans by which a twin of another kind is compared with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pyarrow import parquet

from extracts.agreement.plan import Condition, ExtractPlan, Operator
from extracts.extraction.values import Extract
from tests.support.builders import a_dataset, a_planned_dataset, an_identified_plan, some_limits
from tests.support.postgres import Database
from tests.support.small_source import SmallSource, small_source

NAMES = (
    "nino",
    "surname",
    "date_of_birth",
    "postcode",
    "weekly_award",
    "award_type",
    "carer_addition",
    "started_on",
)
CONDITIONS = {
    "none": (),
    "text": (Condition("award_type", Operator.IN, ("both", "savings")),),
    "text that is not": (Condition("award_type", Operator.EQUALS, ("savings",), negated=True),),
    "nothing there": (Condition("postcode", Operator.IS_NULL),),
    "dates": (Condition("started_on", Operator.BETWEEN, ("2012-01-01", "2018-12-31")),),
    "a date that is not": (Condition("started_on", Operator.BEFORE, ("2015-03-03",), negated=True),),
    "dates that are not": (Condition("started_on", Operator.BETWEEN, ("2012-01-01", "2018-12-31"), negated=True),),
    "decimals": (Condition("weekly_award", Operator.AFTER, ("49.7",)),),
    "yes or no": (Condition("carer_addition", Operator.EQUALS, ("true",)),),
    "several": (
        Condition("award_type", Operator.IN, ("guarantee",)),
        Condition("weekly_award", Operator.BETWEEN, ("10", "150.5")),
    ),
}


@contextmanager
def people_of_every_kind(database: Database) -> Iterator[SmallSource]:
    """Held, restricted, with a safe address, with odd names and with nothing at all."""
    with small_source(database) as source:
        for number in range(30):
            award = {
                "award_type": ("guarantee", "savings", "both")[number % 3],
                "weekly_award": f"{number * 7 + 1}.{number % 10}{number % 7}",
                "carer_addition": number % 4 == 0,
                "started_on": f"20{10 + number % 15}-0{1 + number % 9}-1{number % 10}",
            }
            facts: dict[str, Any] = {"council_code": f"S1200004{number % 8}", "surname": f"O'Näme 🧣 {number}"}
            source.award(f"QQ1000{number:02}A", award, **facts)
        source.award("QQ200001A", restricted=True)
        source.award("QQ200002B", safe_address=True)
        source.award("QQ200003C", postcode=None, council_code=None)
        source.award("QQ300001D")
        source.hold("qq 30 00 01", "all")
        source.award("QQ300002D")
        source.hold("QQ300002", f"gateway:{an_identified_plan().gateway}")
        source.award("QQ300003D")
        source.hold("QQ300003D", "agreement:SDDSB-1999-001")
        yield source


def a_plan_of(*conditions: Condition, names: tuple[str, ...] = NAMES, **changes: Any) -> ExtractPlan:
    """Every column as it is, of the rows that the conditions let through."""
    columns = tuple((name, "keep", ()) for name in names)
    dataset = a_planned_dataset(a_dataset(), columns, conditions)
    return an_identified_plan(
        **{"request_id": "SDDSB-2026-101", "datasets": (dataset,), "limits": some_limits(min_rows=0), **changes}
    )


def index_of(extract: Extract) -> list[Any]:
    """The membership index, in an order of its own."""
    assert extract.membership is not None
    return sorted(map(str, parquet.read_table(extract.membership).to_pylist()))
