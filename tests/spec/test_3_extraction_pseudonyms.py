"""Pseudonyms: a person becomes a number that only the holder of the agreement's key can make again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from extracts.catalogue.treatments import PSEUDONYM_PATTERN
from extracts.errors import UsageError
from extracts.extraction.membership import mark
from extracts.extraction.messages import messages
from extracts.extraction.pseudonym import canonical_value, message, pseudonym, pseudonyms
from extracts.extraction.reading import Keys
from extracts.extraction.sources.rows import has_person_form, person_form
from extracts.extraction.values import ExtractFile
from tests.support.builders import a_plan, some_limits
from tests.support.postgres import Database
from tests.support.small_source import SmallSource, rows_of, small_source

KEY, OTHER_KEY = "5a" * 32, "c3" * 32
TEXTS = st.none() | st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs",), exclude_characters="\0"), max_size=14
)
NINO_LIKE = st.from_regex(r"[A-Za-z]{2}[ .\-\t\u00a0]?([0-9][ /]?){6}[a-d]?", fullmatch=True)


def by_the_engine(kind: str, value: str | None, key: str = KEY) -> str | None:
    """The fast way: messages of a whole column, hashed by compiled code."""
    (made,), _ = pseudonyms(key, [messages(kind, pa.array([value], pa.string()))])
    found: str | None = made[0].as_py()
    return found


class TestTheSameValueGetsTheSamePseudonym:
    @settings(max_examples=60, deadline=None)
    @given(st.sampled_from(["nino", "claim reference"]), NINO_LIKE | TEXTS)
    @example("nino", " qq 12 34 56 c ")
    @example("nino", "QQ123456\u00a0")
    @example("nino", "ß")
    @example("nino", "ｑq１23456\u0130c")
    @example("nino", "qq123456cqq")
    @example("claim reference", "  ")
    def test_the_engine_and_plain_python_agree_on_every_value(self, kind: str, value: str | None) -> None:
        assert by_the_engine(kind, value) == pseudonym(KEY, kind, value)

    @settings(max_examples=60, deadline=None)
    @given(
        st.lists(st.from_regex(r"QQ[0-9]{6}[A-D]", fullmatch=True) | NINO_LIKE | TEXTS, max_size=6), st.integers(0, 3)
    )
    @example(["QQ123456C", "QQ123457D"], 1)
    @example(["QQ123456C", "qq123457D"], 0)
    @example(["QQ123456C", None], 0)
    @example(["QQ12345ß"], 0)
    def test_a_column_gets_what_each_of_its_values_gets(self, values: list[str | None], after: int) -> None:
        column = pa.array(["x"] * after + values, pa.string()).slice(after)
        assert messages("nino", column).to_pylist() == [message("nino", v) for v in values]

    def test_it_is_the_cmac_of_kind_and_value_as_openssl_makes_it(self) -> None:
        # printf 'nino\x1fQQ123456' | openssl mac -cipher AES-256-CBC -macopt hexkey:5a5a... -in - CMAC
        expected = "c14d0a1d9e8943c1351558ba111d59f5"
        assert by_the_engine("nino", "QQ123456C") == expected
        assert re.fullmatch(PSEUDONYM_PATTERN, expected)

    @pytest.mark.parametrize(
        "written", ["qq123456c", " QQ123456C ", "QQ 12 34 56 C", "QQ-12.34/56\tC", "QQ\u00a0123456", "QQ123456D"]
    )
    def test_a_national_insurance_number_is_the_same_however_it_is_written(self, written: str) -> None:
        assert by_the_engine("nino", written) == by_the_engine("nino", "QQ123456C")

    @settings(max_examples=60, deadline=None)
    @given(NINO_LIKE | TEXTS)
    @example("qq\u00a012\t34-56.c")
    @example("ｑq１23456\u0130c")
    def test_the_source_compares_holds_by_the_very_form_that_pseudonyms_are_made_from(
        self, source: SmallSource, value: str | None
    ) -> None:
        query = f"SELECT {person_form('v')}, {has_person_form('v')} FROM (VALUES (%s::text)) AS t(v)"
        with source.database.connect() as connection:
            form, readable = connection.execute(query.encode(), [value]).fetchone() or ()
        assert (form or None) == canonical_value("nino", value)
        assert bool(readable) == bool(re.fullmatch(r"[A-Z]{2}[0-9]{6}", form or ""))

    def test_of_other_identifiers_only_blanks_around_them_do_not_count(self) -> None:
        assert canonical_value("claim reference", " uc 1 ") == "uc 1"


class TestDifferentThingsDiffer:
    def test_another_key_gives_another_pseudonym(self) -> None:
        assert by_the_engine("nino", "QQ123456C") != by_the_engine("nino", "QQ123456C", OTHER_KEY)

    def test_another_kind_of_identifier_gives_another_pseudonym(self) -> None:
        assert by_the_engine("nino", "A1") != by_the_engine("claim reference", "A1")

    def test_kind_and_value_cannot_be_shifted_against_each_other(self) -> None:
        assert pseudonym(KEY, "nino", "AB") != pseudonym(KEY, "ninoa", "B")

    @pytest.mark.parametrize("blank", [None, "", "  ", "\t", "\u00a0"])
    def test_a_blank_is_nobody(self, blank: str | None) -> None:
        assert by_the_engine("nino", blank) is None
        assert pseudonym(KEY, "nino", blank) is None


class TestTheKey:
    @pytest.mark.parametrize("key", ["", "5a" * 31, "5A" * 32, "zz" * 32, "correct horse battery staple"])
    def test_what_is_no_key_is_refused_and_not_shown(self, key: str) -> None:
        for attempt in (lambda: pseudonym(key, "nino", "QQ1"), lambda: pseudonyms(key, [pa.array(["m"])])):
            with pytest.raises(UsageError) as refused:
                attempt()
            assert not key or key not in str(refused.value)

    def test_keys_are_not_printed(self) -> None:
        assert KEY not in repr(Keys(KEY, OTHER_KEY))

    def test_a_mark_of_the_membership_index_is_the_first_half_under_its_own_key(self) -> None:
        made = pseudonym(OTHER_KEY, "nino", "QQ123456C")
        assert made is not None
        assert mark(OTHER_KEY, "qq123456c") == int(made[:16], 16)


@pytest.fixture(scope="module")
def source(module_database: Database) -> Iterator[SmallSource]:
    with small_source(module_database) as source:
        for number in range(40):
            source.award(f"QQ{number * 7919 % 1000000:06}A", sex="F")
        source.award("  ", sex="F")
        yield source


class TestTwoAgreementsOnOneView:
    """What two recipients hold side by side, after they asked for the same rows of the same people."""

    files: ClassVar[list[ExtractFile]]

    @pytest.fixture(scope="class")
    def both(self, source: SmallSource, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
        files = []
        for number, key in (("301", KEY), ("302", OTHER_KEY)):
            folder = tmp_path_factory.mktemp(number)
            plan = a_plan(request_id=f"SDDSB-2026-{number}", limits=some_limits(k=0))
            files.append(source.extract(plan, folder, keys=Keys(key, "e" * 64)).files[0])
        assert [f.rows for f in files] == [41, 41]
        type(self).files = files
        return files[0].path, files[1].path

    @pytest.mark.usefixtures("both")
    def test_no_pseudonym_is_in_both(self) -> None:
        one, other = ({row["nino_pseudonym"] for row in rows_of(f)} for f in self.files)
        assert one & other == {None}

    @pytest.mark.usefixtures("both")
    def test_the_same_row_number_is_not_the_same_person(self) -> None:
        """The order by key: with it, position n of one file would be position n of the other."""
        ninos = [f"QQ{n * 7919 % 1000000:06}A" for n in range(40)]
        owners = []
        for file, key in zip(self.files, (KEY, OTHER_KEY), strict=True):
            whose = {pseudonym(key, "nino", n): n for n in ninos}
            found = [row["nino_pseudonym"] for row in rows_of(file)]
            assert found == [*sorted(p for p in found if p), None]
            owners.append([whose[p] for p in found if p])
        assert owners[0] != ninos
        assert sum(a == b for a, b in zip(*owners, strict=True)) < 8

    def test_nothing_else_in_the_files_says_which_person_or_agreement_it_is(self, both: tuple[Path, Path]) -> None:
        from pyarrow import parquet

        for path, file in zip(both, self.files, strict=True):
            metadata = parquet.read_metadata(path)
            assert metadata.metadata is None
            decoded = [str(value) for row in rows_of(file) for value in row.values()]
            assert len(decoded) > 41
            assert not [v for v in decoded if "QQ" in v or "SDDSB" in v]
            columns = [metadata.row_group(0).column(i) for i in range(metadata.num_columns)]
            assert not any(c.is_stats_set for c in columns)
