"""An approval is of columns as they were declared: a contract that says otherwise stops the run before it reads."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from extracts.catalogue.contract import Dataset
from extracts.errors import SourceChanged
from extracts.steps.source import check_covered
from tests.support.builders import CHILD_PAYMENT, a_made_plan, a_request, the_datasets


def a_workplace(dataset: Dataset) -> Any:
    return SimpleNamespace(dataset=lambda _: dataset)


def test_a_contract_as_it_was_approved_is_covered() -> None:
    check_covered(a_workplace(the_datasets()["scottish_child_payment"]), a_made_plan(a_request(CHILD_PAYMENT)))


@pytest.mark.parametrize("name", ["award", "children", "restricted"])
def test_a_used_column_that_means_something_else_now_stops_the_run(name: str) -> None:
    found = the_datasets()["scottish_child_payment"]
    columns = tuple(replace(c, meaning="Something else.") if c.name == name else c for c in found.columns)
    with pytest.raises(SourceChanged, match=f"declares {name} otherwise"):
        check_covered(a_workplace(replace(found, columns=columns)), a_made_plan(a_request(CHILD_PAYMENT)))
