"""4. Validation of the source: which of a contract's promises are checked there, and which in the finished file.

Each is checked once, where it can last be seen. `tests/integration` runs these checks on a real database.
"""

from dataclasses import replace
from decimal import Decimal

import pytest

from extracts.agreement.plan import PlannedDataset
from extracts.catalogue.contract import Dataset, QualityRule
from extracts.extraction.sources.view_sql import read_columns
from extracts.extraction.validation_release import Facts, release_checks
from extracts.extraction.validation_source import SourceFacts, shown_in_file, source_checks, written_checks
from tests.support.builders import a_dataset, a_planned_dataset, some_limits

FACTS = SourceFacts(Decimal(2), Decimal(2), 10)
FILE_FACTS = Facts(10, None, 10, 10, 0, 0, 0, Decimal(2), Decimal(0))


def at_the_source(planned: PlannedDataset, dataset: Dataset) -> list[str]:
    checks, hidden = source_checks(planned, dataset, FACTS, read_columns(planned))
    made = [f"{c.target} {c.name}".partition(".")[2] or c.name for c in checks]
    return made + [f"{c.target} {c.name} (not applicable)".partition(".")[2] for c in hidden]


def in_the_file(planned: PlannedDataset, dataset: Dataset) -> list[str]:
    checks, _ = release_checks(planned, dataset, some_limits(), FILE_FACTS)
    return [f"{c.target} {c.name}".partition(".")[2] for c in checks]


def promising(dataset: Dataset, **promises: dict[str, str]) -> Dataset:
    columns = tuple(replace(c, **promises.get(c.name, {})) for c in dataset.columns)  # type: ignore[arg-type]
    return replace(dataset, columns=columns)


PENSIONS = promising(
    a_dataset(),
    date_of_birth={"minimum": "1900-01-01"},
    weekly_award={"minimum": "0", "maximum": "1000"},
)


def test_a_range_is_checked_in_the_file_where_the_column_is_delivered_as_it_is() -> None:
    planned = a_planned_dataset(PENSIONS, (("nino", "keep", ()), ("weekly_award", "keep", ())))
    assert "weekly_award is between 0 and 1000" in in_the_file(planned, PENSIONS)
    assert "weekly_award is between 0 and 1000" not in at_the_source(planned, PENSIONS)


def test_a_range_is_checked_at_the_source_where_the_treatment_hides_the_value() -> None:
    planned = a_planned_dataset(
        PENSIONS, (("nino", "keep", ()), ("weekly_award", "band", ("0", "100")), ("date_of_birth", "age_band", ("10",)))
    )
    found = at_the_source(planned, PENSIONS)
    assert "weekly_award is between 0 and 1000" in found
    assert "date_of_birth is at least 1900-01-01" in found
    assert not [c for c in in_the_file(planned, PENSIONS) if "1900-01-01" in c or "between 0 and 1000" in c]


def test_a_person_column_that_is_not_delivered_must_still_be_filled_for_holds_to_work() -> None:
    planned = a_planned_dataset(PENSIONS, (("award_type", "keep", ()),))
    assert "nino has a value" in at_the_source(planned, PENSIONS)


def test_a_column_that_the_agreement_does_not_read_is_not_checked() -> None:
    planned = a_planned_dataset(PENSIONS, (("award_type", "keep", ()),))
    assert not [c for c in at_the_source(planned, PENSIONS) if c.startswith(("weekly_award", "date_of_birth"))]


@pytest.mark.parametrize("how", ["keep", "pseudonymise"])
def test_the_key_is_checked_in_the_file_where_it_is_delivered_whole(how: str) -> None:
    planned = a_planned_dataset(PENSIONS, (("nino", how, ()),))
    assert [c for c in in_the_file(planned, PENSIONS) if "different in every row" in c]
    assert not [c for c in at_the_source(planned, PENSIONS) if "different in every row" in c]


def test_the_key_is_checked_at_the_source_where_it_can_be_read_but_is_not_delivered() -> None:
    planned = a_planned_dataset(PENSIONS, (("award_type", "keep", ()),))
    assert "nino is different in every row" in at_the_source(planned, PENSIONS)


def test_a_key_that_nobody_can_see_is_listed_as_not_applicable() -> None:
    caps = a_dataset("benefit_cap")
    planned = a_planned_dataset(caps, (("nino", "pseudonymise", ()),))
    assert "claim_id, assessment_period_end are different in every row (not applicable)" in at_the_source(planned, caps)


def test_freshness_always_applies() -> None:
    planned = a_planned_dataset(PENSIONS, (("award_type", "keep", ()),))
    assert "the source was loaded at most 36 hours ago" in at_the_source(planned, PENSIONS)


def test_a_contracts_rule_moves_to_the_file_with_its_columns() -> None:
    rule = QualityRule(
        "expect_column_pair_values_a_to_be_greater_than_b", {"column_A": "started_on", "column_B": "date_of_birth"}, ""
    )
    kept = a_planned_dataset(PENSIONS, (("started_on", "keep", ()), ("date_of_birth", "keep", ())))
    coarse = a_planned_dataset(PENSIONS, (("started_on", "keep", ()), ("date_of_birth", "year", ())))
    assert shown_in_file(kept, PENSIONS, rule)
    assert not shown_in_file(coarse, PENSIONS, rule)


def test_a_query_reads_the_columns_that_it_names() -> None:
    rule = QualityRule(
        "unexpected_rows_expectation", {"unexpected_rows_query": "SELECT 1 FROM {batch} WHERE Weekly_Award = 0"}, ""
    )
    checks, hidden = written_checks(PENSIONS, [(rule, "rows", "an award is paid")], ["weekly_award"])
    assert len(checks) == 1
    assert not hidden
    checks, hidden = written_checks(PENSIONS, [(rule, "rows", "an award is paid")], ["nino"])
    assert not checks
    assert [h.not_applicable for h in hidden] == ["this agreement does not read weekly_award"]
