"""Pictures are text: escaped, titled, and true to the values."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from extracts.web.plots import Bar, Lane, bars, lineage

EVIL = '"><script>alert(1)</script>'


def bar(label: str, value: float | None) -> Bar:
    return Bar(label, value, f"{value}")


def heights(picture: str) -> list[float]:
    return [float(h) for h in re.findall(r'class="fill"[^>]* height="([\d.]+)"', picture)]


def test_the_highest_value_is_as_high_as_the_picture_and_the_others_in_proportion():
    found = heights(bars("Rows", [bar("2026-09", 50), bar("2026-10", 100), bar("2026-11", 0)]))
    assert found[1] == 2 * found[0]
    assert found[2] == 1  # nothing is still seen as a line


def test_a_value_that_is_not_known_is_drawn_as_unknown_and_said_to_be():
    picture = bars("Age", [bar("2026-10", None), bar("2026-11", 3)])
    assert len(heights(picture)) == 1
    assert "2026-10: not recorded" in picture


def test_without_any_known_value_there_is_no_picture():
    assert bars("Age", [bar("2026-10", None)]) == ""
    assert bars("Age", []) == ""


def test_a_picture_says_in_words_what_it_shows_and_is_well_formed():
    for picture in (bars("Rows <in> each", [bar("a & b", 1)]), lineage(EVIL, [Lane(EVIL, "year", "born")])):
        root = ElementTree.fromstring(picture)
        assert root.attrib["role"] == "img"
        assert root.attrib["aria-label"]


def test_text_in_a_picture_stays_text():
    picture = bars(EVIL, [Bar(EVIL, 1, EVIL)]) + lineage(EVIL, [Lane(EVIL, EVIL, EVIL)])
    assert "<script" not in picture


def test_each_column_has_a_lane_from_source_to_delivered_name():
    picture = lineage("Columns", [Lane("nino", "pseudonym", "nino_pseudonym"), Lane("sex", "as it is", "sex")])
    assert re.findall(r">([^<>]+)</text>", picture)[3:] == [
        "nino",
        "pseudonym",
        "nino_pseudonym",
        "sex",
        "as it is",
        "sex",
    ]
