"""A world in which something of everything happened, for pages to show: what was refused in part, returned, answered,
overdue, urgent, suspended, withdrawn, renewed, late, stopped, and never started."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from extracts.agreement.custody import Custody
from extracts.agreement.decision import OrderKind
from extracts.agreement.schedule import ZONE, times_between
from extracts.agreement.status import CLOCK
from extracts.catalogue.people import Role
from extracts.catalogue.reviewers import ReviewKind
from extracts.errors import Outcome
from extracts.local.people import BOARD
from extracts.record import custody
from extracts.record.transaction import unit_of_work
from extracts.steps.asking_again import ask_again
from extracts.steps.briefing import briefing_of
from extracts.steps.counter_offers import make_counter_offer
from extracts.steps.elsewhere import correct_elsewhere, end_elsewhere
from extracts.steps.withdrawal import withdraw_request
from tests.support.deciding import EXPEDITED, REQUESTER, approved, decide, draw_up, sign, submit
from tests.support.elsewhere import ID as ELSEWHERE
from tests.support.elsewhere import KEEPER, registered
from tests.support.past import DIGEST, delivered_before, month_before, ran
from tests.support.world import FIFE, World

DATASET = "benefit_cap"
WORKING_DAY = "working day: 4 of month"


@dataclass(frozen=True)
class Story:
    """The ids of the requests, by what became of them."""

    in_part: str
    returned: str
    answered: str
    urgent: str
    in_review: str
    submitted: str
    withdrawn: str
    suspended: str
    renewed: str
    stopped: str
    late_source: str
    never_ran: str
    came_late: str
    too_much: str
    carried: str


def titled(words: str) -> dict[str, str]:
    """The sample request under another title."""
    return {"title: Benefit cap support, Fife": f"title: Benefit cap support, Fife ({words})"}


def a_story(world: World, folder: Path) -> Story:
    """Everything happens: what is to be due this month was approved the month before."""
    world.later(days=-45)
    running = {
        words: approved(world, folder, changes=titled(words)) for words in ("pilot", "annex", "north", "weekly list")
    }
    suspended = approved(world, folder, changes=titled("emergency grants"))
    renewed = approved(world, folder, changes=titled("renewal"))
    in_review = _in_review(world, folder)
    world.later(days=37)
    urgent = submit(world, folder, changes=titled("evictions") | EXPEDITED)
    world.later(days=8)
    world.order(suspended, OrderKind.SUSPEND)
    story = Story(
        in_part=_in_part(world, folder),
        returned=_returned(world, folder, "offices"),
        answered=_answered(world, folder),
        urgent=urgent,
        in_review=in_review,
        submitted=submit(world, folder, changes=titled("new")),
        withdrawn=_withdrawn(world, folder),
        suspended=suspended,
        renewed=submit(world, folder, renewed, 2, titled("renewal")),
        stopped=running["pilot"],
        late_source=running["annex"],
        never_ran=running["north"],
        came_late=running["weekly list"],
        too_much=_offered_less(world, folder),
        carried=_carried(world, folder),
    )
    briefing_of(world.work, story.too_much, "consider_request")
    _runs(world, story)
    _elsewhere(world)
    return story


def due_this_month(now: datetime) -> datetime:
    """When the sample agreements were due this month (they all have one schedule)."""
    begin = now.astimezone(ZONE).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return times_between(WORKING_DAY, begin, begin + timedelta(days=28))[0].astimezone(UTC)


def _elsewhere(world: World) -> None:
    """One in force and corrected, one forgotten, one ended."""
    registered(world, ELSEWHERE, valid_until="2027-03-31", review_on="2026-06-30")
    extended = {"valid_until": "2028-03-31", "title": "Blue badge look-ups"}
    correct_elsewhere(world.work, ELSEWHERE, extended, "Extended by letter.", KEEPER)
    name = {"recipient": None, "recipient_name": "NHS Fife", "carrier": "e-mail", "review_on": None}
    registered(world, "elsewhere-2019-002", title="Terminal illness notices", valid_until="2025-12-31", **name)
    registered(world, "elsewhere-2022-001", title="Crisis grants, by spreadsheet", carrier="e-mail")
    end_elsewhere(world.work, "elsewhere-2022-001", "Replaced by a request here.", KEEPER)


def _runs(world: World, story: Story) -> None:
    now = datetime.now(UTC)
    due, label = due_this_month(now), month_before(now.date())
    for months in range(2, 10):
        past = due - timedelta(days=30 * (months - 1))
        rows, age = 120 + 7 * (months * months % 11), 200 + 90 * (months * 5 % 7)
        left = delivered_before(world, FIFE, month_before(now.date(), months), past, DATASET, rows, age)
        steps = {2: (), 3: (Custody.COLLECTED,), 8: (Custody.EXPIRED, Custody.WITHDRAWN)}
        for days, step in enumerate(steps.get(months, (Custody.COLLECTED, Custody.ACKNOWLEDGED)), start=1):
            _passed_on(world, left, step, past + timedelta(days=days))
    if due >= now:
        return
    why = "A group of the finished file is smaller than was agreed: 1 of 12 checks did not pass."
    ran(world, story.stopped, label, Outcome.STOPPED, due, gate="validate_extract", reason=why)
    why = "The source was loaded 61 hours ago; 48 are allowed."
    ran(world, story.late_source, label, Outcome.SOURCE_LATE, due, gate="check_source", reason=why)
    delivered_before(world, story.came_late, label, min(due + timedelta(days=2), now), DATASET)


def _passed_on(world: World, delivery_id: str, step: Custody, at: datetime) -> None:
    by = {Custody.EXPIRED: CLOCK, Custody.WITHDRAWN: "engineer"}.get(step, "fife-council")
    document = DIGEST if by == "fife-council" else ""
    with unit_of_work(world.work.register) as unit:
        there = custody.lock_custody(unit, delivery_id)
        custody.save_step(unit, there, step, at=at, actor=by, document_digest=document)
        unit.event(at, f"delivery.{step}", delivery_id, by, {})


def _in_part(world: World, folder: Path) -> str:
    request_id = submit(world, folder, changes=titled("letters"))
    refused = ("housing_element", "children")
    reasons = {
        "children": "Families are called by the amount that they lose; how many children there are adds nothing."
    }
    decide(world, request_id, "approve in part", refuse=refused, column_reasons=reasons)
    return request_id


def _returned(world: World, folder: Path, words: str) -> str:
    request_id = submit(world, folder, changes=titled(words))
    comments = (
        ("retention.days", "Advice is given within a quarter: why keep it for 120 days?"),
        ("benefit_cap.forenames", "A letter is addressed with the surname: is the forename needed?"),
    )
    acceptable = "Say which office receives the file."
    sign(world, draw_up(world, request_id, "return", acceptable=acceptable, comments=comments), Role.BOARD)
    return request_id


def _answered(world: World, folder: Path) -> str:
    """One of the two comments, by a new version."""
    request_id = _returned(world, folder, "advice line")
    return submit(world, folder, request_id, 2, titled("advice line") | {"days: 120": "days: 90"})


def _carried(world: World, folder: Path) -> str:
    """It came again, and the specialists' answers still hold; the Board has asked one of them again."""
    request_id = _returned(world, folder, "evenings")
    submit(world, folder, request_id, 2, titled("evenings") | {"days: 120": "days: 60"}, reviewed=False)
    ask_again(world.work, request_id, ReviewKind.LEGAL, BOARD, "Sixty days: is that still enough for an appeal?")
    return request_id


def _in_review(world: World, folder: Path) -> str:
    request_id = submit(world, folder, changes=titled("council tax"))
    sign(world, draw_up(world, request_id), Role.BOARD)
    return request_id


def _offered_less(world: World, folder: Path) -> str:
    """The policy stops it, and less would pass."""
    request_id = submit(world, folder, changes=titled("ten years") | {"days: 120": "days: 4000"}, reviewed=False)
    make_counter_offer(world.work, request_id, BOARD)
    return request_id


def _withdrawn(world: World, folder: Path) -> str:
    request_id = submit(world, folder, changes=titled("duplicate"))
    withdraw_request(world.work, request_id, REQUESTER, "Sent twice by mistake.")
    return request_id
