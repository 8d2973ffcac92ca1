"""The finished file is reopened and must be what was planned, with nothing else in it. Each spoiled file is caught."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pandas
import pyarrow as pa
import pytest
from pyarrow import parquet

from extracts.agreement.plan import ExtractPlan
from extracts.canonical import digest_file
from extracts.extraction.inspection import inspect
from extracts.extraction.values import Extract, ExtractFile, Funnel, Report
from tests.support.builders import a_dataset, a_plan, a_planned_dataset, an_identified_plan, some_limits
from tests.support.postgres import Database
from tests.support.small_source import SmallSource, small_source

CHOSEN = (
    ("nino", "pseudonymise", ()),
    ("date_of_birth", "year", ()),
    ("sex", "keep", ()),
    ("council_code", "keep", ()),
    ("award_type", "keep", ()),
    ("weekly_award", "keep", ()),
    ("updated_at", "keep", ()),
)
PLAN = a_plan(request_id="SDDSB-2026-501", datasets=(a_planned_dataset(a_dataset(), CHOSEN),), limits=some_limits(k=5))
CLEAR = ("nino", "surname", "address", "postcode", "award_type")
IDENTIFIED = an_identified_plan(
    request_id="SDDSB-2026-502",
    datasets=(a_planned_dataset(a_dataset(), tuple((n, "keep", ()) for n in CLEAR)),),
    limits=some_limits(),
)


@pytest.fixture(scope="module")
def source(module_database: Database) -> Iterator[SmallSource]:
    with small_source(module_database) as source:
        for number in range(12):
            source.award(f"QQ{number:06}A", {"award_type": "savings"}, sex="FM"[number % 2])
        yield source


@pytest.fixture(scope="module")
def good(source: SmallSource, tmp_path_factory: pytest.TempPathFactory) -> Extract:
    return source.extract(PLAN, tmp_path_factory.mktemp("good"))


@pytest.fixture(scope="module")
def identified(source: SmallSource, tmp_path_factory: pytest.TempPathFactory) -> Extract:
    return source.extract(IDENTIFIED, tmp_path_factory.mktemp("identified"))


def spoiled(extract: Extract, folder: Path, spoil: Callable[[pa.Table], pa.Table], **options: object) -> Extract:
    """The extract with its file written again by `spoil`, and size and digest recorded as they then are."""
    (file,) = extract.files
    path = folder / file.path.name
    table = spoil(parquet.read_table(file.path))
    how = {"store_schema": False, "write_statistics": False, "compression": "zstd", **options}
    parquet.write_table(table, path, **how)
    return replace(extract, files=(recorded(file, path, table.num_rows),))


def recorded(file: ExtractFile, path: Path, rows: int) -> ExtractFile:
    funnel = Funnel(rows, 0, 0, 0, rows)
    return replace(file, path=path, rows=rows, bytes=path.stat().st_size, sha256=digest_file(path), funnel=funnel)


def with_value(column: str, value: object, row: int = 0) -> Callable[[pa.Table], pa.Table]:
    """One cell changed."""

    def change(table: pa.Table) -> pa.Table:
        index = table.schema.get_field_index(column)
        values = table.column(column).to_pylist()
        values[row] = value
        return table.set_column(index, table.schema.field(index), pa.array(values, table.schema.field(index).type))

    return change


def stopping(report: Report) -> set[str]:
    return {c.name for c in report.stopping}


def check(plan: ExtractPlan, extract: Extract, *canaries: str) -> set[str]:
    return stopping(inspect(plan, extract, canaries=canaries))


class TestAGoodFile:
    def test_it_passes_and_every_check_ran(self, good: Extract) -> None:
        report = inspect(PLAN, good, canaries=["QQ000001A", "CANARY-STREET"])
        assert report.passed
        assert not [c for c in report.checks if c.not_checked or c.not_applicable]

    def test_an_identified_file_may_hold_what_was_approved_where_it_was_approved(self, identified: Extract) -> None:
        assert inspect(IDENTIFIED, identified).passed

    def test_without_canaries_the_report_says_that_none_are_known(self, good: Extract) -> None:
        reasons = [c.not_applicable for c in inspect(PLAN, good).checks if c.not_applicable]
        assert reasons == ["no canary is known for this source"]

    def test_the_report_holds_no_value(self, good: Extract, tmp_path: Path) -> None:
        bad = spoiled(good, tmp_path, with_value("award_type", "QQ123456C"))
        assert "QQ123456" not in repr(inspect(PLAN, bad, canaries=["QQ123456C"]))


class TestColumns:
    def test_an_added_column_is_found(self, good: Extract, tmp_path: Path) -> None:
        bad = spoiled(good, tmp_path, lambda t: t.append_column("secret", pa.array(["x"] * len(t))))
        assert "columns are the planned ones, in order" in check(PLAN, bad)

    def test_another_order_is_found(self, good: Extract, tmp_path: Path) -> None:
        bad = spoiled(good, tmp_path, lambda t: t.select(t.column_names[::-1]))
        assert "columns are the planned ones, in order" in check(PLAN, bad)

    def test_another_type_is_found(self, good: Extract, tmp_path: Path) -> None:
        def as_float(table: pa.Table) -> pa.Table:
            index = table.schema.get_field_index("weekly_award")
            return table.set_column(index, "weekly_award", table.column(index).cast(pa.float64()))

        assert "types are the planned ones" in check(PLAN, spoiled(good, tmp_path, as_float))

    def test_the_metadata_of_a_frame_that_was_cut_down_are_found(self, good: Extract, tmp_path: Path) -> None:
        def cut_down(table: pa.Table) -> pa.Table:
            frame: pandas.DataFrame = table.to_pandas()
            whole = pa.Table.from_pandas(frame.assign(nino="QQ123456C"))
            cut = whole.select(table.column_names)
            return cut.cast(table.schema.with_metadata(cut.schema.metadata))

        bad = spoiled(good, tmp_path, cut_down, store_schema=True)
        assert b"nino" in bad.files[0].path.read_bytes()
        assert "there is no foreign metadata" in check(PLAN, bad)

    def test_a_stored_schema_is_found_though_it_be_arrow_s_own(self, good: Extract, tmp_path: Path) -> None:
        bad = spoiled(
            good, tmp_path, lambda t: t.cast(t.schema.with_metadata({"note": "QQ123456C"})), store_schema=True
        )
        kept = parquet.read_metadata(bad.files[0].path).metadata
        assert b"ARROW:schema" in kept
        assert check(PLAN, bad) == {"there is no foreign metadata"}
        assert "QQ123456" not in repr(inspect(PLAN, bad))

    @pytest.mark.parametrize(
        "options",
        [
            {"write_statistics": True, "write_page_index": True},
            {"bloom_filter_options": {"sex": {"ndv": 2, "fpp": 0.1}}},
        ],
        ids=["page index", "Bloom filter"],
    )
    def test_an_index_that_tells_of_values_is_found(
        self, good: Extract, tmp_path: Path, options: dict[str, object]
    ) -> None:
        assert check(PLAN, spoiled(good, tmp_path, lambda t: t, **options)) == {"there are no statistics"}

    def test_statistics_with_real_values_are_found(self, good: Extract, tmp_path: Path) -> None:
        bad = spoiled(good, tmp_path, lambda t: t, write_statistics=True)
        assert check(PLAN, bad) == {"there are no statistics"}


class TestValues:
    @pytest.mark.parametrize(
        ("value", "what"),
        [
            ("QQ123456C", "National Insurance number"),
            ("qq 12 34 56 c", "National Insurance number"),
            ("see QQ123456, please", "National Insurance number"),
            ("AB123456", "National Insurance number"),
            ("QQ-12-34-56-C", "National Insurance number"),
            ("QQ.123456.C", "National Insurance number"),
            ("QQ\t12/34/56\tC", "National Insurance number"),
            ("QQ\u00a0123456\u00a0C", "National Insurance number"),
            ("Q Q 12  34  56  C", "National Insurance number"),
            ("0101011237", "CHI number"),
            ("010101 1237", "CHI number"),
            ("010101-1237", "CHI number"),
            ("KY1 1AB", "postcode"),
            ("KY1  1AB", "postcode"),
            ("KY1\u00a01AB", "postcode"),
            ("at ec1a 1bb.", "postcode"),
            ("ailsa@example.scot", "e-mail address"),
            ("07700 900123", "phone number"),
            ("+44 131 496 0000", "phone number"),
        ],
    )
    def test_a_leak_in_text_is_found(self, good: Extract, tmp_path: Path, value: str, what: str) -> None:
        bad = spoiled(good, tmp_path, with_value("award_type", value))
        assert f"no {what} is in it" in check(PLAN, bad)

    @pytest.mark.parametrize(
        "value",
        [
            *("guarantee", "2026-11", "2026-Q4", "30-39", "KY1 1", "50-<100", "S12000047", "1f0c8e6f2b7d4a5c"),
            *("UC00000064158", "2026-11-30", "30/11/2026", "KY1", "AB12-34", "v1.10.2", "1.234.567", "Q4 2026/27"),
        ],
    )
    def test_harmless_codes_are_not(self, good: Extract, tmp_path: Path, value: str) -> None:
        assert check(PLAN, spoiled(good, tmp_path, with_value("award_type", value))) == set()

    @pytest.mark.parametrize("value", ["QQ123456C", "1F" * 16, "1f" * 15, "1f" * 17, ""])
    def test_a_pseudonym_of_another_shape_is_found(self, good: Extract, tmp_path: Path, value: str) -> None:
        bad = spoiled(good, tmp_path, with_value("nino_pseudonym", value))
        assert "every pseudonym has its exact shape" in check(PLAN, bad)

    def test_in_an_identified_file_an_identifier_in_another_column_is_found(
        self, identified: Extract, tmp_path: Path
    ) -> None:
        bad = spoiled(identified, tmp_path, with_value("surname", "QQ000001A"))
        assert check(IDENTIFIED, bad) == {"no National Insurance number is in it"}
        bad = spoiled(identified, tmp_path, with_value("award_type", "KY1 1AB"))
        assert check(IDENTIFIED, bad) == {"no postcode is in it"}


class TestCanaries:
    def test_one_in_a_cell_is_found_whatever_its_case(self, good: Extract, tmp_path: Path) -> None:
        bad = spoiled(good, tmp_path, with_value("award_type", "canary-Street 1"))
        assert check(PLAN, bad, "CANARY-STREET") == {"no canary is in it"}

    def test_one_in_the_bytes_alone_is_found(self, good: Extract, tmp_path: Path) -> None:
        def filtered_dictionary(table: pa.Table) -> pa.Table:
            index = table.schema.get_field_index("award_type")
            values = pa.DictionaryArray.from_arrays(pa.array([0] * len(table)), ["savings", "CANARY-STREET"])
            return table.set_column(index, "award_type", values)

        bad = spoiled(good, tmp_path, filtered_dictionary, compression="none")
        assert check(PLAN, bad, "CANARY-STREET") == {"no canary is in the bytes"}

    def test_one_planted_in_the_source_but_not_approved_is_in_no_extract(
        self, source: SmallSource, tmp_path: Path
    ) -> None:
        source.award("QQ777777Q", {"award_type": "both", "sort_code": "CANARY"}, address="CANARY-STREET", sex="F")
        try:
            extract = source.extract(PLAN, tmp_path)
            assert inspect(PLAN, extract, canaries=["QQ777777Q", "CANARY"]).passed
        finally:
            source.execute("DELETE FROM dwp.pension_credit_award WHERE sort_code = 'CANARY'")


class TestCounts:
    def test_a_file_that_was_changed_after_it_was_recorded_is_found(self, good: Extract, tmp_path: Path) -> None:
        path = tmp_path / "changed.parquet"
        data = bytearray(good.files[0].path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
        bad = replace(good, files=(replace(good.files[0], path=path),))
        assert not inspect(PLAN, bad).passed

    def test_a_missing_row_is_found(self, good: Extract, tmp_path: Path) -> None:
        (file,) = good.files
        (cut,) = spoiled(good, tmp_path, lambda t: t.slice(1)).files
        bad = replace(good, files=(replace(cut, rows=file.rows, funnel=file.funnel),))
        assert "the footer counts the rows that were built" in check(PLAN, bad)

    def test_numbers_that_do_not_add_up_are_found(self, good: Extract) -> None:
        (file,) = good.files
        bad = replace(good, files=(replace(file, funnel=replace(file.funnel, held=1)),))
        assert check(PLAN, bad) == {"rows add up with the source's count"}

    def test_a_missing_file_is_found(self, good: Extract) -> None:
        assert check(PLAN, replace(good, files=())) == {"there is a file"}

    def test_a_file_that_is_gone_is_not_checked_and_stops(self, good: Extract, tmp_path: Path) -> None:
        bad = replace(good, files=(replace(good.files[0], path=tmp_path / "gone"),))
        report = inspect(PLAN, bad)
        assert not report.passed
        assert all(c.not_checked for c in report.checks)

    def test_rows_in_the_source_s_order_are_found(self, good: Extract, tmp_path: Path) -> None:
        bad = spoiled(good, tmp_path, lambda t: t.take(list(range(len(t)))[::-1]))
        assert check(PLAN, bad) == {"rows are in their own order, not the source's"}

    def test_rows_of_one_person_in_the_source_s_order_are_found(self, good: Extract, tmp_path: Path) -> None:
        def two_of_one(table: pa.Table) -> pa.Table:
            same = table.column("nino_pseudonym")[0].as_py()
            changes = {"nino_pseudonym": (same, same), "sex": ("F", "F"), "weekly_award": (Decimal(2), Decimal(1))}
            for column, values in changes.items():
                for row, value in enumerate(values):
                    table = with_value(column, value, row)(table)
            return table

        bad = spoiled(good, tmp_path, two_of_one)
        assert "rows are in their own order, not the source's" in check(PLAN, bad)

    def test_a_group_smaller_than_k_is_found(self, good: Extract, tmp_path: Path) -> None:
        bad = spoiled(good, tmp_path, with_value("date_of_birth_year", 1901))
        assert check(PLAN, bad) == {"every group of the quasi-identifiers has at least 5 people"}

    def test_a_group_counts_people_not_rows(self, good: Extract, tmp_path: Path) -> None:
        """One person with all the rows of a group is one person."""

        def one_person(table: pa.Table) -> pa.Table:
            of_sex = [row for row, sex in enumerate(table.column("sex").to_pylist()) if sex == "F"]
            first = table.column("nino_pseudonym")[of_sex[0]].as_py()
            for row in of_sex:
                table = with_value("nino_pseudonym", first, row)(table)
            return table.sort_by("nino_pseudonym")

        bad = spoiled(good, tmp_path, one_person)
        assert check(PLAN, bad) == {"every group of the quasi-identifiers has at least 5 people"}
