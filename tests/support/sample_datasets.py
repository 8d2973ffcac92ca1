"""The sample datasets as values, for tests that need no files; columns are those of the sample's curated views."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from extracts.catalogue.contract import (
    Classification,
    Column,
    ColumnType,
    Dataset,
    Identifiability,
    Identifier,
    PeriodKind,
)

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
        coverage=("S92000003",),
        authoritative_for=authoritative,
        not_authoritative_for={"earnings": "HMRC"},
    )
