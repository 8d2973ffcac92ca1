"""Values for tests: `a_plan()` is a good plan, `a_plan(recipient="...")` the same with one thing changed.

Everything is synthetic. Datasets come from `sample_datasets`, requests and approvals from `agreements`; all of them can
be imported from here.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from extracts.agreement.decision import ColumnDecision, Decision, DecisionOutcome, Order, OrderKind
from extracts.agreement.plan import (
    Condition,
    Criticality,
    ExtractPlan,
    Limits,
    Operator,
    Period,
    PlannedColumn,
    PlannedDataset,
    SafeAddress,
    SmallCells,
)
from extracts.agreement.planned_dataset import filter_columns
from extracts.catalogue.contract import Column, Dataset, Identifiability, Identifier
from extracts.catalogue.treatments import TREATMENTS
from tests.support.agreements import (  # noqa: F401 (to be imported from here)
    BENEFIT_CAP,
    BOARD,
    CHILD_PAYMENT,
    CONTROLLER,
    EXAMPLES,
    REFUSED,
    STATISTICS,
    a_controller_signature,
    a_drawn_up_decision,
    a_made_plan,
    a_published_document,
    a_request,
    a_request_document,
    a_signature,
    an_approval,
    an_assessment,
    removed,
    the_parties,
    the_policy,
)
from tests.support.sample_datasets import (  # noqa: F401 (to be imported from here)
    A_DIGEST,
    ANOTHER_DIGEST,
    NOW,
    TODAY,
    a_column,
    a_dataset,
    the_datasets,
)


def a_planned_column(column: Column, treatment: str = "keep", parameters: tuple[str, ...] = ()) -> PlannedColumn:
    """`column` under a treatment, as `make_plan` would write it."""
    how = TREATMENTS[treatment]
    return PlannedColumn(
        name=column.name + how.suffix,
        source=column.name,
        type=column.type,
        precision=column.precision,
        scale=column.scale,
        unit=column.unit,
        meaning=column.meaning,
        classification=column.classification,
        identifier=column.identifier,
        identifier_kind=column.identifier_kind,
        treatment=how.reference,
        parameters=parameters,
        delivered_type=how.result or column.type,
    )


def a_planned_dataset(
    dataset: Dataset | None = None,
    columns: tuple[tuple[str, str, tuple[str, ...]], ...] = (),
    conditions: tuple[Condition, ...] = (),
    safe_address: SafeAddress = SafeAddress.WITHHOLD_ROWS,
    counted: bool = True,
) -> PlannedDataset:
    """`dataset` with these (column, treatment, parameters); the Pension Credit statistics if none are given.

    `counted`: whether groups of people are counted, as for pseudonymised plans.
    """
    dataset = dataset or a_dataset()
    chosen = columns or _STATISTICS
    planned = tuple(a_planned_column(_column(dataset, name), how, given) for name, how, given in chosen)
    return PlannedDataset(
        dataset=dataset.name,
        major_version=dataset.major_version,
        relation=dataset.relation,
        view_digest=dataset.view_digest,
        coverage=dataset.coverage,
        columns=planned,
        conditions=conditions,
        filter_columns=filter_columns(dataset, conditions),
        key=dataset.key,
        persons=dataset.persons,
        period_column=dataset.period_column,
        period_end_column=dataset.period_end_column,
        period_kind=dataset.period_kind,
        restricted_column=dataset.restricted_column,
        safe_address_column=dataset.safe_address_column,
        safe_address=safe_address,
        quasi_identifiers=tuple(c.name for c in planned if c.identifier is Identifier.QUASI) if counted else (),
        load_tables=dataset.load_tables,
        max_age_hours=dataset.max_age_hours,
    )


def _column(dataset: Dataset, name: str) -> Column:
    found = dataset.column(name)
    assert found is not None, f"{dataset.name} has no column {name}"
    return found


_STATISTICS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("nino", "pseudonymise", ()),
    ("date_of_birth", "age_band", ("10",)),
    ("sex", "keep", ()),
    ("council_code", "council", ()),
    ("award_type", "keep", ()),
    ("weekly_award", "band", ("0", "50", "100")),
    ("started_on", "quarter", ()),
)


def some_limits(**changes: Any) -> Limits:
    """Limits that no small test reaches, with k at its default."""
    facts: dict[str, Any] = {
        "max_rows": 1_000_000,
        "max_deliveries": 100,
        "min_rows": 1,
        "change_percent": 50,
        "k": 10,
        "small_cells": SmallCells.WITHHOLD,
        "max_withheld_percent": 10,
    }
    return Limits(**(facts | changes))


def a_plan(**changes: Any) -> ExtractPlan:
    """The pseudonymised Pension Credit statistics, quarterly."""
    facts: dict[str, Any] = {
        "request_id": "SDDSB-2026-027",
        "recipient": "scottish-government-analysts",
        "gateway": "scotland-act-2016-s34",
        "purpose_code": "social-security-statistics",
        "identifiability": Identifiability.PSEUDONYMISED,
        "criticality": Criticality.ANALYSIS,
        "frequency": "quarterly",
        "schedule": "working day: 5 of quarter",
        "start_on": date(2026, 1, 1),
        "end_on": date(2028, 12, 31),
        "review_on": date(2027, 6, 30),
        "retention_days": 730,
        "format": "parquet",
        "limits": some_limits(),
        "datasets": (a_planned_dataset(),),
    }
    return ExtractPlan(**(facts | changes))


def an_identified_plan(**changes: Any) -> ExtractPlan:
    """The Fife benefit-cap support: identified, monthly, an event dataset, one council."""
    columns = tuple(
        (name, "keep", ())
        for name in (
            "claim_id",
            "nino",
            "forenames",
            "surname",
            "date_of_birth",
            "address",
            "postcode",
            "council_code",
            "children",
            "cap_reduction",
            "assessment_period_end",
        )
    )
    conditions = (
        Condition("cap_reduction", Operator.AFTER, ("0",)),
        Condition("council_code", Operator.EQUALS, ("S12000047",)),
    )
    facts: dict[str, Any] = {
        "request_id": "SDDSB-2026-021",
        "recipient": "fife-council",
        "gateway": "welfare-reform-act-2012-s131",
        "purpose_code": "benefit-cap-support",
        "identifiability": Identifiability.IDENTIFIED,
        "criticality": Criticality.OPERATIONAL,
        "frequency": "monthly",
        "schedule": "working day: 4 of month",
        "retention_days": 180,
        "limits": some_limits(k=0, small_cells=SmallCells.STOP, max_withheld_percent=0),
        "datasets": (a_planned_dataset(a_dataset("benefit_cap"), columns, conditions, counted=False),),
    }
    return a_plan(**(facts | changes))


def a_period(label: str = "2026-11", first: date = date(2026, 11, 1), last: date = date(2026, 11, 30)) -> Period:
    """November 2026."""
    return Period(label, first, last)


def a_decision(plan: ExtractPlan | None = None, **changes: Any) -> Decision:
    """An approval of `plan`, in force in 2026 and 2027."""
    plan = plan or a_plan()
    columns = tuple(ColumnDecision(d.dataset, c.source, granted=True) for d in plan.datasets for c in d.columns)
    facts: dict[str, Any] = {
        "request_id": plan.request_id,
        "request_version": 1,
        "request_digest": A_DIGEST,
        "assessment_digest": ANOTHER_DIGEST,
        "policy_version": "1",
        "plan_digest": plan.digest,
        "outcome": DecisionOutcome.APPROVE,
        "columns": columns,
        "reasons": "Necessary and proportionate.",
        "conditions": (),
        "delegation": "dwp-controller-scotland",
        "drawn_up_at": datetime(2026, 1, 5, 10, 0, tzinfo=UTC),
        "valid_from": date(2026, 1, 5),
        "valid_until": date(2027, 12, 31),
        "review_on": date(2027, 6, 30),
    }
    return Decision(**(facts | changes))


def an_order(kind: OrderKind = OrderKind.SUSPEND, number: int = 1, decision: Decision | None = None) -> Order:
    """An order on `decision`."""
    decision = decision or a_decision()
    return Order(decision.request_id, number, kind, decision.digest, "Ordered in a test.", NOW)
