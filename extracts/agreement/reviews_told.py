"""What a requester may be told of the reviews of their request: how far they are, and never who objected.

Rules:
1. Of a first version, which of its reviews are done: that one is done says nothing about its answer.
2. Of a later version, nothing of any one until the Board has recommended. Answers without an objection are carried to
   it at once, and objections never, so that which of them wait would tell who objected.
3. Where the policy asks the Board for nothing, the same until the version is decided.
"""

from __future__ import annotations

from collections.abc import Collection

from extracts.catalogue.reviewers import ReviewKind

UNDER_WAY = "under way"
DONE = "done"
AWAITED = "awaited"
NOT_ANSWERED = "not answered"


def progress(kind: ReviewKind, answered: Collection[ReviewKind], *, is_first: bool, is_open: bool) -> str:
    """One review in a word, for the requester. `is_first`: no version came before this one."""
    if is_open and not is_first and ReviewKind.BOARD not in answered:
        return UNDER_WAY
    if kind in answered:
        return DONE
    return AWAITED if is_open else NOT_ANSWERED
