"""What a requester is told of the reviews of their request: how far they are, and never who objected."""

from __future__ import annotations

import itertools

import pytest

from extracts.agreement.reviews_told import progress
from extracts.catalogue.reviewers import ReviewKind

ALL = tuple(ReviewKind)
SPECIALISTS = tuple(kind for kind in ReviewKind if kind is not ReviewKind.BOARD)


def told(answered: tuple[ReviewKind, ...], *, is_first: bool = False, is_open: bool = True) -> list[str]:
    return [progress(kind, answered, is_first=is_first, is_open=is_open) for kind in ALL]


def test_of_a_first_version_each_review_is_told_apart():
    assert told((ReviewKind.LEGAL,), is_first=True).count("done") == 1
    assert told(ALL, is_first=True) == ["done"] * len(ALL)


@pytest.mark.parametrize("answered", [c for n in range(len(ALL)) for c in itertools.combinations(SPECIALISTS, n)])
def test_of_a_later_version_every_set_of_carried_answers_looks_the_same_until_the_board_has_recommended(answered):
    """What was carried had no objection; so which reviews wait must not be seen."""
    assert told(answered) == ["under way"] * len(ALL)


def test_once_the_board_has_recommended_all_is_done():
    assert told(ALL) == ["done"] * len(ALL)


def test_a_version_that_is_over_says_what_was_answered():
    assert set(told(SPECIALISTS, is_open=False)) == {"done", "not answered"}
