"""Several recipients are one reading of the source: each row reaches one file at most, and every row is accounted for.

Files are parted by what the source says beside each row; a naive oracle, which looks at one row after the other, says
what should have come of it.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from extracts.agreement.parts import part_of
from extracts.agreement.plan import ExtractPlan, SmallCells, Unassigned
from extracts.errors import CheckFailed, HoldStops, LimitExceeded
from extracts.extraction.engine import Keys
from extracts.extraction.inspection import inspect
from extracts.extraction.membership import Membership, lookup
from extracts.extraction.values import Extract, Funnel
from tests.support.builders import a_dataset, a_plan, a_planned_dataset, an_identified_plan, some_limits
from tests.support.parts import divided, draw
from tests.support.small_source import KEYS, SmallSource, rows_of

NAMES = tuple((name, "keep", ()) for name in ("nino", "council_code", "weekly_award"))
FIFE, STIRLING, EDINBURGH, MORAY = "S12000047", "S12000030", "S12000036", "S12000020"
MAP = {"fife-council": (FIFE,), "stirling-council": (STIRLING, MORAY)}
PSEUDONYMS = {"fife-council": Keys("1a" * 32, "c3" * 32), "stirling-council": Keys("2b" * 32, "c3" * 32)}


def an_award_plan(names=NAMES, **changes: object) -> ExtractPlan:
    facts = {"request_id": "SDDSB-2026-141", "datasets": (a_planned_dataset(a_dataset(), names),)}
    return an_identified_plan(**{**facts, "limits": some_limits(min_rows=0), **changes})


def people_of(extract: Extract) -> list[str]:
    return sorted(row["nino"] for row in rows_of(extract.files[0]))


def four_people(source: SmallSource) -> None:
    source.award("QQ000001A", council_code=FIFE)
    source.award("QQ000002A", council_code=STIRLING)
    source.award("QQ000003A", council_code=EDINBURGH)
    source.award("QQ000004A", council_code=None)


def test_each_recipient_gets_its_own_rows_and_nobody_the_others(source: SmallSource, tmp_path: Path) -> None:
    four_people(source)
    drawn = draw(source, divided(an_award_plan(), MAP), tmp_path)
    assert [people_of(part) for part in drawn.parts] == [["QQ000001A"], ["QQ000002A"]]
    assert drawn.parts[0].snapshot == drawn.parts[1].snapshot


def test_every_row_of_the_source_is_accounted_for(source: SmallSource, tmp_path: Path) -> None:
    four_people(source)
    source.award("QQ000005A", council_code=FIFE, restricted=True)
    source.award("QQ000006A", council_code=MORAY)
    source.hold("QQ000006A")
    drawn = draw(source, divided(an_award_plan(), MAP), tmp_path)
    assert drawn.whole == {
        "pension_credit_award": Funnel(source=6, filtered=0, held=2, withheld=0, delivered=2, unassigned=2)
    }
    assert [p.files[0].funnel for p in drawn.parts] == [
        Funnel(source=2, filtered=0, held=1, withheld=0, delivered=1),
        Funnel(source=2, filtered=0, held=1, withheld=0, delivered=1),
    ]


def test_rows_that_belong_to_nobody_stop_where_the_plan_says_so(source: SmallSource, tmp_path: Path) -> None:
    four_people(source)
    with pytest.raises(CheckFailed, match="2 rows belong to none of the 2 recipients by their council_code"):
        draw(source, divided(an_award_plan(), MAP, Unassigned.STOP), tmp_path)
    assert list(tmp_path.rglob("*.parquet")) == []


def test_rows_of_those_who_get_nothing_now_are_not_read_and_counted_as_waiting(
    source: SmallSource, tmp_path: Path
) -> None:
    four_people(source)
    drawn = draw(source, divided(an_award_plan(), MAP), tmp_path, only=("stirling-council",))
    assert [people_of(part) for part in drawn.parts] == [["QQ000002A"]]
    assert drawn.whole["pension_credit_award"] == Funnel(4, 0, 0, 0, delivered=1, unassigned=2, waiting=1)


def test_the_column_that_divides_need_not_be_in_the_file(source: SmallSource, tmp_path: Path) -> None:
    four_people(source)
    drawn = draw(source, divided(an_award_plan((("nino", "keep", ()),)), MAP), tmp_path)
    assert rows_of(drawn.parts[0].files[0]) == [{"nino": "QQ000001A"}]


def test_the_role_cannot_see_the_column_that_divides_if_nobody_gets_it(source: SmallSource, tmp_path: Path) -> None:
    plan = divided(an_award_plan((("nino", "keep", ()),)), MAP)
    with source.agree(plan, tmp_path / "passfile").transaction() as connection:
        found = connection.execute(b"SELECT * FROM extract_views.sddsb_2026_141__pension_credit_award")
        assert [column.name for column in found.description or []] == ["nino", "_share"]


def test_recipients_cannot_join_by_pseudonyms(source: SmallSource, tmp_path: Path) -> None:
    """The same person has an award in two areas, and two pseudonyms."""
    source.award("QQ000001A", council_code=FIFE)
    source.award("QQ000001A", council_code=STIRLING)
    dataset = a_planned_dataset(a_dataset(), (("nino", "pseudonymise", ()),))
    plan = divided(a_plan(request_id="SDDSB-2026-141", datasets=(dataset,), limits=some_limits(min_rows=0)), MAP)
    drawn = draw(source, plan, tmp_path, keys=PSEUDONYMS)
    first, second = (list(rows_of(part.files[0])[0].values()) for part in drawn.parts)
    assert len(first) == len(second) == 1
    assert first != second


def test_each_recipient_has_a_membership_index_of_its_own(source: SmallSource, tmp_path: Path) -> None:
    four_people(source)
    source.award("QQ000005A", council_code=STIRLING, restricted=True)
    fife, stirling = (part.membership for part in draw(source, divided(an_award_plan(), MAP), tmp_path).parts)
    assert fife is not None
    assert stirling is not None
    found = {n: [lookup(index, KEYS.membership, n) for index in (fife, stirling)] for n in ("QQ000001A", "QQ000005A")}
    assert found["QQ000001A"] == [(Membership("pension_credit_award", "included"),), ()]
    assert found["QQ000005A"] == [(), (Membership("pension_credit_award", "restricted"),)]


class TestLimitsHoldForEachPart:
    def test_too_few_rows_of_one_stop_all(self, source: SmallSource, tmp_path: Path) -> None:
        source.award("QQ000001A", council_code=FIFE)
        plan = divided(an_award_plan(limits=some_limits(min_rows=1)), MAP)
        with pytest.raises(LimitExceeded, match=r"SDDSB-2026-141 for stirling-council, .*: 0 rows"):
            draw(source, plan, tmp_path)
        assert list(tmp_path.rglob("*.parquet")) == []

    def test_small_groups_are_counted_in_each_part(self, source: SmallSource, tmp_path: Path) -> None:
        """Six women in all, three of them in each area: a group of five would be large enough over both."""
        for number in range(6):
            source.award(f"QQ00000{number}A", council_code=FIFE if number % 2 else STIRLING)
        dataset = a_planned_dataset(a_dataset(), (("nino", "pseudonymise", ()), ("sex", "keep", ())))
        limits = some_limits(min_rows=0, k=5, small_cells=SmallCells.STOP)
        plan = divided(a_plan(request_id="SDDSB-2026-141", datasets=(dataset,), limits=limits), MAP)
        with pytest.raises(LimitExceeded, match="fewer than 5 people"):
            draw(source, plan, tmp_path, keys=PSEUDONYMS)

    def test_a_hold_that_asks_counts_for_whoever_gets_the_row(self, source: SmallSource, tmp_path: Path) -> None:
        four_people(source)
        source.hold("QQ000003A", effect="stop and ask")  # of Edinburgh, which gets nothing
        assert draw(source, divided(an_award_plan(), MAP), tmp_path).parts
        source.hold("QQ000002A", effect="stop and ask")
        (tmp_path / "again").mkdir()
        with pytest.raises(HoldStops):
            draw(source, divided(an_award_plan(), MAP), tmp_path / "again")


class TestInspection:
    def test_it_proves_that_every_row_is_its_recipients(self, source: SmallSource, tmp_path: Path) -> None:
        four_people(source)
        plan = divided(an_award_plan(), MAP)
        for part, recipient in zip(draw(source, plan, tmp_path).parts, plan.recipients, strict=True):
            report = inspect(part_of(plan, recipient), part, division=plan.division)
            assert report.passed
            assert f"every row is {recipient}'s" in {c.name for c in report.checks}

    def test_the_file_of_another_is_found_out_whatever_was_recorded_of_it(
        self, source: SmallSource, tmp_path: Path
    ) -> None:
        four_people(source)
        plan = divided(an_award_plan(), MAP)
        fife, stirling = draw(source, plan, tmp_path).parts
        report = inspect(part_of(plan, "fife-council"), replace(fife, files=stirling.files), division=plan.division)
        assert [(c.name, c.detail) for c in report.stopping] == [
            ("every row is fife-council's", "1 rows are another's")
        ]

    def test_a_row_without_a_value_is_nobodys(self, source: SmallSource, tmp_path: Path) -> None:
        source.award("QQ000004A", council_code=None)
        alone = source.extract(an_award_plan(), tmp_path)
        plan = divided(an_award_plan(), MAP)
        report = inspect(part_of(plan, "fife-council"), alone, division=plan.division)
        assert [c.name for c in report.stopping] == ["every row is fife-council's"]


@pytest.mark.parametrize("seed", range(4))
def test_whatever_the_map_no_row_is_in_two_files_and_the_sum_reconciles(
    source: SmallSource, tmp_path: Path, seed: int
) -> None:
    """Against an oracle that looks at one row after the other: random maps, blanks, unknown values, people twice."""
    chance = random.Random(seed)
    codes = [FIFE, STIRLING, EDINBURGH, MORAY, "S12000049", "", " S12000047", None]
    rows = [(f"QQ{chance.randrange(30):06d}A", chance.choice(codes), chance.random() < 0.15) for _ in range(120)]
    for nino, code, restricted in rows:
        source.award(nino, council_code=code, restricted=restricted)
    known = [code for code in codes if code]
    chance.shuffle(known)
    cuts = sorted(chance.sample(range(1, len(known)), 2))
    shares = {"a": tuple(known[: cuts[0]]), "b": tuple(known[cuts[0] : cuts[1]])}
    drawn = draw(source, divided(an_award_plan(), shares), tmp_path)

    for part, (_, theirs) in zip(drawn.parts, sorted(shares.items()), strict=True):
        wanted = Counter((nino, code) for nino, code, restricted in rows if code in theirs and not restricted)
        assert Counter((row["nino"], row["council_code"]) for row in rows_of(part.files[0])) == wanted
    nobody = sum(code not in (*shares["a"], *shares["b"]) and not restricted for _, code, restricted in rows)
    funnel = drawn.whole["pension_credit_award"]
    assert (funnel.source, funnel.unassigned, funnel.held) == (120, nobody, sum(r for *_, r in rows))
    assert funnel.source == funnel.held + funnel.unassigned + funnel.delivered
