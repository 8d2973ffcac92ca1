"""How long requests take: each way of a request from its arrival to an answer, in working days.

Rules:
1. A round begins when a version is submitted and ends when it, or a version that follows it, is approved, refused or
   withdrawn. A version that answers a return, or accepts a counter-offer, goes on with the same round.
2. The clock is the controller's: it runs while a version waits or is examined, and stands still from a return until the
   next version comes.
3. What happened after the day that is looked at is not seen.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import groupby

from extracts.agreement.status import Status
from extracts.forum.facts import Move, Version
from extracts.forum.month import local_day

CountDays = Callable[[date, date], int]
WAITING, EXAMINED, WITH_REQUESTER = "waiting for its first answer", "in review", "returned, with the requester"
STAGES = (WAITING, EXAMINED, WITH_REQUESTER)
_ENDS = (Status.APPROVED, Status.REFUSED, Status.WITHDRAWN, Status.RETURNED)
_OFFER_ACCEPTED = "Counter-offer"


@dataclass(frozen=True)
class Stage:
    """A stretch of one round. `until` is None while it lasts."""

    name: str
    since: datetime
    until: datetime | None


@dataclass(frozen=True)
class Round:
    """One way of a request. `answer` is a status, empty while it is open; `version` is the last one."""

    request_id: str
    version: int
    title: str
    organisation: str
    received_at: datetime
    stages: tuple[Stage, ...]
    ended_at: datetime | None = None
    answer: str = ""

    @property
    def stands(self) -> str:
        """Where it stands: its answer, or the stage that it is in."""
        return self.answer or self.stages[-1].name

    def stage_days(self, today: date, count: CountDays) -> dict[str, int]:
        """Working days per stage, up to `today` for what lasts."""
        found: dict[str, int] = dict.fromkeys(STAGES, 0)
        for stage in self.stages:
            found[stage.name] += count(local_day(stage.since), local_day(stage.until) if stage.until else today)
        return found

    def days(self, today: date, count: CountDays) -> int:
        """Working days on the controller's clock."""
        return sum(n for name, n in self.stage_days(today, count).items() if name != WITH_REQUESTER)


def rounds(versions: Iterable[Version], moves: Iterable[Move], until: datetime) -> tuple[Round, ...]:
    """Every round that began before `until`, by request and arrival, as it stood then."""
    seen: dict[tuple[str, int], list[Move]] = defaultdict(list)
    for move in sorted((m for m in moves if m.at < until), key=lambda m: m.at):
        seen[move.request_id, move.version].append(move)
    known = sorted((v for v in versions if v.submitted_at < until), key=lambda v: (v.request_id, v.version))
    return tuple(
        found
        for _, of_one in groupby(known, key=lambda v: v.request_id)
        for found in _rounds_of([(v, seen[v.request_id, v.version]) for v in of_one])
    )


def _rounds_of(versions: Sequence[tuple[Version, list[Move]]]) -> Iterator[Round]:
    going: Round | None = None
    for number, (version, moves) in enumerate(versions):
        following = versions[number + 1][0] if number + 1 < len(versions) else None
        going = _with_version(going, version, moves, following)
        if going.answer:
            yield going
            going = None
    if going:
        yield going


def _with_version(going: Round | None, version: Version, moves: list[Move], following: Version | None) -> Round:
    """The round with one more version in it; it has an answer if nothing follows in this round."""
    before = going or Round(
        version.request_id, version.version, version.title, version.organisation, version.submitted_at, ()
    )
    end = next((m for m in moves if m.to_status in _ENDS), None)
    goes_on = following is not None and (end is None or _is_bridge(end))
    ended = end.at if end else following.submitted_at if following else None
    stages = [*before.stages, *_worked(version, moves, ended)]
    taken_back = next((m for m in moves if end and m.at > end.at and m.to_status == Status.WITHDRAWN), None)
    if end and end.to_status == Status.RETURNED:
        back = following.submitted_at if following else taken_back.at if taken_back else None
        stages.append(Stage(WITH_REQUESTER, end.at, back))
        end = taken_back if taken_back and not following else end
    so_far = replace(before, version=version.version, title=version.title, stages=tuple(stages))
    if goes_on or end is None or end.to_status == Status.RETURNED:
        return so_far
    return replace(so_far, ended_at=end.at, answer=end.to_status)


def _worked(version: Version, moves: list[Move], ended: datetime | None) -> list[Stage]:
    opened = next((m.at for m in moves if m.to_status == Status.IN_REVIEW), None)
    if opened is None:
        return [Stage(WAITING, version.submitted_at, ended)]
    return [Stage(WAITING, version.submitted_at, opened), Stage(EXAMINED, opened, ended)]


def _is_bridge(end: Move) -> bool:
    accepted = end.to_status == Status.WITHDRAWN and end.comment.startswith(_OFFER_ACCEPTED)
    return end.to_status == Status.RETURNED or accepted
