"""4. Validation, told: the quality report is one page that stands alone, readable by everybody, and holds no value."""

import re
from html.parser import HTMLParser

import pytest

from extracts.extraction.report import render_report
from extracts.extraction.values import CheckKind, CheckResult, Funnel, Report

PASSED = CheckResult("has a value", "benefit_cap.nino", True, "all 4 rows", harm="Promised, but missing.")
FAILED = CheckResult("is one of F, M", "benefit_cap.sex", False, "1 of 4 rows break this", harm="A wrong code.")
UNSURE = CheckResult("there is a row", "benefit_cap", False, not_checked="it could not be run (42501)")
LISTED = CheckResult("is fresh", "benefit_cap", True, not_applicable="first delivery", kind=CheckKind.LIMIT)


def a_report(*checks: CheckResult) -> Report:
    return Report("Release validation", "release 1.0.0", checks, "sha256:" + "a" * 64)


class Page(HTMLParser):
    """What a reader gets: texts, tags in order, attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.unclosed: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "br", "wbr"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.unclosed.append(tag)

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data

    def names(self) -> list[str]:
        return [t for t, _ in self.tags]


def page(*checks: CheckResult, **more: object) -> Page:
    return Page(render_report("Benefit cap, Fife", {"Recipient": "Fife Council"}, [a_report(*checks)], **more))  # type: ignore[arg-type]


def test_a_page_says_first_whether_the_run_may_go_on() -> None:
    text = page(PASSED, LISTED).text
    assert "Passed" in text[: text.index("The run")]
    assert "All 1 checks ran and passed." in text
    text = page(PASSED, FAILED, UNSURE).text
    verdict = text[: text.index("The run")]
    assert "Stopped: nothing leaves" in verdict
    assert "2 of 3 checks stopped this run." in verdict
    assert "benefit_cap.sex is one of F, M: 1 of 4 rows break this" in verdict
    assert "not checked: it could not be run (42501)" in verdict


def test_a_page_without_a_single_check_does_not_say_passed() -> None:
    assert "Stopped" in page().text
    assert "Stopped" in Page(render_report("A run", {}, [])).text
    assert "Stopped" in page(LISTED).text


def test_every_result_is_said_in_words_not_by_colour_alone() -> None:
    text = page(PASSED, FAILED, UNSURE, LISTED).text
    for word in ("\u2713 Passed", "\u2717 Failed", "? Not checked", "\u2013 Does not apply"):
        assert word in text
    assert "1 failed; 1 not checked; 1 passed; 1 does not apply" in text


def test_the_page_is_well_formed_and_has_an_outline() -> None:
    found = page(PASSED, FAILED, funnels={"benefit_cap": Funnel(100, 60, 5, 5, 30)})
    assert found.unclosed == []
    assert found.open == []
    assert [n for n in found.names() if re.fullmatch(r"h\d", n)] == ["h1", "h2", "h2", "h2"]
    assert dict(found.tags)["html"]["lang"] == "en-GB"
    assert found.names().count("title") == found.names().count("main") == 1
    assert found.names().count("caption") == found.names().count("table") == 2
    assert all("scope" in attributes for name, attributes in found.tags if name == "th")


def test_nothing_on_the_page_comes_from_elsewhere() -> None:
    html = render_report("A run", {}, [a_report(PASSED)], {"benefit_cap": Funnel(1, 0, 0, 0, 1)})
    found = Page(html)
    assert not {"script", "link", "img", "iframe", "object", "form"} & set(found.names())
    assert not [a for _, attributes in found.tags for a in attributes if a in ("src", "href") or a.startswith("on")]
    assert not re.search(r"https?://|//[a-z]|@import|url\(|@font-face", html)
    policy = next(a["content"] for n, a in found.tags if n == "meta" and "http-equiv" in a)
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"


def test_whatever_a_name_holds_it_stays_text() -> None:
    bad = '<script>alert("x")</script>&\'<b>'
    check = CheckResult(bad, f"{bad}.{bad}", False, bad, harm=bad)
    listed = CheckResult(bad, bad, True, not_applicable=bad)
    report = Report(bad, bad, (check, listed, CheckResult(bad, bad, False, not_checked=bad)), bad)
    html = render_report(bad, {bad: bad}, [report], {bad: Funnel(1, 0, 0, 0, 1)})
    found = Page(html)
    assert not {"script", "b"} & set(found.names())
    assert found.text.count('alert("x")') >= 15
    assert found.unclosed == []


def test_the_funnel_shows_where_the_rows_went() -> None:
    funnel = Funnel(1_000_000, 900_000, 200, 9_800, 90_000)
    text = " ".join(page(PASSED, funnels={"benefit_cap": funnel}).text.split())
    for step in ("In the source1,000,000100.0 %", "900,00090.0 %", "200under 0.1 %", "9,8001.0 %", "90,0009.0 %"):
        assert step in text


def test_a_source_without_rows_can_be_drawn() -> None:
    assert "0.0 %" in page(PASSED, funnels={"benefit_cap": Funnel(0, 0, 0, 0, 0)}).text


# --- contrast: WCAG 2.2, 1.4.3 (text 4.5:1) and 1.4.11 (graphics 3:1) ------------------------------------------------


def luminance(colour: str) -> float:
    def part(value: int) -> float:
        share = value / 255
        return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4

    digits = colour.lstrip("#")
    red, green, blue = (part(int(digits[i : i + 2], 16)) for i in (0, 2, 4))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def schemes() -> dict[str, dict[str, str]]:
    style = render_report("A run", {}, [])
    light, dark = re.findall(r":root \{([^}]*#[^}]*)\}", style)[:2]
    return {n: dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", s)) for n, s in (("light", light), ("dark", dark))}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("ink", "ground", "least"),
    [
        ("text", "ground", 4.5),
        ("text", "panel", 4.5),
        ("quiet", "ground", 4.5),
        ("quiet", "panel", 4.5),
        ("quiet", "fail-ground", 4.5),
        ("quiet", "unsure-ground", 4.5),
        ("text", "fail-ground", 4.5),
        ("text", "pass-ground", 4.5),
        ("text", "unsure-ground", 4.5),
        ("pass", "ground", 4.5),
        ("pass", "pass-ground", 4.5),
        ("fail", "fail-ground", 4.5),
        ("unsure", "unsure-ground", 4.5),
        ("bar", "ground", 3.0),
        ("bar-gone", "ground", 3.0),
    ],
)
def test_text_and_bars_can_be_read_in_light_and_dark(scheme: str, ink: str, ground: str, least: float) -> None:
    colours = schemes()[scheme]
    assert contrast(colours[ink], colours[ground]) >= least
