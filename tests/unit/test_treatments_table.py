"""The table of treatments is complete, consistent, and says in words what it does."""

from __future__ import annotations

import re

import pytest

from extracts.agreement.coercion import plan_parameters
from extracts.agreement.request_rows import AskedTreatment
from extracts.catalogue.contract import ColumnType
from extracts.catalogue.treatments import PSEUDONYM_PATTERN, TREATMENTS, Treatment, treatment
from tests.support.builders import a_column

ALL = list(TREATMENTS.values())


def test_the_treatments_that_were_promised_are_there() -> None:
    promised = {
        "keep",
        "pseudonymise",
        "year",
        "month",
        "quarter",
        "age_band",
        "postcode_area",
        "postcode_district",
        "postcode_sector",
        "council",
        "round",
        "band",
        "top_code",
        "present",
    }
    assert set(TREATMENTS) == promised


@pytest.mark.parametrize("how", ALL, ids=lambda t: t.name)
def test_a_treatment_is_found_by_its_name_and_referred_to_with_its_version(how: Treatment) -> None:
    assert treatment(how.name) is how
    assert how.reference == f"{how.name}@{how.version}"
    assert how.accepts


@pytest.mark.parametrize("how", ALL, ids=lambda t: t.name)
def test_the_sentence_fills_in_exactly_the_parameters(how: Treatment) -> None:
    assert set(re.findall(r"\{(\w+)\}", how.plain)) == set(how.parameters)
    assert bool(how.example_parameters) == bool(how.parameters)


@pytest.mark.parametrize("how", [t for t in ALL if t.parameters], ids=lambda t: t.name)
def test_the_example_parameters_are_valid(how: Treatment) -> None:
    column = a_column(type=how.accepts[0])
    asked = AskedTreatment(name=how.name, parameters=how.example_parameters)
    assert plan_parameters(asked, column) == how.example_parameters


def test_what_no_longer_is_what_the_name_says_gets_another_name() -> None:
    for how in ALL:
        changes_meaning = how.result is not None and how.name != "council"
        assert bool(how.suffix) == (changes_meaning or how.name.startswith("postcode")), how.name
    suffixes = [t.suffix for t in ALL if t.suffix]
    assert len(set(suffixes)) == len(suffixes)


def test_a_pseudonym_shows_the_shape_that_inspection_expects() -> None:
    assert re.fullmatch(PSEUDONYM_PATTERN, TREATMENTS["pseudonymise"].after)
    assert TREATMENTS["pseudonymise"].accepts == (ColumnType.STRING,)


def test_an_unknown_treatment_is_none() -> None:
    assert treatment("sha1") is None
