"""Which rows leave: the plan's conditions and period, without anybody who is held back. Rows left out are counted."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from extracts.agreement.plan import Condition, ExtractPlan, Operator, SafeAddress
from extracts.catalogue.contract import PeriodKind
from extracts.errors import HoldStops, LimitExceeded
from extracts.extraction.holds import holds_since
from extracts.extraction.membership import Membership, lookup
from extracts.extraction.values import Extract, Funnel
from tests.support.builders import a_dataset, a_period, a_plan, a_planned_dataset, an_identified_plan, some_limits
from tests.support.small_source import KEYS, NOW, SmallSource, rows_of, with_columns

NAMES = tuple((name, "keep", ()) for name in ("nino", "council_code", "date_of_birth", "weekly_award", "award_type"))


def an_award_plan(*conditions: Condition, **changes: object) -> ExtractPlan:
    """Identified Pension Credit awards, so that the rows can be recognised."""
    limits = some_limits(min_rows=0)
    dataset = a_planned_dataset(a_dataset(), NAMES, conditions)
    facts = {"request_id": "SDDSB-2026-101", "datasets": (dataset,), "limits": limits, **changes}
    return an_identified_plan(**facts)


def ninos(source: SmallSource, plan: ExtractPlan, folder: Path) -> list[str]:
    (file,) = source.extract(plan, folder).files
    return sorted(row["nino"] for row in rows_of(file))


def a_history_plan(start: str, end: str) -> ExtractPlan:
    """Awards that count from one date until another."""
    return with_columns(an_award_plan(), period_kind=PeriodKind.HISTORY, period_column=start, period_end_column=end)


def index_of(extract: Extract) -> Path:
    assert extract.membership is not None
    return extract.membership


class TestConditions:
    @pytest.mark.parametrize(
        ("condition", "expected"),
        [
            (Condition("council_code", Operator.EQUALS, ("S12000047",)), ["QQ000001A", "QQ000002A"]),
            (Condition("council_code", Operator.EQUALS, ("S12000047",), negated=True), ["QQ000003A"]),
            (
                Condition("council_code", Operator.IN, ("S12000036", "S12000047")),
                ["QQ000001A", "QQ000002A", "QQ000003A"],
            ),
            (Condition("council_code", Operator.IN, ("S12000036",), negated=True), ["QQ000001A", "QQ000002A"]),
            (Condition("council_code", Operator.IS_NULL), ["QQ000004A"]),
            (Condition("council_code", Operator.IS_NULL, negated=True), ["QQ000001A", "QQ000002A", "QQ000003A"]),
            (Condition("weekly_award", Operator.AFTER, ("75.5",)), ["QQ000002A"]),
            (
                Condition("weekly_award", Operator.AFTER, ("75.5",), negated=True),
                ["QQ000001A", "QQ000003A", "QQ000004A"],
            ),
            (Condition("weekly_award", Operator.BEFORE, ("75.5",)), ["QQ000003A"]),
            (Condition("weekly_award", Operator.BETWEEN, ("-1.5", "75.5")), ["QQ000001A", "QQ000003A", "QQ000004A"]),
            (Condition("weekly_award", Operator.BETWEEN, ("0", "75.5"), negated=True), ["QQ000002A"]),
            (Condition("date_of_birth", Operator.BETWEEN, ("1950-01-01", "1950-12-31")), ["QQ000003A"]),
        ],
        ids=lambda value: f"{'not ' * value.negated}{value.operator}" if isinstance(value, Condition) else "",
    )
    def test_a_condition_lets_through_what_it_says_and_a_null_only_where_asked_for(
        self, source: SmallSource, tmp_path: Path, condition: Condition, expected: list[str]
    ) -> None:
        source.award("QQ000001A")
        source.award("QQ000002A", {"weekly_award": "75.51"})
        source.award("QQ000003A", {"weekly_award": "0.00"}, council_code="S12000036", date_of_birth="1950-12-31")
        source.award("QQ000004A", council_code=None)
        assert ninos(source, an_award_plan(condition), tmp_path) == expected

    def test_all_conditions_must_hold(self, source: SmallSource, tmp_path: Path) -> None:
        source.award("QQ000001A")
        source.award("QQ000002A", council_code="S12000036")
        plan = an_award_plan(
            Condition("award_type", Operator.EQUALS, ("guarantee",)),
            Condition("council_code", Operator.EQUALS, ("S12000036",)),
        )
        assert ninos(source, plan, tmp_path) == ["QQ000002A"]


class TestPeriod:
    def test_rows_of_an_event_belong_to_the_period_that_their_date_falls_in(
        self, source: SmallSource, tmp_path: Path
    ) -> None:
        for number, day in enumerate(("2026-10-31", "2026-11-01", "2026-11-30", "2026-12-01")):
            source.cap(f"QQ00000{number}A", ends_on=day)
        (file,) = source.extract(replace(an_identified_plan(), limits=some_limits()), tmp_path).files
        days = [row["assessment_period_end"] for row in rows_of(file)]
        assert sorted(days) == [date(2026, 11, 1), date(2026, 11, 30)]
        assert file.funnel == Funnel(source=4, filtered=2, held=0, withheld=0, delivered=2)

    def test_rows_of_a_history_belong_to_every_period_on_a_day_of_which_they_count(
        self, source: SmallSource, tmp_path: Path
    ) -> None:
        spans = [  # the first and last day on which each counts; any two dates of the sample do
            ("2026-10-01", "2026-10-31"),
            ("2026-10-01", "2026-11-01"),
            ("2026-11-30", "2026-12-24"),
            ("2026-12-01", "2026-12-24"),
            ("2020-01-01", "2030-01-01"),
            ("2026-11-10", "2026-11-10"),
        ]
        for number, (start, end) in enumerate(spans):
            source.award(f"QQ00000{number}A", {"started_on": end}, date_of_birth=start)
        source.award("QQ000009A", {"started_on": "2026-11-11"}, date_of_birth="2026-11-10", restricted=True)
        plan = a_history_plan("date_of_birth", "started_on")
        (file,) = source.extract(plan, tmp_path).files
        kept = ["QQ000001A", "QQ000002A", "QQ000004A", "QQ000005A"]
        assert sorted(row["nino"] for row in rows_of(file)) == kept
        assert file.funnel == Funnel(source=7, filtered=2, held=1, withheld=0, delivered=4)

    def test_a_row_of_a_history_without_an_end_still_counts(self, source: SmallSource, tmp_path: Path) -> None:
        source.award("QQ000001A", {"started_on": "2026-10-01"}, date_of_birth="1957-06-05")
        source.award("QQ000002A", {"started_on": "2026-12-01"}, date_of_birth="1957-06-05")
        source.execute("ALTER TABLE dwp.person ALTER date_of_birth DROP NOT NULL")
        source.execute("UPDATE dwp.person SET date_of_birth = NULL")
        assert ninos(source, a_history_plan("started_on", "date_of_birth"), tmp_path) == ["QQ000001A"]

    def test_what_is_as_at_now_is_delivered_whatever_the_period(self, source: SmallSource, tmp_path: Path) -> None:
        source.award("QQ000001A", {"started_on": "1999-01-01"})
        assert ninos(source, an_award_plan(), tmp_path) == ["QQ000001A"]


class TestHolds:
    @pytest.mark.parametrize(
        "scope",
        ["all", "gateway:welfare-reform-act-2012-s131", "agreement:SDDSB-2026-101"],
        ids=lambda s: s.split(":")[0],
    )
    def test_a_hold_of_this_scope_leaves_the_person_out(self, source: SmallSource, tmp_path: Path, scope: str) -> None:
        source.award("QQ000001A")
        source.award("QQ000002A")
        source.hold("QQ000001A", scope)
        (file,) = source.extract(an_award_plan(), tmp_path).files
        assert [row["nino"] for row in rows_of(file)] == ["QQ000002A"]
        assert file.funnel == Funnel(source=2, filtered=0, held=1, withheld=0, delivered=1)

    @pytest.mark.parametrize("scope", ["gateway:another", "agreement:SDDSB-2026-102"], ids=lambda s: s.split(":")[0])
    def test_a_hold_of_another_scope_does_not(self, source: SmallSource, tmp_path: Path, scope: str) -> None:
        source.award("QQ000001A")
        source.hold("QQ000001A", scope)
        assert ninos(source, an_award_plan(), tmp_path) == ["QQ000001A"]

    @pytest.mark.parametrize(
        "written", ["qq000001a", " QQ 00 00 01 A ", "QQ000001", "QQ-00.00/01\tA", "QQ\u00a0000001\u00a0C"]
    )
    def test_a_hold_counts_however_the_number_is_written(
        self, source: SmallSource, tmp_path: Path, written: str
    ) -> None:
        source.award("QQ000001A")
        source.hold(written)
        assert ninos(source, an_award_plan(), tmp_path) == []

    def test_a_person_without_suffix_letter_in_the_source_is_the_one_on_the_list(
        self, source: SmallSource, tmp_path: Path
    ) -> None:
        source.award("QQ000001")
        source.hold("QQ000001A")
        (file,) = source.extract(an_award_plan(), tmp_path).files
        assert (file.rows, file.funnel.held) == (0, 1)

    @pytest.mark.parametrize(
        "written",
        [
            "qq000001a",
            "Qq000001a",
            "qQ000001A",
            " QQ 00 00 01 A ",
            "QQ-000001",
            "QQ\u00a0000001\u00a0C",
            "QQ00000\u20101A",
        ],
    )
    def test_a_hold_counts_however_the_source_writes_the_number(
        self, source: SmallSource, tmp_path: Path, written: str
    ) -> None:
        source.award(written)
        source.award("QQ000011A")
        source.hold("QQ000001A")
        (file,) = source.extract(an_award_plan(), tmp_path).files
        assert [row["nino"] for row in rows_of(file)] == ["QQ000011A"]
        assert file.funnel == Funnel(source=2, filtered=0, held=1, withheld=0, delivered=1)

    @pytest.mark.parametrize("written", ["QQ00001", "000001", "Q-000001A", "XQ000001A", "QQ 00000 21"])
    def test_a_hold_on_somebody_else_does_not_however_alike_the_numbers_are(
        self, source: SmallSource, tmp_path: Path, written: str
    ) -> None:
        source.award(written)
        source.hold("QQ000001A")
        assert ninos(source, an_award_plan(), tmp_path) == [written]

    def test_a_hold_on_the_partner_leaves_the_claim_out(self, source: SmallSource, tmp_path: Path) -> None:
        source.cap("QQ000001A", partner="QQ000002A")
        source.cap("QQ000003A", partner="QQ000004A")
        source.hold("QQ000002A")
        (file,) = source.extract(replace(an_identified_plan(), limits=some_limits()), tmp_path).files
        assert [row["nino"] for row in rows_of(file)] == ["QQ000003A"]

    def test_stop_and_ask_stops_the_whole_run_before_anything_is_read(
        self, source: SmallSource, tmp_path: Path
    ) -> None:
        source.award("QQ000001A")
        source.award("QQ000002A")
        source.hold("QQ000001A", effect="stop and ask")
        with pytest.raises(HoldStops, match="1 rows are of people whose hold says stop and ask"):
            source.extract(an_award_plan(), tmp_path)
        assert list((tmp_path / "staging").iterdir()) == []

    def test_stop_and_ask_about_somebody_who_is_not_asked_for_stops_nothing(
        self, source: SmallSource, tmp_path: Path
    ) -> None:
        source.award("QQ000001A")
        source.award("QQ000002A", council_code="S12000036")
        source.hold("QQ000002A", effect="stop and ask")
        plan = an_award_plan(Condition("council_code", Operator.EQUALS, ("S12000047",)))
        assert ninos(source, plan, tmp_path) == ["QQ000001A"]


class TestHoldsAfterTheSnapshot:
    def test_none_came(self, source: SmallSource, tmp_path: Path) -> None:
        plan = an_award_plan()
        source.award("QQ000001A")
        source.award("QQ000002A")
        source.hold("QQ000002A")
        extract = source.extract(plan, tmp_path)
        entered = source.agree(plan, tmp_path / "passfile")
        assert holds_since(plan, entered, index_of(extract), KEYS.membership) == 0

    @pytest.mark.parametrize("effect", ["leave out", "stop and ask"])
    def test_one_that_is_recorded_after_it_counts(self, source: SmallSource, tmp_path: Path, effect: str) -> None:
        plan = an_award_plan()
        source.award("QQ000001A")
        entered = source.agree(plan, tmp_path / "passfile")
        extract = source.extract(plan, tmp_path, source=entered)
        source.hold("QQ000001A", effect=effect, at=extract.snapshot.at + timedelta(seconds=1))
        assert holds_since(plan, entered, index_of(extract), KEYS.membership) == 1

    def test_one_that_was_recorded_before_it_but_loaded_after_it_counts_too(
        self, source: SmallSource, tmp_path: Path
    ) -> None:
        plan = an_award_plan()
        source.award("QQ000001A")
        entered = source.agree(plan, tmp_path / "passfile")
        extract = source.extract(plan, tmp_path, source=entered)
        source.hold("QQ000001A", at=NOW - timedelta(days=30))
        assert holds_since(plan, entered, index_of(extract), KEYS.membership) == 1

    def test_one_that_comes_as_another_ends_counts_though_the_list_is_as_long_as_before(
        self, source: SmallSource, tmp_path: Path
    ) -> None:
        plan, recorded = an_award_plan(), NOW - timedelta(days=30)
        source.award("QQ000001A")
        source.award("QQ000002A")
        source.hold("QQ000002A", at=recorded)
        entered = source.agree(plan, tmp_path / "passfile")
        extract = source.extract(plan, tmp_path, source=entered)
        source.execute("UPDATE dwp.hold SET nino = 'QQ000001A'")
        assert holds_since(plan, entered, index_of(extract), KEYS.membership) == 1

    def test_one_that_becomes_stricter_counts_and_one_that_ends_does_not(
        self, source: SmallSource, tmp_path: Path
    ) -> None:
        plan = an_award_plan()
        source.award("QQ000001A")
        source.award("QQ000002A")
        source.hold("QQ000002A")
        entered = source.agree(plan, tmp_path / "passfile")
        extract = source.extract(plan, tmp_path, source=entered)
        source.execute("UPDATE dwp.hold SET effect = 'stop and ask'")
        assert holds_since(plan, entered, index_of(extract), KEYS.membership) == 1
        source.execute("DELETE FROM dwp.hold")
        assert holds_since(plan, entered, index_of(extract), KEYS.membership) == 0

    def test_a_hold_that_already_left_somebody_out_and_asks_besides_counts_no_second_time(
        self, source: SmallSource, tmp_path: Path
    ) -> None:
        plan = an_award_plan()
        source.award("QQ000001A")
        source.award("QQ000002A")
        source.hold("QQ000002A")
        source.hold("QQ000002A", effect="stop and ask")
        entered = source.agree(plan, tmp_path / "passfile")
        extract = source.extract(plan, tmp_path, source=entered)
        assert holds_since(plan, entered, index_of(extract), KEYS.membership) == 0

    def test_one_about_somebody_else_does_not(self, source: SmallSource, tmp_path: Path) -> None:
        plan = an_award_plan()
        source.award("QQ000001A")
        entered = source.agree(plan, tmp_path / "passfile")
        extract = source.extract(plan, tmp_path, source=entered)
        source.hold("QQ999999A", at=extract.snapshot.at + timedelta(seconds=1))
        assert holds_since(plan, entered, index_of(extract), KEYS.membership) == 0


class TestPeopleWhoAreAlwaysCareful:
    def test_restricted_people_never_leave(self, source: SmallSource, tmp_path: Path) -> None:
        source.award("QQ000001A", restricted=True)
        source.award("QQ000002A")
        (file,) = source.extract(an_award_plan(), tmp_path).files
        assert [row["nino"] for row in rows_of(file)] == ["QQ000002A"]
        assert file.funnel.held == 1

    def test_a_safe_address_withholds_the_row_if_the_plan_says_so(self, source: SmallSource, tmp_path: Path) -> None:
        source.award("QQ000001A", safe_address=True)
        source.award("QQ000002A")
        (file,) = source.extract(an_award_plan(), tmp_path).files
        assert [row["nino"] for row in rows_of(file)] == ["QQ000002A"]
        assert file.funnel == Funnel(source=2, filtered=0, held=0, withheld=1, delivered=1)

    def test_where_the_address_is_withheld_for_all_the_row_stays(self, source: SmallSource, tmp_path: Path) -> None:
        source.award("QQ000001A", safe_address=True)
        plan = with_columns(an_award_plan(), safe_address=SafeAddress.WITHHOLD_COLUMNS)
        assert ninos(source, plan, tmp_path) == ["QQ000001A"]


class TestLimits:
    def test_more_rows_than_agreed_stop_before_anything_is_read(self, source: SmallSource, tmp_path: Path) -> None:
        for number in range(3):
            source.award(f"QQ00000{number}A")
        with pytest.raises(LimitExceeded, match="3 rows, but the agreement allows at most 2"):
            source.extract(an_award_plan(limits=some_limits(max_rows=2)), tmp_path)

    def test_no_rows_at_all_stop_it(self, source: SmallSource, tmp_path: Path) -> None:
        with pytest.raises(LimitExceeded, match="0 rows, but at least 1 are expected"):
            source.extract(an_award_plan(limits=some_limits()), tmp_path)

    def test_an_agreement_that_allows_it_gets_an_empty_file(self, source: SmallSource, tmp_path: Path) -> None:
        (file,) = source.extract(an_award_plan(), tmp_path).files
        assert (file.rows, rows_of(file)) == (0, [])


class TestSeveralDatasets:
    def test_all_are_drawn_under_one_snapshot(self, source: SmallSource, tmp_path: Path) -> None:
        source.award("QQ000001A")
        source.cap("QQ000002A")
        datasets = (*an_award_plan().datasets, *an_identified_plan().datasets)
        extract = source.extract(an_award_plan(datasets=datasets), tmp_path, a_period())
        assert {f.dataset: f.rows for f in extract.files} == {"pension_credit_award": 1, "benefit_cap": 1}
        assert extract.snapshot.visible
        assert extract.snapshot.exported == ""
        assert extract.snapshot.system_identifier.isdigit()


class TestMembership:
    def test_the_index_knows_who_was_in_and_who_was_left_out_and_why(self, source: SmallSource, tmp_path: Path) -> None:
        source.cap("QQ000001A", partner="QQ000002A")
        source.cap("QQ000003A")
        source.hold("QQ000003A")
        source.cap("QQ000004A", restricted=True)
        source.cap("QQ000005A", safe_address=True)
        source.cap("QQ000006A", council_code="S12000036")
        extract = source.extract(replace(an_identified_plan(), limits=some_limits()), tmp_path)
        assert extract.membership is not None

        def why(nino: str) -> list[str]:
            assert extract.membership is not None
            found = lookup(extract.membership, KEYS.membership, nino)
            assert all(m.dataset == "benefit_cap" for m in found)
            return [m.why for m in found]

        assert why("QQ000001A") == ["included"]
        assert why("qq 00 00 02 a") == ["included"]
        assert why("QQ000003A") == ["hold"]
        assert why("QQ000004A") == ["restricted"]
        assert why("QQ000005A") == ["safe address"]
        assert why("QQ000006A") == []
        assert lookup(extract.membership, "d" * 64, "QQ000001A") == ()

    def test_the_index_holds_no_identifier(self, source: SmallSource, tmp_path: Path) -> None:
        source.award("QQ000001A")
        extract = source.extract(an_award_plan(), tmp_path)
        assert extract.membership is not None
        assert b"QQ000001" not in extract.membership.read_bytes()

    def test_people_of_withheld_small_groups_were_left_out(self, source: SmallSource, tmp_path: Path) -> None:
        for number in range(10):
            source.award(f"QQ00000{number}A")
        source.award("QQ000010A", council_code="S12000036")
        extract = source.extract(a_plan(request_id="SDDSB-2026-103"), tmp_path)
        assert extract.membership is not None
        found = lookup(extract.membership, KEYS.membership, "QQ000010A")
        assert found == (Membership("pension_credit_award", "small group"),)
