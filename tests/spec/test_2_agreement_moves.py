"""Whose move it is on a request that waits: told in words, to both sides alike."""

from __future__ import annotations

import pytest

from extracts.agreement.moves import WAITING, whose_move
from extracts.agreement.status import Status, next_steps
from extracts.catalogue.people import Role

BOARD, CONTROLLER = Role.BOARD, Role.CONTROLLER


@pytest.mark.parametrize(
    ("status", "signed", "offered", "said"),
    [
        (Status.SUBMITTED, (), False, "The Board and the Controller: neither has signed."),
        (Status.IN_REVIEW, (BOARD,), False, "The Controller: the Board has signed"),
        (Status.IN_REVIEW, (CONTROLLER,), False, "The Board: the Controller has signed"),
        (Status.IN_REVIEW, (BOARD, CONTROLLER), False, "each has signed another decision"),
        (Status.SUBMITTED, (), True, "The requester may accept the counter-offer meanwhile."),
        (Status.RETURNED, (BOARD,), False, "The requester: answer with a new version, or withdraw it."),
        (Status.RETURNED, (), True, "accept the counter-offer, or withdraw it"),
    ],
)
def test_who_is_waited_for_depends_on_status_signatures_and_offers(status, signed, offered, said):
    assert said in whose_move(status, signed, offered)


@pytest.mark.parametrize("status", [s for s in Status if s not in WAITING])
def test_nobody_is_waited_for_once_a_request_is_decided_or_over(status):
    assert whose_move(status, (BOARD,), True) == ""


@pytest.mark.parametrize("status", WAITING)
def test_whatever_waits_can_still_be_withdrawn(status):
    """So that a waiting request is one that somebody can move, by the table of statuses too."""
    assert "withdraw" in {step.verb for step in next_steps(status)}
