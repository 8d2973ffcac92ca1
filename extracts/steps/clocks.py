"""The clocks of requests, read from the register: which lane, how long, and who is waited for."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

from extracts.agreement.clocks import STAGES, Clock, Lane, read_clock
from extracts.agreement.moves import WAITING, whose_move
from extracts.agreement.policy import TargetDays
from extracts.agreement.signers import NAMESPACES
from extracts.record import register
from extracts.record.entries import StatusChange
from extracts.record.transaction import Reading
from extracts.record.waiting import WaitingRequest, offered, signed_in_part, waiting_requests

if TYPE_CHECKING:
    from extracts.steps.workplace import Workplace

_ROLES = {namespace: role for role, namespace in NAMESPACES.items()}


class Timed(Protocol):
    """What a clock has to know of a version of a request, beside its changes of status."""

    @property
    def request_id(self) -> str:
        """Its request."""

    @property
    def version(self) -> int:
        """Its number."""

    @property
    def expedited(self) -> bool:
        """Whether it asks for the expedited lane."""


class Waiting(Timed, Protocol):
    """What the question whose move it is has to know as well."""

    @property
    def status(self) -> str:
        """Where it stands."""


@dataclass(frozen=True)
class Awaited:
    """A request that waits for somebody."""

    request: WaitingRequest
    clock: Clock

    @property
    def id(self) -> str:
        """The id of the request."""
        return self.request.request_id


@dataclass(frozen=True)
class WaitingList:
    """Those that are shown, the most urgent first; how many wait in all, and how many of them are overdue."""

    shown: tuple[Awaited, ...]
    in_all: int
    overdue: int


def clock_of(work: Workplace, view: Reading, newest: Timed) -> Clock:
    """The clock of a request, from its newest version."""
    return clocks_of(work, view, [newest])[newest.request_id, newest.version]


def clocks_of(work: Workplace, view: Reading, entries: Collection[Timed]) -> dict[tuple[str, int], Clock]:
    """The clocks of those that are the newest version of their request, by (id, version). One question in all."""
    targets, today = work.policy.target_days, work.today()
    histories = register.status_histories(view, {e.request_id for e in entries})
    return {
        (e.request_id, e.version): _clock(tuple(histories[e.request_id]), lane_of(e), targets, today)
        for e in entries
        if e.version == histories[e.request_id][-1].version
    }


@lru_cache(maxsize=8_192)
def _clock(history: tuple[StatusChange, ...], lane: Lane, targets: TargetDays, today: date) -> Clock:
    """A clock depends on these alone, so pages that list thousands need not work out each of them again."""
    return read_clock(history, lane, targets, today)


def lane_of(entry: Timed) -> Lane:
    """The lane that the requester asked for."""
    return Lane.EXPEDITED if entry.expedited else Lane.ORDINARY


def awaited(work: Workplace, view: Reading, most: int) -> WaitingList:
    """The requests that wait for somebody: what is overdue first, then by the day on which it is due; those that wait
    for their requester last. Three questions in all.

    The clock of one that is with its requester is read only if it is shown: it stands still, and is never overdue.
    """
    found = waiting_requests(view, WAITING)
    running = _with_clocks(work, view, [r for r in found if r.status in STAGES])
    standing = [r for r in found if r.status not in STAGES][: max(0, most - len(running))]
    shown = (*sorted(running, key=_urgency)[:most], *_with_clocks(work, view, standing))
    return WaitingList(shown, len(found), sum(a.clock.overdue for a in running))


def overdue_ids(work: Workplace, view: Reading) -> tuple[str, ...]:
    """The requests that are overdue."""
    return tuple(a.id for a in _with_clocks(work, view, waiting_requests(view, STAGES)) if a.clock.overdue)


def moves_of(view: Reading, requests: Collection[Waiting]) -> dict[str, str]:
    """Whose move it is, by id. Two questions in all."""
    ids = [r.request_id for r in requests]
    signed, offers = signed_in_part(view, ids), offered(view, ids)
    return {r.request_id: _move(r, signed.get((r.request_id, r.version), frozenset()), offers) for r in requests}


def _with_clocks(work: Workplace, view: Reading, requests: Collection[WaitingRequest]) -> list[Awaited]:
    clocks = clocks_of(work, view, requests)
    return [Awaited(r, clocks[r.request_id, r.version]) for r in requests]


def _urgency(found: Awaited) -> tuple[bool, str, str]:
    return not found.clock.overdue, str(found.clock.due_by), found.id


def _move(request: Waiting, signed: frozenset[str], offers: frozenset[tuple[str, int]]) -> str:
    roles = [_ROLES[namespace] for namespace in signed]
    return whose_move(request.status, roles, (request.request_id, request.version) in offers)
