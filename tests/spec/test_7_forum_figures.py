"""The forum's month: what its figures count, and what they refuse to say."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from extracts.agreement.working_days import working_days_between
from extracts.errors import UsageError
from extracts.forum.custody import custody_figures
from extracts.forum.days import WorkingDays
from extracts.forum.facts import Approval, ColumnDecided, Decided, Elsewhere, FirstCheck, Held, SentBefore, Told
from extracts.forum.month import month_before, read_month
from extracts.forum.pack import Facts, forum_pack
from extracts.forum.since import since_then
from tests.support.forum import ID, NOW, asked, at, ended, life, november, sent, terms, the_pack

# --- requests --------------------------------------------------------------------------------------------------------


def test_the_clock_stands_still_while_a_request_is_with_its_requester() -> None:
    first, second = asked(at(11, 2)), asked(at(11, 16), 2)
    moves = [
        *life(first, ("in review", at(11, 3)), ("returned", at(11, 5))),
        *life(second, ("in review", at(11, 17)), ("approved", at(11, 19))),
    ]
    (one,) = the_pack([first, second], moves).requests.answered
    assert one.days == 3 + 3, "Monday to Thursday, and Monday to Thursday; not the eleven days between"
    assert dict(one.stage_days)["returned, with the requester"] == 7


def test_a_version_that_answers_a_return_is_no_new_request() -> None:
    first, second = asked(at(11, 2)), asked(at(11, 16), 2)
    found = the_pack([first, second], [*life(first, ("returned", at(11, 5))), *life(second)]).requests
    assert [r.version for r in found.received] == [2]
    assert [v.version for v in found.resubmitted] == [2]
    assert [m.version for m in found.returned] == [1]
    assert [t.outcome for t in found.open] == ["waiting for its first answer"]


def test_a_version_after_an_answer_is_a_request_of_its_own() -> None:
    first, second = asked(at(10, 5)), asked(at(11, 16), 2)
    found = the_pack([first, second], [*life(first, ("approved", at(10, 9))), *life(second)]).requests
    assert [r.received_at for r in found.received] == [second.submitted_at]
    assert found.resubmitted == ()


def test_an_accepted_counter_offer_goes_on_with_the_same_clock() -> None:
    first, second = asked(at(11, 2)), asked(at(11, 9), 2)
    taken_back = life(first, ("withdrawn", at(11, 9)), comment="Counter-offer sha256:x to version 1 accepted")
    (one,) = the_pack([first, second], [*taken_back, *life(second, ("approved", at(11, 11)))]).requests.answered
    assert (one.round.received_at, one.days) == (first.submitted_at, 7)


def test_a_request_that_was_taken_back_is_not_answered() -> None:
    version = asked(at(11, 2))
    found = the_pack([version], life(version, ("withdrawn", at(11, 4)))).requests
    assert [t.round.answer for t in found.answered] == ["withdrawn"]
    assert found.turnaround is None


def test_what_happened_after_the_month_is_not_seen() -> None:
    version = asked(at(11, 27))
    (one,) = the_pack([version], life(version, ("approved", at(12, 2)))).requests.open
    assert one.days == 0, "Friday; and the Monday is St Andrew's Day"


def test_of_nothing_there_is_no_median() -> None:
    found = the_pack().requests
    assert (found.turnaround, found.open_spread, found.stages) == (None, None, ())
    assert {(line.median, line.p90) for line in found.trend} == {(None, None)}


def test_percentiles_are_days_that_some_request_took() -> None:
    versions = [asked(at(11, 2), request_id=f"SDDSB-2026-{n:03}") for n in range(1, 11)]
    moves = [m for n, v in enumerate(versions) for m in life(v, ("refused", at(11, 3) + timedelta(days=n % 5)))]
    found = the_pack(versions, moves).requests.turnaround
    assert found is not None
    assert (found.count, found.median, found.p90, found.longest) == (10, 3, 4, 4)


def test_columns_are_counted_by_what_was_signed() -> None:
    version = asked(at(11, 2))
    columns = (
        ColumnDecided("benefit_cap.nino", True, ""),
        ColumnDecided("benefit_cap.address", False, "Not needed to write to anybody."),
    )
    decided = Decided(ID, 1, at(11, 5), "approve in part", "", columns)
    found = the_pack([version], life(version, ("approved", at(11, 5))), decided=(decided,)).requests
    (one,) = found.columns
    assert (one.asked, one.granted) == (2, 1)
    assert one.refused == (("benefit_cap.address", "Not needed to write to anybody."),)
    assert found.answered[0].outcome == "approve in part"


def test_refusals_are_counted_by_the_reason_that_was_signed() -> None:
    version = asked(at(11, 2))
    decided = Decided(ID, 1, at(11, 5), "refuse", "not-held", (ColumnDecided("x.y", False, "Not held."),))
    found = the_pack([version], life(version, ("refused", at(11, 5))), decided=(decided,)).requests
    assert found.refused_by_reason == (("not-held", 1),)


def test_days_can_be_counted_by_another_rule() -> None:
    version = asked(at(11, 2))
    facts = Facts(versions=(version,), moves=tuple(life(version, ("refused", at(11, 16)))))
    pack = forum_pack(facts, november(), count=lambda start, end: (end - start).days)
    assert pack.requests.answered[0].days == 14


@pytest.mark.parametrize("start", [date(2025, 12, 20), date(2026, 4, 1), date(2026, 11, 27)])
def test_days_that_are_looked_up_are_the_days_that_are_counted(start: date) -> None:
    looked_up = WorkingDays()
    for length in (-3, 0, 1, 4, 40, 400):
        end = start + timedelta(days=length)
        assert looked_up(start, end) == working_days_between(start, end)


# --- agreements ------------------------------------------------------------------------------------------------------


def _agreement(**changes: object) -> dict[str, object]:
    version = asked(at(1, 2))
    approval = Approval(ID, 1, at(1, 5), "sha256:one")
    return {"versions": [version], "moves": life(version, ("approved", at(1, 5))), "approvals": (approval,)} | changes


def test_dates_are_told_by_how_near_they_are_and_overdue_apart() -> None:
    dates = terms(review_on=date(2026, 11, 29), valid_until=date(2027, 1, 15))
    found = the_pack(**_agreement(terms={"sha256:one": dates})).agreements
    assert [(d.what, d.within) for d in found.due] == [("review", 0), ("end", 60)]
    assert len(found.active) == 1


def test_an_agreement_past_its_last_day_is_overdue_and_no_longer_in_force() -> None:
    dates = terms(review_on=None, valid_until=date(2026, 11, 29))
    found = the_pack(**_agreement(terms={"sha256:one": dates})).agreements
    assert (len(found.active), [d.within for d in found.due]) == (0, [0])


@pytest.mark.parametrize(
    ("last", "frequency", "unused"),
    [
        (None, "monthly", True),
        (at(10, 5), "monthly", False),
        (at(9, 5), "monthly", True),
        (at(9, 5), "quarterly", False),
    ],
)
def test_an_agreement_is_unused_after_two_of_its_own_periods(last, frequency: str, unused: bool) -> None:
    before = {ID: SentBefore(3, last)} if last else {}
    found = the_pack(**_agreement(terms={"sha256:one": terms(frequency=frequency)}, sent_before=before)).agreements
    assert bool(found.unused) is unused


def test_a_suspension_is_told_and_the_agreement_is_not_in_force() -> None:
    version = asked(at(1, 2))
    moves = life(version, ("approved", at(1, 5)), ("suspended", at(11, 10)))
    found = the_pack(**_agreement(moves=moves, terms={"sha256:one": terms()})).agreements
    assert (len(found.active), len(found.suspended)) == (0, 1)
    assert [(m.from_status, m.to_status) for m in found.changes] == [("approved", "suspended")]


def test_what_was_replaced_does_not_come_back_when_its_successor_ends() -> None:
    first, second = asked(at(1, 2)), asked(at(6, 2), 2)
    moves = [*life(first, ("approved", at(1, 5))), *life(second, ("approved", at(6, 5)), ("revoked", at(11, 3)))]
    approvals = (Approval(ID, 1, at(1, 5), "sha256:one"), Approval(ID, 2, at(6, 5), "sha256:two"))
    found = the_pack([first, second], moves, approvals=approvals).agreements
    assert (found.active, found.suspended) == ((), ())


# --- runs and deliveries ---------------------------------------------------------------------------------------------


def test_small_counts_of_rows_are_hidden_also_from_the_sum() -> None:
    found = the_pack(sent=(sent(3), sent(7, number=2), sent(1204, number=3))).deliveries
    assert [str(d.rows) for d in found.delivered] == ["fewer than 10", "fewer than 10", "1,205"]
    assert str(found.rows) == "1,205"
    assert [str(r.rows) for r in found.recipients] == ["1,205"]


def test_a_run_that_ended_twice_counts_once_by_its_last_word() -> None:
    runs = (ended("technical failure", gate="release"), ended("delivered", at=at(11, 10)))
    assert dict(the_pack(runs=runs).deliveries.outcomes)["delivered"] == 1
    assert dict(the_pack(runs=runs).deliveries.outcomes)["technical failure"] == 0


def test_a_stopped_run_is_told_by_gate_and_by_control() -> None:
    runs = (
        ended("stopped by a control", "r1", "validate_extract", control="CheckFailed"),
        ended("stopped by a control", "r2", "release", control="HoldStops"),
        ended("source late", "r3", "check_source", control="SourceLate"),
        ended("stopped by a control", "r4", "release"),
        ended("technical failure", "r5", "build_extract", control="TechnicalFailure"),
    )
    found = the_pack(runs=runs).deliveries
    assert dict(found.stopped_by_gate) == {"release": 2, "build_extract": 1, "check_source": 1, "validate_extract": 1}
    assert dict(found.stopped_by_control) == {"CheckFailed": 1, "HoldStops": 1, "SourceLate": 1, "not recorded": 1}


def test_who_started_a_run_by_hand_is_told() -> None:
    runs = (ended("delivered"), ended("delivered", "r2", actor="root as engineer"))
    assert [r.actor for r in the_pack(runs=runs).deliveries.by_hand] == ["root as engineer"]


def test_a_source_age_that_nobody_wrote_down_is_unknown_and_not_nought() -> None:
    age = the_pack(sent=(sent(90, source_age_hours=30), sent(90, number=2))).deliveries.source_age
    assert (age.known, age.unknown, age.median, age.oldest) == (1, 1, 30, 30)
    assert the_pack(sent=(sent(90),)).deliveries.source_age.median is None


def test_a_first_check_that_stopped_is_told_apart_from_one_that_never_ended() -> None:
    runs = (ended("stopped by a control", "r1", "validate_extract"), ended("technical failure", "r2", "sign_manifest"))
    failed = (FirstCheck("one", f"{ID}/r1"), FirstCheck("two", f"{ID}/r2"))
    found = the_pack(runs=runs, passed_at_first=7, not_passed_at_first=failed).deliveries.first_checks
    assert (found.passed, found.stopped, found.unfinished) == (7, ("one",), ("two",))


# --- since the last meeting, and the month ---------------------------------------------------------------------------


def test_what_goes_by_itself_is_counted_and_not_listed() -> None:
    told = [
        Told(1, at(11, 2), "request.submitted", ID, "requester@fife.example", {"version": 2}),
        Told(2, at(11, 3), "run.ended", ID, "scheduler", {"outcome": "delivered"}),
        Told(3, at(11, 4), "run.ended", ID, "scheduler", {"outcome": "source late", "gate": "check_source"}),
        Told(4, at(10, 4), "agreement.revoked", ID, "controller@dwp.example", {}),
        Told(5, at(11, 5), "key.made", ID, "scheduler", {}),
    ]
    found = since_then(told, [asked(at(11, 2))], at(11, 1), at(11, 30))
    assert [h.what for h in found.happened] == [
        "Request submitted, version 2",
        "Run did not deliver: source late at check_source",
    ]
    assert (found.as_planned, found.happened[0].title) == (1, "Benefit cap support")


def test_a_month_that_is_not_over_counts_up_to_now() -> None:
    month = read_month("2026-12", NOW)
    assert (month.is_over, month.last_day, month.until) == (False, date(2026, 12, 15), NOW)
    assert read_month("2026-11", NOW).is_over


@pytest.mark.parametrize("label", ["2027-01", "2026-13", "November", "2026-11-01", ""])
def test_what_is_no_month_or_has_not_begun_is_refused(label: str) -> None:
    with pytest.raises(UsageError, match=r"no month|not begun"):
        read_month(label, NOW)


def test_the_month_before_is_the_last_that_is_over() -> None:
    assert month_before(NOW) == "2026-11"
    assert month_before(at(1, 1, 0)) == "2025-12"


def test_what_cannot_be_known_is_said_with_the_reason() -> None:
    told = the_pack().unknown
    assert len(told) >= 5
    assert all(one.figure and one.why for one in told)
    assert replace(the_pack(), unknown=()).month == "2026-11"


def test_what_became_of_deliveries_is_told_by_receipts_and_certificates_alone() -> None:
    month = read_month("2026-11", NOW)
    last = month.until.date()

    def held(name: str, step: str, with_recipient: bool, certificate_by: date) -> Held:
        return Held(name, "fife-council", at(11, 2), step, with_recipient, certificate_by)

    found = custody_figures(
        (
            held("waits", "published", False, last),
            held("expired", "expired", False, last),
            held("closed", "collected", True, last),
            held("kept too long", "acknowledged", True, last - timedelta(days=1)),
            held("on its last day", "acknowledged", True, last),
            held("withdrawn, copies out", "withdrawn", True, last - timedelta(days=1)),
            held("withdrawn in time", "withdrawn", False, last - timedelta(days=1)),
            held("gone", "destroyed", True, last - timedelta(days=1)),
        ),
        month,
    )
    assert [h.delivery_id for h in found.not_collected] == ["waits", "expired"]
    assert [h.delivery_id for h in found.not_acknowledged] == ["closed"]
    assert [h.delivery_id for h in found.not_certified] == ["kept too long", "withdrawn, copies out"]


# --- agreements that run elsewhere -----------------------------------------------------------------------------------


def elsewhere(
    last: date, review: date | None = None, ended: date | None = None, first: date = date(2024, 1, 1)
) -> Elsewhere:
    return Elsewhere("elsewhere-2024-007", 1, "Blue badges", "fife-council", first, last, review, ended)


@pytest.mark.parametrize(
    ("last", "ended", "counted", "within"),
    [
        (date(2027, 12, 31), None, 1, []),
        (date(2026, 11, 30), None, 1, [30]),
        (date(2027, 1, 29), None, 1, [60]),
        (date(2026, 11, 29), None, 0, [0]),
        (date(2027, 1, 29), date(2026, 11, 30), 0, []),
        (date(2027, 1, 29), date(2026, 12, 1), 1, [60]),
    ],
)
def test_an_agreement_that_runs_elsewhere_counts_as_in_force_and_its_end_as_due(
    last: date, ended: date | None, counted: int, within: list[int]
) -> None:
    found = the_pack(elsewhere=(elsewhere(last, ended=ended),)).agreements
    assert len(found.elsewhere) == counted
    assert [d.within for d in found.due] == within
    assert (found.active, found.unused) == ((), ()), "nothing is known of what it delivers"


def test_a_review_of_one_that_runs_elsewhere_is_due_and_one_that_has_not_begun_is_not_in_force() -> None:
    found = the_pack(elsewhere=(elsewhere(date(2028, 1, 1), review=date(2026, 11, 1)),)).agreements
    assert [(d.what, d.within, d.agreement.request_id) for d in found.due] == [("review", 0, "elsewhere-2024-007")]
    assert the_pack(elsewhere=(elsewhere(date(2028, 1, 1), first=date(2026, 12, 1)),)).agreements.elsewhere == ()


def test_what_happened_to_one_that_runs_elsewhere_is_told_with_the_names_of_what_changed() -> None:
    corrected = {"changed": ["valid_until", "owner"], "revision": 2}
    told = (Told(7, at(11, 3), "elsewhere.corrected", "elsewhere-2024-007", "data.engineer@dwp.example", corrected),)
    (one,) = the_pack(told=told, elsewhere=(elsewhere(date(2028, 1, 1)),)).since.happened
    assert one.what == "Agreement that runs elsewhere corrected (valid until, owner)"
    assert one.title == "Blue badges"
