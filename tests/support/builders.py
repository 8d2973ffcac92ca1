"""Values for tests: `a_plan()` is a good plan, `a_plan(recipient="...")` the same with one thing changed.

Everything is synthetic; the three datasets have the columns of the sample source's curated views.
"""

from __future__ import annotations

from dataclasses import replace
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
from extracts.catalogue.contract import (
    Classification,
    Column,
    ColumnType,
    Dataset,
    Identifiability,
    Identifier,
    PeriodKind,
)
from extracts.catalogue.treatments import TREATMENTS

A_DIGEST = "sha256:" + "a" * 64
ANOTHER_DIGEST = "sha256:" + "b" * 64
TODAY = date(2026, 11, 23)
NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)

_IDENTIFIED = {Identifiability.IDENTIFIED: ("keep",)}
_PLAIN = {Identifiability.IDENTIFIED: ("keep",), Identifiability.PSEUDONYMISED: ("keep",)}


def a_dataset(name: str = "pension_credit_award", **changes: Any) -> Dataset:
    """One of the sample datasets: pension_credit_award, benefit_cap or scottish_child_payment."""
    return replace(_DATASETS[name](), **changes)


def a_column(name: str = "award_type", type: ColumnType = ColumnType.STRING, **changes: Any) -> Column:
    """A harmless column that may be kept in any form."""
    facts: dict[str, Any] = {
        "meaning": name.replace("_", " "),
        "classification": Classification.PERSONAL,
        "treatments": _PLAIN,
    }
    return Column(name, type, **(facts | changes))


def the_datasets() -> dict[str, Dataset]:
    """All sample datasets by name, as the catalogue hands them to `make_plan`."""
    return {name: make() for name, make in _DATASETS.items()}


def _direct(name: str, kind: str, type: ColumnType = ColumnType.STRING, **changes: Any) -> Column:
    facts: dict[str, Any] = {
        "identifier": Identifier.DIRECT,
        "identifier_kind": kind,
        "treatments": {
            Identifiability.IDENTIFIED: ("keep", "present"),
            Identifiability.PSEUDONYMISED: ("pseudonymise", "present"),
        },
    }
    return a_column(name, type, **(facts | changes))


def _name(name: str) -> Column:
    return _direct(name, "name", treatments={Identifiability.IDENTIFIED: ("keep",)})


def _date_of_birth(name: str = "date_of_birth") -> Column:
    treatments = {
        Identifiability.IDENTIFIED: ("keep", "year", "month", "age_band"),
        Identifiability.PSEUDONYMISED: ("year", "age_band"),
    }
    return a_column(name, ColumnType.DATE, identifier=Identifier.QUASI, treatments=treatments)


def _address(name: str, identifiability: tuple[str, ...] = ("keep",)) -> Column:
    return a_column(
        name,
        classification=Classification.ADDRESS,
        identifier=Identifier.QUASI,
        treatments={Identifiability.IDENTIFIED: identifiability},
    )


def _postcode() -> Column:
    coarser = ("postcode_area", "postcode_district", "postcode_sector")
    treatments = {Identifiability.IDENTIFIED: ("keep", *coarser), Identifiability.PSEUDONYMISED: coarser}
    return replace(_address("postcode"), treatments=treatments)


def _council() -> Column:
    treatments = dict.fromkeys((Identifiability.IDENTIFIED, Identifiability.PSEUDONYMISED), ("keep", "council"))
    return a_column("council_code", identifier=Identifier.QUASI, treatments=treatments)


def _sex(name: str = "sex") -> Column:
    return a_column(name, identifier=Identifier.QUASI, allowed_values=("F", "M"))


def _money(name: str, precision: int = 10) -> Column:
    numbers = ("keep", "round", "band", "top_code")
    treatments = {
        Identifiability.IDENTIFIED: numbers,
        Identifiability.PSEUDONYMISED: ("round", "band", "top_code"),
    }
    return a_column(name, ColumnType.DECIMAL, unit="GBP", precision=precision, scale=2, treatments=treatments)


def _date(name: str) -> Column:
    dates = ("keep", "year", "month", "quarter")
    treatments = {Identifiability.IDENTIFIED: dates, Identifiability.PSEUDONYMISED: ("year", "month", "quarter")}
    return a_column(name, ColumnType.DATE, treatments=treatments)


def _bank(name: str) -> Column:
    return a_column(
        name,
        classification=Classification.FINANCIAL_ACCOUNT,
        identifier=Identifier.DIRECT,
        identifier_kind="account",
        treatments={},
    )


def _control(name: str) -> Column:
    return a_column(name, ColumnType.BOOLEAN, classification=Classification.CONTROL, nullable=False, treatments={})


def _updated_at() -> Column:
    return a_column("updated_at", ColumnType.TIMESTAMP, classification=Classification.OFFICIAL)


def _pension_credit_award() -> Dataset:
    return _dataset(
        "pension_credit_award",
        "Pension Credit awards in payment, one row per person",
        key=("nino",),
        persons=("nino",),
        tables=("person", "pension_credit_award"),
        authoritative=("pension credit awards",),
        columns=(
            _direct("nino", "nino", nullable=False),
            _name("forenames"),
            _name("surname"),
            _date_of_birth(),
            _sex(),
            _address("address"),
            _postcode(),
            _council(),
            a_column("award_type", allowed_values=("guarantee", "savings", "both"), nullable=False),
            _money("weekly_award", 8),
            _date("started_on"),
            a_column("carer_addition", ColumnType.BOOLEAN, classification=Classification.SPECIAL_CATEGORY),
            a_column("severe_disability_addition", ColumnType.BOOLEAN, classification=Classification.SPECIAL_CATEGORY),
            _bank("sort_code"),
            _bank("account_number"),
        ),
    )


def _benefit_cap() -> Dataset:
    return _dataset(
        "benefit_cap",
        "Universal Credit claims reduced by the benefit cap, one row per claim and assessment period",
        key=("claim_id", "assessment_period_end"),
        persons=("nino", "partner_nino"),
        tables=("person", "universal_credit_claim", "universal_credit_assessment_period"),
        authoritative=("benefit cap",),
        period=(PeriodKind.EVENT, "assessment_period_end"),
        columns=(
            _direct("claim_id", "claim reference", nullable=False),
            _direct("nino", "nino", nullable=False),
            _direct("partner_nino", "nino"),
            _name("forenames"),
            _name("surname"),
            _date_of_birth(),
            _address("address"),
            _postcode(),
            _address("uprn"),
            _council(),
            a_column("children", ColumnType.INTEGER),
            _money("housing_element"),
            _money("award"),
            _money("cap_reduction"),
            _date("assessment_period_start"),
            _date("assessment_period_end"),
            a_column("journal_note", classification=Classification.FREE_TEXT, treatments={}),
        ),
    )


def _scottish_child_payment() -> Dataset:
    return _dataset(
        "scottish_child_payment",
        "Universal Credit households with children, one row per claim and child",
        key=("claim_id", "child_id"),
        persons=("nino", "partner_nino"),
        tables=("person", "universal_credit_claim", "claim_child", "universal_credit_assessment_period"),
        authoritative=("universal credit entitlement", "children on a claim"),
        columns=(
            _direct("claim_id", "claim reference", nullable=False),
            _direct("child_id", "child reference", nullable=False),
            _direct("nino", "nino", nullable=False),
            _direct("partner_nino", "nino"),
            _name("forenames"),
            _name("surname"),
            _date_of_birth(),
            _sex(),
            _address("address"),
            _postcode(),
            _address("uprn"),
            _council(),
            _name("child_forenames"),
            _date_of_birth("child_date_of_birth"),
            _sex("child_sex"),
            _date("assessment_period_start"),
            _date("assessment_period_end"),
            _money("award"),
            a_column("children", ColumnType.INTEGER),
        ),
    )


_DATASETS = {
    "pension_credit_award": _pension_credit_award,
    "benefit_cap": _benefit_cap,
    "scottish_child_payment": _scottish_child_payment,
}


def _dataset(
    name: str,
    title: str,
    *,
    key: tuple[str, ...],
    persons: tuple[str, ...],
    tables: tuple[str, ...],
    columns: tuple[Column, ...],
    authoritative: tuple[str, ...],
    period: tuple[PeriodKind, str] = (PeriodKind.AS_AT_NOW, ""),
) -> Dataset:
    return Dataset(
        name=name,
        version="1.0.0",
        title=title,
        description=title,
        system="sample",
        relation=f"curated.{name}",
        owner="information.asset.owner@dwp.example",
        controller="dwp",
        load_tables=tables,
        max_age_hours=36,
        key=key,
        persons=persons,
        period_kind=period[0],
        columns=(*columns, _updated_at(), _control("restricted"), _control("safe_address")),
        view_digest=A_DIGEST,
        contract_digest=ANOTHER_DIGEST,
        period_column=period[1],
        restricted_column="restricted",
        safe_address_column="safe_address",
        authoritative_for=authoritative,
        not_authoritative_for={"earnings": "HMRC"},
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
) -> PlannedDataset:
    """`dataset` with these (column, treatment, parameters); the Pension Credit statistics if none are given."""
    dataset = dataset or a_dataset()
    chosen = columns or _STATISTICS
    planned = tuple(a_planned_column(_column(dataset, name), how, given) for name, how, given in chosen)
    return PlannedDataset(
        dataset=dataset.name,
        major_version=dataset.major_version,
        relation=dataset.relation,
        view_digest=dataset.view_digest,
        columns=planned,
        conditions=conditions,
        key=dataset.key,
        persons=dataset.persons,
        period_column=dataset.period_column,
        period_kind=dataset.period_kind,
        restricted_column=dataset.restricted_column,
        safe_address_column=dataset.safe_address_column,
        safe_address=safe_address,
        quasi_identifiers=tuple(c.name for c in planned if c.identifier is Identifier.QUASI),
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
        "purpose_code": "statistics",
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
        "limits": some_limits(small_cells=SmallCells.STOP, max_withheld_percent=0),
        "datasets": (a_planned_dataset(a_dataset("benefit_cap"), columns, conditions),),
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
