"""How two versions of a request differ, and how people point at a field."""

from __future__ import annotations

from typing import Any

import pytest

from extracts.agreement.differences import differences, field_named, fields_of, touches
from extracts.errors import UsageError
from tests.support.builders import BENEFIT_CAP, a_request, removed


def changed(**changes: Any) -> list[str]:
    """The differences to the sample request, in words; keywords are paths with __ for a dot."""
    after = a_request(BENEFIT_CAP, changes={"version": 2, **{n.replace("__", "."): v for n, v in changes.items()}})
    return [str(d) for d in differences(a_request(BENEFIT_CAP), after)]


def test_the_number_of_the_version_is_no_difference() -> None:
    assert changed() == []


def test_a_changed_field_is_told_with_both_values() -> None:
    assert changed(retention__days=90) == ["retention.days: 120 -> 90"]


def test_a_field_that_came_or_went_is_told_so() -> None:
    assert changed(note="Please hurry.") == ["note: added: Please hurry."]
    assert changed(needed_by=removed) == ["needed_by: left out; it was: 2026-04-01"]


def test_a_treatment_is_told_as_it_was_asked_for() -> None:
    assert changed(datasets__0__columns__4__treatment="year") == [
        "datasets.benefit_cap.date_of_birth.treatment: keep -> year"
    ]


def test_a_column_that_is_added_or_dropped_is_one_difference() -> None:
    whole = a_request(BENEFIT_CAP)
    columns = [c.model_dump(mode="json") for c in whole.datasets[0].columns]
    told = changed(datasets__0__columns=[c for c in columns if c["name"] != "forenames"])
    assert len(told) == 1
    assert told[0].startswith("datasets.benefit_cap.forenames: left out; it was: justification The adviser")


def test_another_order_is_no_difference() -> None:
    columns = [c.model_dump(mode="json") for c in a_request(BENEFIT_CAP).datasets[0].columns]
    assert changed(datasets__0__columns=columns[::-1]) == []


def test_conditions_on_rows_are_told_in_words() -> None:
    rows = [{"column": "council_code", "in": ["S12000047", "S12000049"]}, {"column": "cap_reduction", "after": 0}]
    assert changed(datasets__0__rows=rows) == [
        "datasets.benefit_cap.rows: council_code equals S12000047; cap_reduction after 0 -> "
        "council_code in S12000047, S12000049; cap_reduction after 0"
    ]


def test_every_field_of_a_request_can_differ_and_is_told() -> None:
    """Whatever differs in the documents differs here, too."""
    request = a_request(BENEFIT_CAP)
    for path, value in _scalars(request.document()):
        if path[0] == "version":
            continue
        document = request.document()
        inner: Any = document
        for part in path[:-1]:
            inner = inner[part]
        inner[path[-1]] = _other(value)
        after = request.model_construct(**request.__dict__)
        object.__setattr__(after, "document", lambda document=document: document)
        if path[-2:] != ("rows",) and "rows" not in path:
            assert differences(request, after), path


def _scalars(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[tuple[Any, ...], Any]]:
    if isinstance(value, dict):
        return [found for n, v in value.items() for found in _scalars(v, (*path, n))]
    if isinstance(value, list):
        return [found for n, v in enumerate(value) for found in _scalars(v, (*path, n))]
    return [(path, value)]


def _other(value: Any) -> Any:
    return not value if isinstance(value, bool) else value + 1 if isinstance(value, int) else f"{value}-x"


# --- pointing at a field ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("purpose.necessity", "purpose.necessity"),
        ("purpose", "purpose"),
        ("benefit_cap.forenames", "datasets.benefit_cap.forenames"),
        ("datasets.benefit_cap.rows", "datasets.benefit_cap.rows"),
        ("expedited.reason", "expedited.reason"),
        ("legal.article_9", "legal.article_9"),
        ("controllers.dwp", "controllers.dwp"),
    ],
)
def test_a_field_is_pointed_at_by_its_path_also_if_it_is_not_given(name: str, path: str) -> None:
    assert field_named(a_request(BENEFIT_CAP), name) == path


@pytest.mark.parametrize("name", ["", "purpose.necesity", "forenames", "benefit_cap.sex", "datasets.0", "__class__"])
def test_a_field_that_there_is_not_is_refused_with_what_is_near(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        field_named(a_request(BENEFIT_CAP), name)
    assert caught.value.advice


def test_a_part_of_what_was_pointed_at_is_touched_and_a_namesake_is_not() -> None:
    assert touches("purpose.text", "purpose")
    assert touches("purpose", "purpose")
    assert not touches("purposes", "purpose")
    assert "datasets.benefit_cap.claim_id.treatment" in fields_of(a_request(BENEFIT_CAP))
