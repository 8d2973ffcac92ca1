"""k-anonymity, counted in people: groups that are too small stop the release, or stay behind if that was signed."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from extracts.agreement.plan import SmallCells
from extracts.errors import LimitExceeded
from extracts.extraction.people import People
from extracts.extraction.small_cells import check_small_groups, find_small_groups, in_small_group
from tests.support.builders import a_plan, some_limits

GROUPS = ("sex", "council")


def people_of(rows: list[tuple[int | None, str | None, str | None]], folder: Path, buckets: int = 3) -> People:
    """People of (mark, sex, council); marks are spread over the whole range, as hashes are."""
    folder.mkdir(parents=True)
    people = People(folder / "people", buckets, GROUPS)
    table = pa.table(
        {"sex": pa.array([r[1] for r in rows], pa.string()), "council": pa.array([r[2] for r in rows], pa.string())}
    )
    marks = pa.array([None if r[0] is None else (r[0] * 0x9E3779B97F4A7C15) % 2**64 for r in rows], pa.uint64())
    with people.spool:
        if rows:
            people.write(table.combine_chunks().to_batches()[0], [marks])
    return people


class TestCountingPeople:
    def test_one_person_with_many_rows_is_one(self, tmp_path: Path) -> None:
        people = people_of([(1, "F", "Fife")] * 12 + [(n, "M", "Fife") for n in range(2, 6)], tmp_path / "p")
        small = find_small_groups(people, 3)
        assert (small.frame.rows(), small.rows, small.smallest_kept) == ([("F", "Fife")], 12, 4)

    def test_nothing_known_is_a_value_like_any_other(self, tmp_path: Path) -> None:
        people = people_of([(1, None, "Fife"), (2, None, "Fife"), (3, "F", None)], tmp_path / "p")
        small = find_small_groups(people, 2)
        assert small.frame.rows() == [("F", None)]
        (frame,) = [f for f in people.frames() if f["council"].null_count()]
        assert in_small_group(frame, small).tolist() == [c is None for c in frame["council"]]

    def test_a_row_about_nobody_known_counts_for_nobody(self, tmp_path: Path) -> None:
        small = find_small_groups(people_of([(None, "F", "Fife")] * 5, tmp_path / "p"), 2)
        assert (len(small), small.rows) == (1, 5)

    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["F", "M", None]), st.sampled_from("AB")), max_size=40),
        st.integers(1, 6),
        st.integers(1, 4),
    )
    def test_it_is_what_counting_by_hand_gives(
        self, tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[int, str | None, str]], k: int, buckets: int
    ) -> None:
        by_hand = defaultdict(set)
        for person, sex, council in rows:
            by_hand[sex, council].add(person)
        small = find_small_groups(people_of(rows, tmp_path_factory.mktemp("k") / "p", buckets), k)
        too_small = {group for group, people in by_hand.items() if len(people) < k}
        assert set(small.frame.rows()) == too_small
        assert small.rows == sum((sex, council) in too_small for _, sex, council in rows)
        assert small.smallest_kept == min((len(p) for p in by_hand.values() if len(p) >= k), default=None)


class TestWhatHappensThen:
    def small(self, folder: Path, rows: int = 2) -> object:
        return find_small_groups(people_of([(n, "F", "Fife") for n in range(rows)], folder / "p"), 10)

    def test_stop_stops(self, tmp_path: Path) -> None:
        plan = a_plan(limits=some_limits(small_cells=SmallCells.STOP, max_withheld_percent=0))
        with pytest.raises(
            LimitExceeded, match=r"1 groups .* fewer than 10 people \(2 of 100 rows\), and .* says stop"
        ):
            check_small_groups(plan, "pension_credit_award", self.small(tmp_path), 100)

    def test_withhold_goes_on_up_to_the_share_that_was_signed(self, tmp_path: Path) -> None:
        plan = a_plan(limits=some_limits(max_withheld_percent=2))
        check_small_groups(plan, "pension_credit_award", self.small(tmp_path), 100)

    def test_and_stops_beyond_it(self, tmp_path: Path) -> None:
        plan = a_plan(limits=some_limits(max_withheld_percent=2))
        with pytest.raises(LimitExceeded, match="at most 2 % may be withheld"):
            check_small_groups(plan, "pension_credit_award", self.small(tmp_path), 99)

    def test_where_no_group_is_too_small_neither_minds(self, tmp_path: Path) -> None:
        plan = a_plan(limits=some_limits(small_cells=SmallCells.STOP))
        check_small_groups(plan, "pension_credit_award", self.small(tmp_path, rows=10), 10)
