"""What each treatment does to a column: the catalogue's own examples, then any value against plain Python."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import duckdb
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from extracts.catalogue.contract import ColumnType
from extracts.catalogue.treatments import TREATMENTS, Treatment
from extracts.errors import UsageError
from extracts.extraction.treatment_sql import UNFIT, file_schema, file_type, treated
from tests.support.builders import a_column, a_dataset, a_planned_column, a_planned_dataset

ON = date(2026, 11, 23)
TYPES = {
    ColumnType.STRING: "VARCHAR",
    ColumnType.INTEGER: "INTEGER",
    ColumnType.DECIMAL: "DECIMAL(10,2)",
    ColumnType.DATE: "DATE",
    ColumnType.TIMESTAMP: "TIMESTAMP WITH TIME ZONE",
    ColumnType.BOOLEAN: "BOOLEAN",
}
CONNECTION = duckdb.connect(":memory:")
CONNECTION.execute("SET TimeZone = 'UTC'")


def treat(
    name: str, type: ColumnType, *values: str | None, parameters: tuple[str, ...] = (), on: date = ON
) -> list[Any]:
    """The values (as text) of a column of this type, treated."""
    size = {"precision": 10, "scale": 2} if type is ColumnType.DECIMAL else {}
    column = a_planned_column(a_column("v", type, **size), name, parameters)
    source = "SELECT unnest($1::VARCHAR[]) AS t, generate_subscripts($1::VARCHAR[], 1) AS n"
    query = f"SELECT {treated(column, on)} FROM (SELECT CAST(t AS {TYPES[type]}) AS v, n FROM ({source})) ORDER BY n"
    return [row[0] for row in CONNECTION.execute(query, [list(values)]).fetchall()]


def by_value(found: list[Any]) -> list[str | None]:
    return [None if v is None else str(v).lower() if isinstance(v, bool) else str(v) for v in found]


@pytest.mark.parametrize(
    "treatment", [t for t in TREATMENTS.values() if t.name != "pseudonymise"], ids=lambda t: t.name
)
def test_the_catalogue_shows_what_really_happens(treatment: Treatment) -> None:
    given = treat(treatment.name, treatment.accepts[0], treatment.before, parameters=treatment.example_parameters)
    assert by_value(given) == [treatment.after]


@pytest.mark.parametrize(
    "treatment", [t for t in TREATMENTS.values() if t.name != "pseudonymise"], ids=lambda t: t.name
)
def test_nothing_stays_nothing_and_only_present_says_so(treatment: Treatment) -> None:
    for type in treatment.accepts:
        expected = [False] if treatment.name == "present" else [None]
        assert treat(treatment.name, type, None, parameters=treatment.example_parameters) == expected


class TestDates:
    DATES = st.none() | st.dates()

    @staticmethod
    def agrees(name: str, day: date | None, expected: Callable[[date], object]) -> None:
        for type in (ColumnType.DATE, ColumnType.TIMESTAMP):
            (found,) = treat(name, type, day.isoformat() if day else None)
            assert found == (expected(day) if day else None)

    @given(DATES)
    @example(date(1, 1, 1))
    @example(date(9999, 12, 31))
    def test_year_month_and_quarter_are_those_of_the_calendar(self, day: date | None) -> None:
        self.agrees("year", day, lambda d: d.year)
        self.agrees("month", day, lambda d: d.isoformat()[:7])
        self.agrees("quarter", day, lambda d: f"{d.year:04}-Q{(d.month + 2) // 3}")

    def test_a_time_belongs_to_the_day_that_it_is_in_utc(self) -> None:
        assert treat("month", ColumnType.TIMESTAMP, "2026-06-01 00:30:00+01") == ["2026-05"]

    @pytest.mark.parametrize("name", ["year", "month", "quarter", "age_band"])
    @pytest.mark.parametrize("day", ["0044-03-15 (BC)", "10000-01-01", "infinity", "-infinity"])
    def test_a_date_that_no_calendar_of_ours_has_becomes_nothing(self, name: str, day: str) -> None:
        assert treat(name, ColumnType.DATE, day, parameters=("10",)) == [None]

    @pytest.mark.parametrize("type", [ColumnType.DATE, ColumnType.TIMESTAMP])
    @pytest.mark.parametrize("day", ["0044-03-15 (BC)", "10000-01-01", "infinity"])
    def test_kept_such_a_date_stops_the_run(self, type: ColumnType, day: str) -> None:
        with pytest.raises(duckdb.Error, match=UNFIT):
            treat("keep", type, day)


class TestAges:
    @given(st.none() | st.dates(date(1, 1, 1), ON), st.integers(1, 50), st.dates(ON, date(2100, 12, 31)))
    @example(date(2008, 2, 29), 1, date(2027, 2, 28))
    @example(date(2008, 2, 29), 1, date(2027, 3, 1))
    @example(date(2008, 2, 29), 1, date(2028, 2, 29))
    def test_an_age_is_counted_in_whole_years_and_told_as_a_band(self, born: date | None, width: int, on: date) -> None:
        (found,) = treat(
            "age_band", ColumnType.DATE, born.isoformat() if born else None, parameters=(str(width),), on=on
        )
        if born is None:
            assert found is None
            return
        age = on.year - born.year - ((on.month, on.day) < (born.month, born.day))
        assert found == f"{age // width * width}-{age // width * width + width - 1}"

    def test_who_was_born_on_29_february_has_a_birthday_on_1_march(self) -> None:
        assert treat("age_band", ColumnType.DATE, "2010-02-29".replace("29", "28"), parameters=("1",)) == ["16-16"]
        (on_the_last,) = treat("age_band", ColumnType.DATE, "2008-02-29", parameters=("1",), on=date(2026, 2, 28))
        (on_the_first,) = treat("age_band", ColumnType.DATE, "2008-02-29", parameters=("1",), on=date(2026, 3, 1))
        assert (on_the_last, on_the_first) == ("17-17", "18-18")

    def test_who_is_not_born_yet_has_no_age(self) -> None:
        assert treat("age_band", ColumnType.DATE, "2026-11-24", parameters=("10",)) == [None]


POSTCODE = re.compile(r"([A-Z]{1,2})([0-9][A-Z0-9]?)([0-9])([A-Z]{2})")


def read_postcode(text: str | None) -> tuple[str, str, str] | None:
    """Area, district and sector, or None."""
    found = POSTCODE.fullmatch((text or "").replace(" ", "").upper())
    if not found:
        return None
    area, rest, sector, _ = found.groups()
    return area, area + rest, f"{area}{rest} {sector}"


class TestPostcodes:
    ALMOST = st.from_regex(r"\A[A-Za-z]{0,3}[0-9]{0,2}[A-Za-z]? ?[0-9]{0,2}[A-Za-z]{0,3}\Z") | st.text(
        st.characters(codec="ascii", exclude_characters="\0"), max_size=9
    )

    @given(st.none() | ALMOST)
    @example("KY1 1AB")
    @example("sw1a1aa")
    @example("EC1A 1BB")
    @example("QQ123456C")
    @example("1 Example Street")
    @example("")
    def test_only_the_coarser_part_leaves_and_nothing_of_what_is_none(self, text: str | None) -> None:
        expected = read_postcode(text)
        for part, name in enumerate(("postcode_area", "postcode_district", "postcode_sector")):
            assert treat(name, ColumnType.STRING, text) == [expected[part] if expected else None]

    def test_a_council_that_is_no_code_becomes_nothing(self) -> None:
        assert treat("council", ColumnType.STRING, "S12000047", "Fife", "S1200004", "") == [
            "S12000047",
            None,
            None,
            None,
        ]


class TestNumbers:
    AMOUNTS = st.decimals(-999_999, 999_999, places=2)

    @given(st.none() | AMOUNTS, st.sampled_from(["0.05", "0.1", "1", "5", "10", "25", "1000"]))
    @example(Decimal("-15"), "10")
    @example(Decimal("25"), "10")
    @example(Decimal("0.25"), "0.1")
    def test_rounding_is_exact_and_takes_halves_away_from_zero(self, amount: Decimal | None, to: str) -> None:
        (found,) = treat("round", ColumnType.DECIMAL, None if amount is None else str(amount), parameters=(to,))
        if amount is None:
            assert found is None
            return
        steps = (abs(amount) / Decimal(to)).quantize(Decimal(1), ROUND_HALF_UP)
        assert found == steps * Decimal(to) * (-1 if amount < 0 else 1)

    @given(st.none() | st.integers(-(2**31), 2**31 - 1).filter(lambda n: abs(n) < 2**31 - 1000), st.integers(1, 1000))
    def test_whole_numbers_are_rounded_likewise(self, number: int | None, to: int) -> None:
        (found,) = treat("round", ColumnType.INTEGER, None if number is None else str(number), parameters=(str(to),))
        expected = None if number is None else (abs(number) * 2 + to) // (2 * to) * to * (-1 if number < 0 else 1)
        assert found == expected

    def test_what_no_longer_fits_its_type_stops_the_run(self) -> None:
        with pytest.raises(duckdb.Error, match=UNFIT):
            treat("round", ColumnType.DECIMAL, "99999999.99", parameters=("10",))
        with pytest.raises(duckdb.Error, match=UNFIT):
            treat("round", ColumnType.INTEGER, str(2**31 - 1), parameters=("1000",))

    @given(st.none() | AMOUNTS, st.lists(st.integers(-500, 500), min_size=1, max_size=4, unique=True).map(sorted))
    def test_a_band_has_its_lower_limit_in_it_and_its_upper_not(
        self, amount: Decimal | None, limits: list[int]
    ) -> None:
        parameters = tuple(map(str, limits))
        (found,) = treat("band", ColumnType.DECIMAL, None if amount is None else str(amount), parameters=parameters)
        if amount is None:
            assert found is None
        elif amount < limits[0]:
            assert found == f"<{limits[0]}"
        elif amount >= limits[-1]:
            assert found == f">={limits[-1]}"
        else:
            low = max(n for n in limits if n <= amount)
            assert found == f"{low}-<{limits[limits.index(low) + 1]}"

    @given(st.none() | AMOUNTS, AMOUNTS)
    def test_top_coding_cuts_what_is_above_and_nothing_else(self, amount: Decimal | None, top: Decimal) -> None:
        found = treat("top_code", ColumnType.DECIMAL, None if amount is None else str(amount), parameters=(str(top),))
        assert found == [None if amount is None else min(amount, top)]

    @given(st.decimals(-99_999_999, 99_999_999, places=2))
    def test_kept_amounts_are_exact_to_the_penny(self, amount: Decimal) -> None:
        assert treat("keep", ColumnType.DECIMAL, str(amount)) == [amount]

    @pytest.mark.parametrize(
        ("name", "parameters"),
        [
            ("round", ("0",)),
            ("round", ("-5",)),
            ("round", ("ten",)),
            ("round", ("0.001",)),
            ("round", ("NaN",)),
            ("band", ("10", "5")),
            ("band", ("5", "5")),
            ("band", ()),
            ("age_band", ("0",)),
            ("age_band", ("2.5",)),
            ("top_code", ("1'; DROP TABLE x",)),
        ],
    )
    def test_parameters_without_sense_are_refused(self, name: str, parameters: tuple[str, ...]) -> None:
        type = ColumnType.DATE if name == "age_band" else ColumnType.DECIMAL
        with pytest.raises(UsageError):
            treat(name, type, "1" if type is ColumnType.DECIMAL else "2000-01-01", parameters=parameters)


class TestPresence:
    @given(st.none() | st.text(st.characters(codec="ascii", exclude_characters="\0"), max_size=3))
    def test_a_blank_is_no_value(self, text: str | None) -> None:
        assert treat("present", ColumnType.STRING, text) == [bool((text or "").strip(" "))]

    def test_of_a_number_or_a_time_only_whether_there_is_one(self) -> None:
        assert treat("present", ColumnType.INTEGER, "0", None) == [True, False]
        assert treat("present", ColumnType.BOOLEAN, "false", None) == [True, False]


class TestTheFileHasTheDeclaredTypes:
    @pytest.mark.parametrize("name", ["pension_credit_award", "benefit_cap", "scottish_child_payment"])
    def test_duckdb_and_arrow_name_the_same_types(self, name: str) -> None:
        chosen = tuple((c.name, "keep", ()) for c in a_dataset(name).columns)
        planned = a_planned_dataset(a_dataset(name), chosen)
        empty = file_schema(planned).empty_table()
        with duckdb.connect() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            connection.register("file", empty)
            found = connection.execute("DESCRIBE file").fetchall()
        assert [(row[0], row[1]) for row in found] == [(c.name, file_type(c)) for c in planned.columns]

    def test_a_kept_time_is_exact_to_the_microsecond(self) -> None:
        (found,) = treat("keep", ColumnType.TIMESTAMP, "2026-11-23 09:30:00.123456+00")
        assert found == datetime(2026, 11, 23, 9, 30, 0, 123456, UTC)


settings.register_profile("treatments", deadline=None, max_examples=60)
settings.load_profile("treatments")
